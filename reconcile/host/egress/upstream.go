package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// upstream is a proxy to go through. Names are looked up by it: where there is
// one, a name's address is not ours to check.
type upstream struct {
	address        string // host:port
	tls            bool
	host           string // that its certificate is for
	user, password string
}

func newUpstream(text, user, password string) (*upstream, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("upstream %w", ErrRule) // without the text: a password may be in it
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return &upstream{net.JoinHostPort(u.Hostname(), port), u.Scheme == "https", u.Hostname(), user, password}, nil
}

func (u *upstream) equal(v *upstream) bool {
	return u == v || u != nil && v != nil && *u == *v
}

// url is for plain HTTP, where net/http speaks to it.
func (u *upstream) url() *url.URL {
	to := &url.URL{Scheme: "http", Host: u.address}
	if u.tls {
		to.Scheme = "https"
	}
	if u.user != "" {
		to.User = url.UserPassword(u.user, u.password)
	}
	return to
}

var errUpstream = errors.New("upstream proxy refuses")

// tunnel has the upstream proxy connect to a site.
func (u *upstream) tunnel(ctx context.Context, s site, port int) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", u.address)
	if err != nil {
		return nil, fmt.Errorf("reach upstream proxy: %w", err)
	}
	until, _ := ctx.Deadline()
	_ = c.SetDeadline(until)
	if u.tls {
		c = tls.Client(c, &tls.Config{ServerName: u.host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	if err := u.ask(c, fmt.Sprintf("%s:%d", s, port)); err != nil {
		c.Close()
		return nil, err
	}
	return c, c.SetDeadline(time.Time{})
}

// ask sends CONNECT and reads the answer's head byte by byte: what follows it
// is the site's.
func (u *upstream) ask(c net.Conn, to string) error {
	text := "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n"
	if u.user != "" {
		text += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.user+":"+u.password)) + "\r\n"
	}
	if _, err := io.WriteString(c, text+"\r\n"); err != nil {
		return fmt.Errorf("ask upstream proxy: %w", err)
	}
	r := bufio.NewReaderSize(io.LimitReader(single{c}, mostHead), 16)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("ask upstream proxy: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%w with status %d", errUpstream, answer.StatusCode)
	}
	return nil
}

// single reads one byte at a time.
type single struct{ r io.Reader }

func (s single) Read(p []byte) (int, error) { return s.r.Read(p[:min(1, len(p))]) }
