package egress

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// guest is a container, as the proxy knows it.
type guest struct {
	proxy *Proxy
	name  string

	mu        sync.Mutex
	policy    *policy // nil: nothing is allowed
	transport *http.Transport
	limiter   *rate.Limiter // nil: no limit
	conns     map[*conn]struct{}
	attempts  map[*attempt]struct{}
	spent     Spent
	count     map[Verdict]*Count
	flood     flood
}

// set exchanges the rules in one step, and closes what they no longer allow.
func (g *guest) set(p *policy) {
	g.mu.Lock()
	old := g.transport
	g.policy, g.transport = p, nil
	g.limiter = newLimiter(p)
	var over []*attempt
	for a := range g.attempts {
		if g.allows(a) {
			a.poke()
		} else {
			over = append(over, a)
		}
	}
	g.mu.Unlock()
	// Connections that were made under the old rules are not lent to new requests.
	if old != nil {
		old.CloseIdleConnections()
	}
	for _, a := range over {
		a.stop(Closed, "rules have changed")
	}
}

// allows judges anew what is under way. Call it with mu held.
func (g *guest) allows(a *attempt) bool {
	if g.policy == nil {
		return false
	}
	j := g.policy.site(a.site, a.port)
	if j.verdict == Refused || !a.through.equal(j.through()) {
		return false
	}
	if !a.addr.IsValid() {
		return true
	}
	return g.policy.address(a.addr, a.port, g.proxy.own, j).verdict != Refused
}

// through is the upstream proxy of what was let through.
func (j judgement) through() *upstream {
	if j.block == nil {
		return nil
	}
	return j.block.upstream
}

func newLimiter(p *policy) *rate.Limiter {
	if p == nil || p.limits.Rate == 0 {
		return nil
	}
	bytes := max(p.limits.Rate/8, 1)
	return rate.NewLimiter(rate.Limit(bytes), int(min(max(bytes/8, 4<<10), 256<<10)))
}

// rules are those of this moment, with what goes by them.
func (g *guest) rules() (*policy, *rate.Limiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.policy, g.limiter
}

// client is the container's own: connections to sites are kept for its next
// requests, and for nobody else's.
func (g *guest) client() *http.Transport {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.transport == nil {
		g.transport = &http.Transport{
			Proxy:                  func(r *http.Request) (*url.URL, error) { return attemptOf(r.Context()).proxyURL(), nil },
			DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return attemptOf(ctx).dial(ctx) },
			DisableCompression:     true,
			MaxIdleConns:           16,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			TLSHandshakeTimeout:    dialTime,
			ExpectContinueTimeout:  time.Second,
		}
	}
	return g.transport
}

// admit takes a connection, unless there are too many already.
func (g *guest) admit(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	most := g.proxy.options.Most
	if g.policy != nil && g.policy.limits.Connections > 0 {
		most = g.policy.limits.Connections
	}
	if len(g.conns) >= most {
		return false
	}
	g.conns[c] = struct{}{}
	return true
}

func (g *guest) gone(c *conn) {
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
}

// leave closes all connections of the container.
func (g *guest) leave(rule string) {
	g.mu.Lock()
	var conns []*conn
	for c := range g.conns {
		conns = append(conns, c)
	}
	var over []*attempt
	for a := range g.attempts {
		over = append(over, a)
	}
	old := g.transport
	g.transport = nil
	g.mu.Unlock()
	for _, a := range over {
		a.stop(Closed, rule)
	}
	for _, c := range conns {
		c.Close()
	}
	if old != nil {
		old.CloseIdleConnections()
	}
}

// use counts bytes, and says how many of the day are left; -1: no limit.
func (g *guest) use(n int64) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left(n)
}

func (g *guest) left(n int64) int64 {
	if day := time.Now().UTC().Format(time.DateOnly); g.spent.Day != day {
		g.spent = Spent{Day: day}
	}
	g.spent.Bytes += n
	if g.policy == nil || g.policy.limits.Daily == 0 {
		return -1
	}
	return max(0, g.policy.limits.Daily-g.spent.Bytes)
}
