package egress

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Bounds of what a client says first in a tunnel.
const (
	mostHello = 64 << 10
	helloTime = 10 * time.Second
)

// https is the port where nothing but TLS is spoken.
const https = 443

var (
	errNoTLS   = errors.New("no TLS on port 443")
	errNoName  = errors.New("TLS without a server name")
	errName    = errors.New("TLS server name is not the host")
	errNoHello = errors.New("no TLS hello in time")
	errHello   = errors.New("TLS hello can't be read")
)

// checkHello reads what a client says first, and says whether it may: where it
// is TLS, the server name has to be the host that was asked for. What was read
// comes back, to be passed on. Without TLS nothing can be said of what follows:
// that is no way for port 443, and the list's business on others.
//
// A host asked for by address has no server name (RFC 6066, 3), or its own in
// clients that don't know. Encrypted hellos (RFC 9849) show an outer name: it is
// that name that has to be the host. Which is more, lies in the encrypted part,
// where the server alone can read it.
func checkHello(r io.Reader, s site, port int) ([]byte, error) {
	first := make([]byte, 2<<10) // most hellos are shorter
	n, err := r.Read(first)
	first = first[:n]
	switch {
	case n == 0 && err == nil:
		return nil, io.ErrNoProgress
	case n == 0:
		return nil, err
	case first[0] != 22 && port == https: // handshake (RFC 8446, 5.1)
		return first, errNoTLS
	case first[0] != 22:
		return first, nil
	}
	said := bytes.NewBuffer(first)
	rest := io.TeeReader(io.LimitReader(r, mostHello), said)
	name, err := serverName(io.MultiReader(bytes.NewReader(first), rest))
	if err != nil {
		return said.Bytes(), err
	}
	return said.Bytes(), sameName(name, s)
}

func sameName(name string, s site) error {
	if name == "" {
		if s.addr.IsValid() {
			return nil
		}
		return errNoName
	}
	if got, err := parseSite(name); err != nil || got != s {
		return errName
	}
	return nil
}

// serverName has crypto/tls read the hello, and stops it there.
func serverName(r io.Reader) (string, error) {
	var name string
	seen := false
	stop := errors.New("seen")
	err := tls.Server(mute{r}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name, seen = h.ServerName, true
		return nil, stop
	}}).Handshake()
	if seen {
		return name, nil
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return "", errNoHello
	}
	return "", errHello
}

// mute is a connection that is only read: the alert that crypto/tls sends when
// it is stopped goes nowhere.
type mute struct{ io.Reader }

func (mute) Write(p []byte) (int, error)      { return len(p), nil }
func (mute) Close() error                     { return nil }
func (mute) LocalAddr() net.Addr              { return nil }
func (mute) RemoteAddr() net.Addr             { return nil }
func (mute) SetDeadline(time.Time) error      { return nil }
func (mute) SetReadDeadline(time.Time) error  { return nil }
func (mute) SetWriteDeadline(time.Time) error { return nil }
