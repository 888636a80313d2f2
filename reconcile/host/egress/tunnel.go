package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elazarl/goproxy"
	"golang.org/x/time/rate"
)

// tunnel is what a CONNECT has made: whatever the client and the site say,
// bytes are counted, and the client's first words are checked. Between two TCP
// connections they never leave the kernel (splice).
type tunnel struct {
	net.Conn // the site
	attempt  *attempt
	pumping  atomic.Bool // the client has said what was to be checked
	ended    atomic.Int32
	once     sync.Once
}

// established is the answer to a CONNECT (RFC 9110, 9.3.6).
const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// tunnelThrough is what the engine does with a CONNECT.
func tunnelThrough(r *http.Request, client net.Conn, _ *goproxy.ProxyCtx) {
	a := attemptOf(r.Context())
	t, err := a.connect(r.Context())
	if err == nil {
		_, _ = io.WriteString(client, established)
		go t.run()
		return
	}
	status, text := a.failed(err)
	text = said(text)
	fmt.Fprintf(client, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(text), text)
	client.Close()
}

// connect reaches the site of a CONNECT.
func (a *attempt) connect(ctx context.Context) (*tunnel, error) {
	var c net.Conn
	var err error
	if a.through == nil {
		c, err = a.dial(ctx)
	} else {
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		c, err = a.through.tunnel(ctx, a.site, a.port)
	}
	if err != nil {
		return nil, err
	}
	a.guest.mu.Lock()
	defer a.guest.mu.Unlock()
	if a.verdict == Closed {
		c.Close()
		return nil, refusal{"rules have changed"}
	}
	a.tunnel = &tunnel{Conn: c, attempt: a}
	return a.tunnel, nil
}

// run goes on until both sides have said all, and puts the end on record:
// before, nobody knows what has passed.
func (t *tunnel) run() {
	client := t.attempt.conn
	var up sync.WaitGroup
	up.Go(func() { t.end(t.Conn, t.ask()) })
	t.end(client.TCPConn, t.pump(client.TCPConn, t.Conn, true))
	up.Wait()
	t.Close()
	t.attempt.finish()
}

// end tells one side that the other has said all. After an error there is
// nothing more to be told, and where both have, they are closed.
func (t *tunnel) end(dst net.Conn, err error) {
	c, half := dst.(interface{ CloseWrite() error })
	if err != nil || !half {
		t.Close()
	} else if t.ended.Add(1) == 1 {
		_ = c.CloseWrite()
	}
}

// ask passes on what the client says.
func (t *tunnel) ask() error {
	client := t.attempt.conn
	// Nothing but TLS is spoken on 443, and clients speak first.
	if t.attempt.port == https {
		_ = client.TCPConn.SetReadDeadline(time.Now().Add(helloTime))
	}
	first, err := checkHello(lateHello{client}, t.attempt.site, t.attempt.port)
	if err != nil && !t.passes(err) {
		return t.refuse(err)
	}
	_ = client.TCPConn.SetReadDeadline(time.Time{})
	for _, text := range [][]byte{first, client.early()} {
		if len(text) == 0 {
			continue
		}
		n, err := t.Conn.Write(text)
		t.attempt.moved(&t.attempt.sent, int64(n))
		if err != nil {
			return err
		}
	}
	t.pumping.Store(true)
	return t.pump(t.Conn, client.TCPConn, false)
}

// lateHello sets the time for the rest of a hello once it has begun.
type lateHello struct{ client *conn }

func (l lateHello) Read(p []byte) (int, error) {
	n, err := l.client.words(p)
	if n > 0 {
		_ = l.client.TCPConn.SetReadDeadline(time.Now().Add(helloTime))
	}
	return n, err
}

// passes says whether report mode lets through what a hello should not have
// said.
func (t *tunnel) passes(err error) bool {
	a := t.attempt
	if !errors.Is(err, errNoTLS) && !errors.Is(err, errNoName) && !errors.Is(err, errName) && !errors.Is(err, errHello) {
		return false
	}
	a.guest.mu.Lock()
	defer a.guest.mu.Unlock()
	if a.policy == nil || !a.policy.reports() {
		return false
	}
	a.verdict, a.rule = Reported, err.Error()
	return true
}

