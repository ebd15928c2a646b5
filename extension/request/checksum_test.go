package request

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"s3loadtest/extension/content"
)

// Check values of https://reveng.sourceforge.io/crc-catalogue/, and of the hashes' own specifications, all of "123456789".
func TestChecksums(t *testing.T) {
	for algorithm, want := range map[string]string{
		"crc32":     "cbf43926",
		"crc32c":    "e3069283",
		"crc64nvme": "ae8b14860a799888",
		"md5":       "25f9e794323b453885f5181f1b624d0b",
		"sha1":      "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		"sha256":    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
	} {
		header := checksumHeader(algorithm, content.Given([]byte("123456789")))
		got, err := base64.StdEncoding.DecodeString(header.Value)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %s is %x, not %s", algorithm, header.Name, got, want)
		}
	}
}
