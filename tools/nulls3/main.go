// nulls3 is an S3 server that does no work: it answers at once, checks nothing and keeps nothing, so that a load run
// against it shows what the client costs. Objects have the bytes that their key's size label says, else 1 KiB. With -delay it
// is a store of known speed instead, which does not depend on the machine.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

const emptyList = `<?xml version="1.0" encoding="UTF-8"?>` +
	`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>`
const created = `<?xml version="1.0" encoding="UTF-8"?>` +
	`<InitiateMultipartUploadResult><UploadId>null</UploadId></InitiateMultipartUploadResult>`

var sizes = map[string]int{"1KB": 1 << 10, "10KB": 10 << 10, "100KB": 100 << 10, "1MB": 1 << 20, "10MB": 10 << 20, "100MB": 100 << 20}

var content = bytes.Repeat([]byte{'0'}, 100<<20)

// objectSize reads the size label of a key: loadtest/{worker}/{size}/…
func objectSize(path string) int {
	for _, part := range strings.Split(path, "/") {
		if n, ok := sizes[part]; ok {
			return n
		}
	}
	return 1 << 10
}

// delay is how long an answer waits.
var delay time.Duration

func serve(c *fasthttp.RequestCtx) {
	if body := c.RequestBodyStream(); body != nil {
		if _, err := io.Copy(io.Discard, body); err != nil {
			c.Error("", fasthttp.StatusBadRequest)
			return
		}
	}
	if delay > 0 {
		time.Sleep(delay)
	}
	c.Response.Header.Set("ETag", `"00000000000000000000000000000000"`)
	path := string(c.Path())
	isBucket := strings.Count(strings.Trim(path, "/"), "/") == 0
	switch method := string(c.Method()); {
	case method == "GET" && isBucket:
		c.SetContentType("application/xml")
		c.SetBodyString(emptyList)
	case method == "GET":
		c.Response.SetBodyRaw(content[:objectSize(path)])
	case method == "HEAD":
		c.Response.SkipBody = true
		c.Response.Header.SetContentLength(objectSize(path))
	case method == "DELETE":
		c.SetStatusCode(fasthttp.StatusNoContent)
	case method == "POST" && c.QueryArgs().Has("uploads"):
		c.SetContentType("application/xml")
		c.SetBodyString(created)
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "loopback address to listen on")
	flag.DurationVar(&delay, "delay", 0, "how long an answer waits")
	flag.Parse()
	if !strings.HasPrefix(*addr, "127.") {
		log.Fatalf("-addr %s: give a loopback address, 127.0.0.1:PORT", *addr)
	}
	// Whoever started it holds its standard input: when that closes, there is nobody left to serve.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Printf("listening on %s\n", *addr)
	server := &fasthttp.Server{Handler: serve, StreamRequestBody: true, MaxRequestBodySize: 5 << 30, NoDefaultServerHeader: true}
	log.Fatal(server.ListenAndServe(*addr))
}