// refuse ends the tunnel for what the client said first. A client that said
// nothing at all has changed its mind.
func (t *tunnel) refuse(err error) error {
	a := t.attempt
	if errors.Is(err, io.EOF) {
		return nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errNoHello
	}
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	a.stop(Refused, err.Error())
	return err
}

var errIdle = errors.New("limit: silent for too long")
var errDaily = errors.New("limit: bytes of the day are used up")

// pump copies until the end of src. Where limits want it, it stops now and
// then to look at them: after a time (window) or an amount (chunk).
func (t *tunnel) pump(dst, src net.Conn, in bool) error {
	a := t.attempt
	count := &a.sent
	if in {
		count = &a.received
	}
	left := a.guest.use(0)
	for {
		p, limiter := a.guest.rules()
		if p == nil {
			return net.ErrClosed
		}
		if left == 0 {
			a.stop(Closed, errDaily.Error())
			return errDaily
		}
		idle := p.limits.Idle
		var look, stuck time.Time
		if w := window(idle, left); w > 0 {
			look = time.Now().Add(w)
			stuck = look.Add(idle)
		}
		_ = src.SetReadDeadline(look)
		if idle > 0 {
			_ = dst.SetWriteDeadline(stuck)
		}
		if q, _ := a.guest.rules(); q != p {
			continue // a poke may have come before the time was set
		}
		n, err := move(dst, src, chunk(limiter, left))
		left = a.moved(count, n)
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		// What a write had in hand when its time was over is lost, so there is no
		// going on after it.
		if idle > 0 && (!time.Now().Before(stuck) || n == 0 && a.silent() > idle) {
			a.stop(Closed, errIdle.Error())
			return errIdle
		}
		if limiter != nil && n > 0 {
			if err := limiter.WaitN(context.Background(), int(min(n, int64(limiter.Burst())))); err != nil {
				return err
			}
		}
	}
}

// move copies up to n bytes, or up to the end where n is 0. At the end it is
// io.EOF.
func move(dst, src net.Conn, n int64) (int64, error) {
	from := io.Reader(src)
	limited := &io.LimitedReader{R: src, N: n}
	if n > 0 {
		from = limited
	}
	m, err := io.Copy(dst, from)
	if err == nil && (n == 0 || limited.N > 0) {
		err = io.EOF
	}
	return m, err
}

// window is the time after which a pump looks at limits again; 0 where there
// are none. A fourth of the idle time: bytes that move one way are then never
// counted too late for the other way to take them for silence.
func window(idle time.Duration, left int64) time.Duration {
	w := idle / 4
	if left >= 0 {
		w = least(w, time.Second)
	}
	return w
}

func chunk(l *rate.Limiter, left int64) int64 {
	var n int64
	if l != nil {
		n = int64(l.Burst())
	}
	if left > 0 {
		n = least(n, min(left, 4<<20))
	}
	return n
}

// moved counts bytes. It says how many of the day are left.
func (a *attempt) moved(count interface{ Add(int64) int64 }, n int64) int64 {
	if n > 0 {
		count.Add(n)
		a.active.Store(time.Now().UnixNano())
	}
	return a.guest.use(n)
}

func (a *attempt) silent() time.Duration { return time.Since(time.Unix(0, a.active.Load())) }

// poke ends the pumps' wait, so that they look at the limits.
func (t *tunnel) poke() {
	past := time.Unix(1, 0)
	_ = t.Conn.SetReadDeadline(past)
	if t.pumping.Load() {
		_ = t.attempt.conn.TCPConn.SetReadDeadline(past)
	}
}

// Close ends both sides.
func (t *tunnel) Close() error {
	err := net.ErrClosed
	t.once.Do(func() {
		err = t.Conn.Close()
		t.attempt.conn.Close()
	})
	return err
}
