package egress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// tunnel is the far side of a CONNECT. goproxy copies from and to it; what it
// copies with (ReadFrom, WriteTo) is where the client's first words are checked
// and bytes are counted. Between two TCP connections they never leave the
// kernel (splice).
type tunnel struct {
	net.Conn
	attempt *attempt
	early   []byte      // from the client, read by net/http along with the head
	pumping atomic.Bool // the client has said what was to be checked
	once    sync.Once

	flows struct { // pumps that have not counted all yet
		sync.Mutex
		n      int
		closed bool
	}
}

type halfCloser interface {
	CloseWrite() error
	CloseRead() error
}

var (
	_ io.ReaderFrom = (*tunnel)(nil)
	_ io.WriterTo   = (*tunnel)(nil)
	_ halfCloser    = (*tunnel)(nil)
)

// connect reaches the site of a CONNECT.
func (a *attempt) connect(ctx context.Context) (net.Conn, error) {
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
	t := &tunnel{Conn: c, attempt: a}
	a.guest.mu.Lock()
	a.tunnel = t
	stopped := a.verdict == Closed
	a.guest.mu.Unlock()
	if stopped {
		c.Close()
		return nil, refusal{"rules have changed"}
	}
	return t, nil
}

// Write takes what net/http has read ahead: io.MultiReader, in which goproxy
// puts it before the connection, writes it by itself. It goes nowhere before
// ReadFrom has checked it.
func (t *tunnel) Write(p []byte) (int, error) {
	if t.pumping.Load() || len(t.early)+len(p) > mostHello {
		return 0, io.ErrShortWrite
	}
	t.early = append(t.early, p...)
	return len(p), nil
}

// ReadFrom passes on what the client says, after what came early.
func (t *tunnel) ReadFrom(r io.Reader) (int64, error) {
	client := t.attempt.conn
	if len(t.early) > 0 {
		r, t.early = io.MultiReader(bytes.NewReader(t.early), r), nil
	}
	// Nothing but TLS is spoken on 443, and clients speak first.
	if t.attempt.port == https {
		_ = client.TCPConn.SetReadDeadline(time.Now().Add(helloTime))
	}
	first, err := checkHello(lateHello{r, client}, t.attempt.site, t.attempt.port)
	if err != nil && !t.passes(err) {
		return 0, t.refuse(err)
	}
	n, err := t.Conn.Write(first)
	t.attempt.moved(&t.attempt.sent, int64(n))
	if err != nil {
		return int64(n), err
	}
	_ = client.TCPConn.SetReadDeadline(time.Time{})
	if len(client.in) > 0 { // received along with the head
		m, err := t.Conn.Write(client.in)
		client.in = nil
		t.attempt.moved(&t.attempt.sent, int64(m))
		if n += m; err != nil {
			return int64(n), err
		}
	}
	t.pumping.Store(true)
	m, err := t.pump(t.Conn, client.TCPConn, false)
	return int64(n) + m, err
}

// lateHello sets the time for the rest of a hello once it has begun.
type lateHello struct {
	io.Reader
	client *conn
}

func (l lateHello) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
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

// WriteTo passes on what the site says. w is the client's connection.
func (t *tunnel) WriteTo(io.Writer) (int64, error) {
	return t.pump(t.attempt.conn.TCPConn, t.Conn, true)
}

var errIdle = errors.New("limit: silent for too long")
var errDaily = errors.New("limit: bytes of the day are used up")

// pump copies until the end of src. Where limits want it, it stops now and
// then to look at them: after a time (window) or an amount (chunk).
func (t *tunnel) pump(dst, src net.Conn, in bool) (int64, error) {
	t.flow(1)
	defer t.flow(-1)
	a := t.attempt
	count := &a.sent
	if in {
		count = &a.received
	}
	var total int64
	left := a.guest.use(0)
	for {
		p, limiter := a.guest.rules()
		if p == nil {
			return total, net.ErrClosed
		}
		if left == 0 {
			a.stop(Closed, errDaily.Error())
			return total, errDaily
		}
		idle, now := p.limits.Idle, time.Now()
		look := now.Add(window(idle, left))
		stuck := look.Add(idle)
		_ = src.SetReadDeadline(look)
		if idle > 0 {
			_ = dst.SetWriteDeadline(stuck)
		}
		if q, _ := a.guest.rules(); q != p {
			continue // a poke may have come before the time was set
		}
		n, err := move(dst, src, chunk(limiter, left))
		total += n
		left = a.moved(count, n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
		// What a write had in hand when its time was over is lost, so there is no
		// going on after it.
		if idle > 0 && (!time.Now().Before(stuck) || n == 0 && a.silent() > idle) {
			a.stop(Closed, errIdle.Error())
			return total, errIdle
		}
		if limiter != nil && n > 0 {
			if err := limiter.WaitN(context.Background(), int(min(n, int64(limiter.Burst())))); err != nil {
				return total, err
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

// window is the time after which a pump looks at limits again. A fourth of the
// idle time: bytes that move one way are then never counted too late for the
// other way to take them for silence.
func window(idle time.Duration, left int64) time.Duration {
	w := time.Minute
	if idle > 0 {
		w = min(w, idle/4)
	}
	if left >= 0 {
		w = min(w, time.Second)
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

// flow counts pumps. The last one of a tunnel that is closed puts it on record:
// before, nobody knows what has passed.
func (t *tunnel) flow(more int) {
	t.flows.Lock()
	t.flows.n += more
	last := t.flows.closed && t.flows.n == 0
	t.flows.Unlock()
	if last {
		t.attempt.finish()
	}
}

// Close ends both sides, and with them the attempt.
func (t *tunnel) Close() error {
	err := net.ErrClosed
	t.once.Do(func() {
		err = t.Conn.Close()
		t.attempt.conn.Close()
		t.flows.Lock()
		t.flows.closed = true
		t.flows.Unlock()
		t.flow(0)
	})
	return err
}

func (t *tunnel) CloseWrite() error {
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

func (t *tunnel) CloseRead() error {
	if c, ok := t.Conn.(interface{ CloseRead() error }); ok {
		return c.CloseRead()
	}
	return nil
}
