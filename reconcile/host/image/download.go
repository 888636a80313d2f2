package image

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// ErrPlain: what comes over plain HTTP may be anybody's.
var ErrPlain = errors.New("plain HTTP to another host can't be trusted: https is needed")

// patience is how long a server may take to begin an answer, and to go on.
const patience = time.Minute

// open is how archives come whose digest is known beforehand.
var open = patient{&http.Transport{
	Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: patience}).DialContext,
	TLSHandshakeTimeout: patience, ResponseHeaderTimeout: patience, ForceAttemptHTTP2: true,
}}

// trusted is how everything else comes.
var trusted = onlyTrusted{open}

// onlyTrusted asks other hosts over TLS only, wherever a server leads.
type onlyTrusted struct{ by http.RoundTripper }

func (o onlyTrusted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, ErrPlain)
	}
	return o.by.RoundTrip(r)
}

// patient ends an answer that stops coming: a client's own timeout is for the
// whole of it.
type patient struct{ by http.RoundTripper }

func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	answer, err := p.by.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	stalled := func() { cancel(fmt.Errorf("%s: nothing came for %s", r.URL.Host, patience)) }
	answer.Body = &watched{answer.Body, time.AfterFunc(patience, stalled), ctx, cancel}
	return answer, nil
}

type watched struct {
	io.ReadCloser
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.timer.Reset(patience)
	if cause := context.Cause(w.ctx); cause != nil && err != nil {
		err = cause
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	w.cancel(nil)
	return w.ReadCloser.Close()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// get asks for an address. size is -1 where the server does not say.
func get(ctx context.Context, by http.RoundTripper, url string) (body io.ReadCloser, size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("User-Agent", "strake")
	answer, err := (&http.Client{Transport: by}).Do(request)
	if err != nil {
		return nil, 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, 0, errors.Join(fmt.Errorf("get %s: the server says %s", url, answer.Status), answer.Body.Close())
	}
	return answer.Body, answer.ContentLength, nil
}

// download fetches a file to path, and leaves nothing there that is not what
// sum says, in hexadecimal.
func (s *Store) download(ctx context.Context, by http.RoundTripper, url, sum, path string) (err error) {
	body, size, err := get(ctx, by, url)
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	metered, end := s.metered(url, size, body)
	have := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, have), &bounded{from: metered, left: usual.bytes})
	end()
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := same(have.Sum(nil), "sha256:"+sum); err != nil {
		return errors.Join(fmt.Errorf("get %s: %w", url, err), os.Remove(path))
	}
	return nil
}

// metered shows how much of r has been read.
func (s *Store) metered(what string, total int64, r io.Reader) (io.Reader, func()) {
	if s.Meter == nil {
		return r, func() {}
	}
	add, end := s.Meter(what, max(total, 0))
	return &counted{r, add}, end
}

type counted struct {
	from io.Reader
	add  func(int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.add(n)
	return n, err
}
