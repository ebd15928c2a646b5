package request

import (
	"crypto/md5"  //nolint:gosec // S3 has it.
	"crypto/sha1" //nolint:gosec // S3 has it.
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"s3loadtest/extension/content"
	"s3loadtest/extension/sigv4"
)

// nvme is the polynomial of CRC-64/NVME, in reversed bits: NVM Express, NVM Command Set Specification, 5.2.1.3.4.
var nvme = crc64.MakeTable(0x9A6C9329AC4BC9B5)

// checksums that S3 knows, by the names of lib/s3/demands.ts.
var checksums = map[string]func() hash.Hash{
	"md5":       md5.New,
	"sha1":      sha1.New,
	"sha256":    sha256.New,
	"crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"crc64nvme": func() hash.Hash { return crc64.New(nvme) },
}

// checksumHeader is of a body, which is made once for it and once more as it is sent.
func checksumHeader(algorithm string, body content.Body) sigv4.Header {
	name := "x-amz-checksum-" + algorithm
	if algorithm == "md5" {
		name = "content-md5"
	}
	return sigv4.Header{Name: name, Value: base64.StdEncoding.EncodeToString(sumOf(checksums[algorithm](), body))}
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
