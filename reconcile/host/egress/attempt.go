package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// dialTime is how long it may take to look up a name and reach a site.
const dialTime = 30 * time.Second

// lasting is how long something is under way when it is noted before its end.
const lasting = 10 * time.Second

// attempt is a request or tunnel under way.
type attempt struct {
	guest  *guest
	conn   *conn
	began  time.Time
	method string
	site   site
	port   int

	websocket bool // the site has agreed to one; the handler's own

	sent, received atomic.Int64
	active         atomic.Int64 // when a byte moved last, Unix nanoseconds

	// Below mu of the guest.
	policy  *policy // that it was judged by
	verdict Verdict
	rule    string
	addr    netip.Addr
	through *upstream
	tunnel  *tunnel
	cancel  context.CancelFunc
	over    bool
	stopped bool        // from outside; it may take a moment to be over
	timer   *time.Timer // notes it while it lasts
	idle    *time.Timer // ends it in silence; of tunnels the pumps see to that
}

// attemptKey is where a request's context has the attempt.
type attemptKey struct{}

func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

// begin puts an attempt on record and judges it by the rules of this moment:
// a change that comes later finds it.
func (g *guest) begin(c *conn, h head) *attempt {
	a := &attempt{guest: g, conn: c, began: time.Now(), method: h.method, site: h.site, port: h.port, cancel: func() {}}
	a.active.Store(a.began.UnixNano())
	g.mu.Lock()
	defer g.mu.Unlock()
	j := a.judge(h)
	a.verdict, a.rule, a.through = j.verdict, j.rule, j.through()
	g.attempts[a] = struct{}{}
	return a
}

func (a *attempt) judge(h head) judgement {
	g := a.guest
	switch {
	case h.fault != nil:
		return judgement{verdict: Refused, rule: h.fault.text}
	case g.policy == nil:
		return judgement{verdict: Refused, rule: "no egress"}
	case g.left(0) == 0:
		return judgement{verdict: Refused, rule: "limit: bytes of the day are used up"}
	}
	a.policy = g.policy
	j := g.policy.site(a.site, a.port)
	if j.verdict != Refused && a.site.addr.IsValid() {
		j = g.policy.address(a.site.addr, a.port, g.proxy.own, j)
	}
	return j
}

// alive has the kernel ask a silent site whether it is still there, as often as
// it likes: each number of our own is a system call more for a connection.
var alive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: -1, Count: -1}

// refusal is an address that may not be reached.
type refusal struct{ rule string }

func (r refusal) Error() string { return r.rule }

// dial looks the site up and connects to an address of it that may be reached:
// the very one that was judged, in the moment before the connection is made.
func (a *attempt) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if a.through != nil {
		return new(net.Dialer).DialContext(ctx, "tcp", a.through.address)
	}
	var mu sync.Mutex
	var noted judgement
	var last refusal
	d := net.Dialer{
		Resolver:        a.guest.proxy.options.Resolver,
		KeepAliveConfig: alive,
		Control: func(_, address string, _ syscall.RawConn) error {
			j, err := a.judgeAddress(address)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				return err
			case j.verdict == Refused:
				last = refusal{j.rule}
				return last
			case j.verdict == Reported:
				noted = j
			}
			return nil
		},
	}
	// With the final dot no search domain of the host is tried.
	host := a.site.name
	if !a.site.addr.IsValid() {
		host += "."
	}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, fmt.Sprint(a.port)))
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		if last.rule != "" {
			return nil, last
		}
		return nil, err
	}
	return a.reached(c, noted)
}

func (a *attempt) judgeAddress(address string) (judgement, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return judgement{}, err
	}
	p, _ := a.guest.rules()
	if p == nil {
		return judgement{verdict: Refused, rule: "no egress"}, nil
	}
	j := p.site(a.site, a.port)
	if j.verdict == Refused {
		return j, nil
	}
	return p.address(to.Addr(), a.port, a.guest.proxy.own, j), nil
}

