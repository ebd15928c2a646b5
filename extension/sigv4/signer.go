package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"sync"
	"time"
)

// Signer signs requests to one host. It keeps the signing key for a day, and everything but method, path and query for a
// second, so that a plain request, which is almost every one, costs a hash and an HMAC and no memory.
type Signer struct {
	credentials  Credentials
	region, host string
	now          func() time.Time
	// latest, which may be nil, gives those that have taken the place of credentials; nil for none.
	latest func() *Credentials

	mu sync.Mutex
	// The second that all below is of.
	second int64
	date   string
	scope  string
	key    []byte
	mac    hash.Hash
	hash   hash.Hash
	// A plain canonical request from its fourth line on; what stands before its hash; header lines, the signature excepted.
	requestTail, toSignHead, headersHead []byte
	// Used again by each request, and kept here because a hash would make them escape.
	canonical []byte
	sum       [sha256.Size]byte
	text      [2 * sha256.Size]byte
}

// NewSigner signs for a host as the Host header has it: with its port unless that is the scheme's own.
func NewSigner(credentials Credentials, region, host string, now func() time.Time) *Signer {
	return &Signer{credentials: credentials, region: region, host: host, now: now, second: -1, hash: sha256.New()}
}

// Renewed makes it ask, once a second, for credentials that have taken the place of its own.
func (s *Signer) Renewed(latest func() *Credentials) { s.latest = latest }

// AppendPlain appends the signed header lines of a request whose body is not hashed, and which has no others to sign.
func (s *Signer) AppendPlain(dst []byte, method string, path []byte, query string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew()
	c := append(append(s.canonical[:0], method...), '\n')
	c = append(append(c, path...), '\n')
	c = append(append(c, query...), '\n')
	s.canonical = append(c, s.requestTail...)
	dst = append(dst, s.headersHead...)
	dst = s.appendSignature(dst)
	return append(dst, "\r\n"...)
}

// Form gives the fields of a form that say who signs it, and its policy with the signature. policyOf gives that in base64, by the
// former.
func (s *Signer) Form(policyOf func(by []Header) string) []Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew()
	by := []Header{
		{"x-amz-algorithm", algorithm},
		{"x-amz-credential", s.credentials.AccessKeyID + "/" + s.scope},
		{"x-amz-date", s.date},
	}
	if s.credentials.SessionToken != "" {
		by = append(by, Header{"x-amz-security-token", s.credentials.SessionToken})
	}
	policy := policyOf(slices.Clone(by))
	s.mac.Reset()
	s.mac.Write([]byte(policy))
	return append(by, Header{"policy", policy}, Header{"x-amz-signature", hex.EncodeToString(s.mac.Sum(nil))})
}

// Append appends the signed header lines of a request with more headers to sign, or a hashed body.
func (s *Signer) Append(dst []byte, method string, path []byte, query string, more []Header, payloadHash string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.append(dst, method, path, query, more, payloadHash)
}

func (s *Signer) append(dst []byte, method string, path []byte, query string, more []Header, payloadHash string) []byte {
	s.renew()
	own := s.headers(more, payloadHash)
	block, signed := CanonicalHeaders(append(own, Header{"host", s.host}))
	s.canonical = append(s.canonical[:0], CanonicalRequest(method, string(path), query, block, signed, payloadHash)...)
	for _, h := range own {
		dst = appendLine(dst, h.Name, h.Value)
	}
	dst = append(append(dst, "authorization: "...), Authorization(s.credentials.AccessKeyID, s.scope, signed)...)
	dst = s.appendSignature(dst)
	return append(dst, "\r\n"...)
}

func (s *Signer) headers(more []Header, payloadHash string) []Header {
	all := append([]Header(nil), more...)
	if s.credentials.SessionToken != "" {
		all = append(all, Header{"x-amz-security-token", s.credentials.SessionToken})
	}
	return append(all, Header{"x-amz-content-sha256", payloadHash}, Header{"x-amz-date", s.date})
}

// renew does the clock's work, once a second. A clock may be set back, too.
func (s *Signer) renew() {
	now := s.now()
	if now.Unix() == s.second {
		return
	}
	s.second = now.Unix()
	s.date = Date(now)
	if s.latest != nil {
		if renewed := s.latest(); renewed != nil && *renewed != s.credentials {
			s.credentials, s.scope = *renewed, ""
		}
	}
	if scope := Scope(s.date, s.region, "s3"); scope != s.scope {
		s.scope = scope
		s.key = SigningKey(s.credentials.SecretAccessKey, scope)
		s.mac = hmac.New(sha256.New, s.key)
	}
	own := s.headers(nil, UnsignedPayload)
	block, signed := CanonicalHeaders(append(own, Header{"host", s.host}))
	s.requestTail = []byte(block + "\n" + signed + "\n" + UnsignedPayload)
	s.toSignHead = []byte(StringToSign(s.date, s.scope, ""))
	s.headersHead = s.headersHead[:0]
	for _, h := range own {
		s.headersHead = appendLine(s.headersHead, h.Name, h.Value)
	}
	s.headersHead = append(append(s.headersHead, "authorization: "...), Authorization(s.credentials.AccessKeyID, s.scope, signed)...)
}

// appendSignature signs what s.canonical holds.
func (s *Signer) appendSignature(dst []byte) []byte {
	s.hash.Reset()
	s.hash.Write(s.canonical)
	hex.Encode(s.text[:], s.hash.Sum(s.sum[:0]))
	s.mac.Reset()
	s.mac.Write(s.toSignHead)
	s.mac.Write(s.text[:])
	hex.Encode(s.text[:], s.mac.Sum(s.sum[:0]))
	return append(dst, s.text[:]...)
}

func appendLine(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}
