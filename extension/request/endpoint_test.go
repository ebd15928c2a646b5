package request

import "testing"

func TestLabel(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://s3:9000":                      "s3:9000",
		"https://s3.example/s3":               "s3.example/s3",
		"https://s3.example:9000/s3#10.0.0.1": "10.0.0.1:9000/s3",
		"https://s3.example#fd00::1":          "[fd00::1]",
		"http://[::1]:9000":                   "[::1]:9000",
	} {
		if got := Label(endpoint); got != want {
			t.Errorf("%s is %s, not %s", endpoint, got, want)
		}
	}
}
