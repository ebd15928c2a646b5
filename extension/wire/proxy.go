package wire

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Proxy is an HTTP proxy that connections go through: by CONNECT where the host speaks TLS. Requests of plain HTTP name all of
// their URL, and have the proxy's Authorization themselves.
type Proxy struct {
	// Address is host:port.
	Address string
	// Authorization is the value of Proxy-Authorization, "" for none.
	Authorization string
}

// ProxyOf takes a proxy's URL, http://user:password@host:port.
func ProxyOf(u *url.URL) *Proxy {
	p := &Proxy{Address: u.Host}
	if u.Port() == "" {
		p.Address = net.JoinHostPort(u.Hostname(), "80")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		p.Authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	return p
}

// HeaderLine gives the line that a request has for it, "" for none.
func (p *Proxy) HeaderLine() string {
	if p.Authorization == "" {
		return ""
	}
	return "Proxy-Authorization: " + p.Authorization + "\r\n"
}

// tunnel asks the proxy for a connection to an address.
func (p *Proxy) tunnel(ctx context.Context, c net.Conn, address string) error {
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if _, err := fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", address, address, p.HeaderLine()); err != nil {
		return err
	}
	// TLS servers do not speak first, so nothing is read that is not the proxy's.
	response, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("the proxy %s does not answer CONNECT: %w", p.Address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the proxy %s answers CONNECT with %s", p.Address, response.Status)
	}
	return nil
}
