package egress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
)

// newEngine is goproxy with our judgement in its way to the sites: what it
// dials, and what it passes on. It has no handler that looks into TLS.
func (p *Proxy) newEngine() *goproxy.ProxyHttpServer {
	e := goproxy.NewProxyHttpServer()
	e.Logger = log.New(io.Discard, "", 0)
	e.Tr = &http.Transport{Proxy: nil}
	e.KeepAcceptEncoding = true
	e.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: tunnelThrough}, host
	})
	e.OnRequest().DoFunc(outward)
	e.OnResponse().DoFunc(homeward)
	return e
}

// refuse answers a request that goes no further.
func refuse(w http.ResponseWriter, h head, rule string) {
	status := http.StatusForbidden
	if h.fault != nil {
		status = h.fault.status
	}
	if h.fault != nil || h.body || h.connect || h.upgrade {
		w.Header().Set("Connection", "close")
	}
	http.Error(w, strings.TrimSuffix(said(rule), "\n"), status)
}

// said is what a client gets to read.
func said(rule string) string { return "strake egress: " + rule + "\n" }

// outward makes a request ready for its site. Of what is between two
// neighbours (RFC 9110, 7.6.1) nothing goes on but the wish for a websocket,
// and nothing that says who asked: the site learns of the host alone.
func outward(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
	a := attemptOf(r.Context())
	websocket := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	betweenNeighbours(r.Header)
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-Ip", "Via", "Http2-Settings"} {
		r.Header.Del(name)
	}
	if websocket {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
	}
	if _, said := r.Header["User-Agent"]; !said {
		r.Header["User-Agent"] = nil // else net/http adds its own
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &body{r.Body, nil, a, true}
	}
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if a.through == nil { // it may have been made for another request
			_, _ = a.reached(i.Conn, judgement{})
		}
	}}
	ctx.RoundTripper = goproxy.RoundTripperFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
		a.watchIdle()
		answer, err := a.guest.client().RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
		if err == nil && a.through != nil && answer.StatusCode == http.StatusProxyAuthRequired {
			answer.Body.Close() // that is between the two proxies, and not the client's to mend
			return nil, fmt.Errorf("%w with status %d", errUpstream, answer.StatusCode)
		}
		if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
			// Here, where the engine takes it for the site's own: of one that comes
			// later it tells the client no length.
			answer.Body = &body{answer.Body, nil, a, false}
		}
		return answer, err
	})
	return r, nil
}

// betweenNeighbours takes out what is not meant for whoever comes next, also
// what the Connection field names.
func betweenNeighbours(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Upgrade"} {
		h.Del(name)
	}
}

// homeward makes an answer ready for the client, or one of our own where there
// is none.
func homeward(r *http.Response, ctx *goproxy.ProxyCtx) *http.Response {
	a := attemptOf(ctx.Req.Context())
	if r == nil {
		status, text := a.failed(ctx.Error)
		r = goproxy.NewResponse(ctx.Req, "text/plain", status, said(text))
		r.Header.Set("Connection", "close")
		return r
	}
	if r.StatusCode == http.StatusSwitchingProtocols {
		if w, ok := r.Body.(io.ReadWriteCloser); ok {
			a.websocket = true
			r.Body = &body{w, w, a, false}
		}
		return r
	}
	betweenNeighbours(r.Header)
	if ctx.Req.Body != nil && ctx.Req.Body != http.NoBody || attemptUpgrades(ctx.Req) {
		r.Header.Set("Connection", "close") // see conn
	}
	return r
}

func attemptUpgrades(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// body counts what goes through, and keeps to the limits. That of a websocket
// is written to, too.
type body struct {
	io.ReadCloser
	io.Writer
	attempt *attempt
	out     bool // from the container
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	count := &b.attempt.received
	if b.out {
		count = &b.attempt.sent
	}
	if wrong := b.attempt.pass(count, n); wrong != nil {
		err = wrong
	}
	return n, err
}

func (b *body) Write(p []byte) (int, error) {
	if b.Writer == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := b.Writer.Write(p)
	if wrong := b.attempt.pass(&b.attempt.sent, n); err == nil {
		err = wrong
	}
	return n, err
}

// pass counts bytes that have moved, and waits for as long as the rate wants.
func (a *attempt) pass(count interface{ Add(int64) int64 }, n int) error {
	if a.moved(count, int64(n)) == 0 {
		a.stop(Closed, errDaily.Error())
		return errDaily
	}
	_, limiter := a.guest.rules()
	for limiter != nil && n > 0 {
		part := min(n, limiter.Burst())
		if err := limiter.WaitN(context.Background(), part); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// watchIdle ends a request in which nothing moves for too long.
func (a *attempt) watchIdle() {
	p, _ := a.guest.rules()
	if p == nil || p.limits.Idle == 0 {
		return
	}
	var look func()
	look = func() {
		silent := a.silent()
		if silent >= p.limits.Idle {
			a.stop(Closed, errIdle.Error())
			return
		}
		a.guest.mu.Lock()
		defer a.guest.mu.Unlock()
		if !a.over {
			a.idle = time.AfterFunc(p.limits.Idle-silent, look)
		}
	}
	look()
}

// prompt passes on at once what a site says: it may be all for a while.
type prompt struct{ http.ResponseWriter }

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (p prompt) ReadFrom(r io.Reader) (total int64, err error) {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			m, wrong := p.Write(buf[:n])
			if total += int64(m); wrong != nil {
				return total, wrong
			}
			p.Flush()
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (p prompt) Flush() {
	if f, ok := p.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Hijack gives the connection to a websocket.
func (p prompt) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.ResponseWriter.(http.Hijacker).Hijack()
}
