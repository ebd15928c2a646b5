package request

import (
	"crypto/md5"  //nolint:gosec // S3 has it.
	"crypto/sha1" //nolint:gosec // S3 has it.
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strconv"

	"s3loadtest/extension/chunked"
	"s3loadtest/extension/content"
	"s3loadtest/extension/sigv4"
)

// checksums that S3 knows, by the names of lib/s3/demands.ts.
var checksums = map[string]func() hash.Hash{
	"md5":       md5.New,
	"sha1":      sha1.New,
	"sha256":    sha256.New,
	"crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"crc64nvme": newCRC64NVME,
}

// checksumHeader is of a body, which is made once for it and once more as it is sent.
func checksumHeader(algorithm string, body content.Body) sigv4.Header {
	sum := sumOf(checksums[algorithm](), body)
	return sigv4.Header{Name: checksumName(algorithm), Value: base64.StdEncoding.EncodeToString(sum)}
}

func checksumName(algorithm string) string {
	if algorithm == "md5" {
		return "content-md5"
	}
	return "x-amz-checksum-" + algorithm
}

// trailerOf is a checksum that is made as its body is sent, once.
func trailerOf(algorithm string) chunked.Trailer {
	return chunked.Trailer{Name: checksumName(algorithm), New: checksums[algorithm]}
}

// announcing gives headers with those that tell of a body in chunks.
func announcing(headers []sigv4.Header, trailer chunked.Trailer, body content.Body) []sigv4.Header {
	told := []sigv4.Header{
		{Name: "x-amz-decoded-content-length", Value: strconv.FormatInt(body.Len(), 10)},
		{Name: "x-amz-trailer", Value: trailer.Name},
	}
	encoding := "aws-chunked"
	for _, h := range headers {
		if h.Name == "content-encoding" {
			// The object keeps the one that is its own.
			encoding += "," + h.Value
			continue
		}
		told = append(told, h)
	}
	return append(told, sigv4.Header{Name: "content-encoding", Value: encoding})
}

func sumOf(h hash.Hash, body content.Body) []byte {
	var piece [32 << 10]byte
	for at := int64(0); at < body.Len(); {
		n := body.ReadAt(piece[:], at)
		_, _ = h.Write(piece[:n])
		at += int64(n)
	}
	return h.Sum(nil)
}
