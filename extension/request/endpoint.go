package request

import (
	"net"
	"strings"
)

// parts of an endpoint: scheme://host/path#address. The host may have a port; path and address may be "".
type parts struct{ scheme, host, path, address string }

func partsOf(endpoint string) parts {
	scheme, rest, _ := strings.Cut(endpoint, "://")
	rest, address, _ := strings.Cut(rest, "#")
	host, path, hasPath := strings.Cut(rest, "/")
	if hasPath {
		path = "/" + path
	}
	return parts{scheme, host, path, address}
}

// at gives the address with the port that the host has, if any.
func (p parts) at() string {
	if _, port, err := net.SplitHostPort(p.host); err == nil {
		return net.JoinHostPort(p.address, port)
	}
	return strings.TrimSuffix(net.JoinHostPort(p.address, ""), ":")
}

// Label gives an endpoint as its tag has it: host:port and path, the address in place of the name where there is one.
func Label(endpoint string) string {
	p := partsOf(endpoint)
	if p.address == "" {
		return p.host + p.path
	}
	return p.at() + p.path
}
