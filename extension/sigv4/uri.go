package sigv4

import (
	"sort"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// unreserved holds what RFC 3986 and SigV4 leave as it is.
var unreserved = func() (is [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" {
		is[c] = true
	}
	return is
}()

// AppendKey appends the path of a key: its UTF-8 bytes percent-encoded except unreserved ones and slashes. Nothing is
// normalised, as S3 asks.
func AppendKey(dst []byte, key string) []byte {
	return appendEncoded(dst, key, true)
}

// EncodeQueryPart encodes one name or value of a query, slashes included.
func EncodeQueryPart(text string) string {
	return string(appendEncoded(nil, text, false))
}

func appendEncoded(dst []byte, text string, keepSlash bool) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if unreserved[c] || keepSlash && c == '/' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// CanonicalQuery gives a query in canonical order, by encoded name; a sub-resource such as uploads has an empty value and
// keeps its equals sign.
func CanonicalQuery(query map[string]string) string {
	type pair struct{ name, value string }
	pairs := make([]pair, 0, len(query))
	for name, value := range query {
		pairs = append(pairs, pair{EncodeQueryPart(name), EncodeQueryPart(value)})
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i].name < pairs[j].name })
	var all strings.Builder
	for i, p := range pairs {
		if i > 0 {
			all.WriteByte('&')
		}
		all.WriteString(p.name + "=" + p.value)
	}
	return all.String()
}
