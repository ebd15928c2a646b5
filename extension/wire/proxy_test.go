package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTunnelThatIsRefused(t *testing.T) {
	asked := make(chan string, 1)
	s := serve(t, func(c net.Conn, r *bufio.Reader) {
		head := ""
		for line := ""; line != "\r\n"; head += line {
			line, _ = r.ReadString('\n')
		}
		asked <- head
		_, _ = c.Write([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
	})
	host := &Host{Address: "s3:443", TLS: &tls.Config{}, Proxy: ProxyOf(&url.URL{Host: s.Addr().String(), User: url.UserPassword("me", "hush")})}
	_, err := Dial(context.Background(), &net.Dialer{}, host, time.Now().Add(10*time.Second), &Times{})
	if err == nil || !strings.Contains(err.Message, "answers CONNECT with 403 Forbidden") || strings.Contains(err.Message, "hush") {
		t.Errorf("%+v", err)
	}
	if head := <-asked; !strings.HasPrefix(head, "CONNECT s3:443 HTTP/1.1\r\n") || !strings.Contains(head, "Proxy-Authorization: Basic bWU6aHVzaA==\r\n") {
		t.Errorf("%q", head)
	}
}

func TestTunnelThatHangs(t *testing.T) {
	s := serve(t, func(_ net.Conn, r *bufio.Reader) { _, _ = r.ReadByte(); time.Sleep(time.Second) })
	host := &Host{Address: "s3:443", TLS: &tls.Config{}, Proxy: ProxyOf(&url.URL{Host: s.Addr().String()})}
	began := time.Now()
	_, err := Dial(context.Background(), &net.Dialer{}, host, began.Add(100*time.Millisecond), &Times{})
	if err == nil || err.Code != codeDialTimeout || time.Since(began) > 900*time.Millisecond {
		t.Errorf("%+v after %v", err, time.Since(began))
	}
}
