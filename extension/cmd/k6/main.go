// The k6 that the project builds for itself: k6 as released, with the extension k6/x/s3loadtest.
package main

import (
	"go.k6.io/k6/v2/cmd"
	_ "s3loadtest/extension"
)

func main() { cmd.Execute() }
