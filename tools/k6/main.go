// The k6 that the project builds for itself: k6 as released, and nothing more.
package main

import "go.k6.io/k6/v2/cmd"

func main() { cmd.Execute() }