// reached notes where a connection leads. Rules that have changed since the
// attempt was judged are asked again; those of now made the connection else.
func (a *attempt) reached(c net.Conn, noted judgement) (net.Conn, error) {
	g := a.guest
	g.mu.Lock()
	defer g.mu.Unlock()
	if to, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		a.addr = to.AddrPort().Addr().Unmap()
	}
	if noted.verdict == Reported {
		a.verdict, a.rule = noted.verdict, noted.rule
	}
	if a.over || g.policy != a.policy && !g.allows(a) {
		c.Close()
		return nil, refusal{"rules have changed"}
	}
	return c, nil
}

func (a *attempt) proxyURL() *url.URL {
	if a.through == nil {
		return nil
	}
	return a.through.url()
}

// failed notes why a site was not reached, and gives the answer to it. What it
// says of the network is what a client of its own would see.
func (a *attempt) failed(err error) (status int, text string) {
	var no refusal
	verdict, rule := Failed, plain(err)
	status = http.StatusBadGateway
	if errors.As(err, &no) {
		verdict, rule, status = Refused, no.rule, http.StatusForbidden
	}
	a.guest.mu.Lock()
	defer a.guest.mu.Unlock()
	if a.verdict != Closed {
		a.verdict, a.rule = verdict, rule
	}
	return status, a.rule
}

// plain is an error without the addresses of the host's resolvers and sockets.
func plain(err error) string {
	var dns *net.DNSError
	var late net.Error
	var no syscall.Errno
	switch {
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return "no such host"
		}
		return "host can't be looked up"
	case errors.Is(err, errUpstream):
		return err.Error()
	case errors.As(err, &no):
		return no.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return "timed out"
	case errors.Is(err, context.Canceled):
		return "given up by the client"
	}
	return "no answer that is HTTP"
}

// stop ends an attempt from outside.
func (a *attempt) stop(v Verdict, rule string) {
	a.guest.mu.Lock()
	if a.over || a.stopped {
		a.guest.mu.Unlock()
		return
	}
	a.stopped, a.verdict, a.rule = true, v, rule
	t, cancel := a.tunnel, a.cancel
	a.guest.mu.Unlock()
	cancel()
	if t != nil {
		t.Close()
	}
	a.conn.TCPConn.Close()
}

// poke has a tunnel look at its limits again.
func (a *attempt) poke() {
	if a.tunnel != nil {
		a.tunnel.poke()
	}
}

// lasts has the attempt noted when it is under way for a while.
func (a *attempt) lasts() {
	a.guest.mu.Lock()
	defer a.guest.mu.Unlock()
	if !a.over {
		a.timer = time.AfterFunc(lasting, func() {
			a.guest.mu.Lock()
			note := a.note()
			note.Open = true
			over := a.over
			a.guest.mu.Unlock()
			if !over {
				a.guest.proxy.log(note)
			}
		})
	}
}

// note is the attempt as it goes on record. Call it with mu held.
func (a *attempt) note() Attempt {
	n := Attempt{
		Time: a.began, Container: a.guest.name, Method: a.method, Host: a.site.name, Port: a.port,
		Verdict: a.verdict, Rule: a.rule, Sent: a.sent.Load(), Received: a.received.Load(), Duration: time.Since(a.began),
	}
	if a.addr.IsValid() {
		n.Address = a.addr.String()
	}
	return n
}

// ends finishes what a handler has begun, unless a tunnel goes on.
func (a *attempt) ends() {
	a.guest.mu.Lock()
	tunnel := a.tunnel
	a.guest.mu.Unlock()
	if tunnel == nil {
		a.finish()
	}
}

// finish puts the end on record, once.
func (a *attempt) finish() {
	g := a.guest
	g.mu.Lock()
	if a.over {
		g.mu.Unlock()
		return
	}
	a.over = true
	for _, t := range []*time.Timer{a.timer, a.idle} {
		if t != nil {
			t.Stop()
		}
	}
	delete(g.attempts, a)
	n := a.note()
	g.counted(n)
	g.mu.Unlock()
	g.proxy.log(n)
}

func (g *guest) counted(n Attempt) {
	c := g.count[n.Verdict]
	if c == nil {
		c = &Count{Container: g.name, Verdict: n.Verdict}
		g.count[n.Verdict] = c
	}
	c.Attempts += int64(max(1, n.Count))
	c.Bytes += n.Sent + n.Received
}
