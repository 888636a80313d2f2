package egress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strake/reconcile/resource"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
)

// Proxy serves containers. Open makes one.
type Proxy struct {
	options Options
	server  *http.Server
	engine  *goproxy.ProxyHttpServer
	own     func(netip.Addr) bool

	logging sync.Mutex

	mu        sync.Mutex
	guests    map[string]*guest
	listeners map[served]net.Listener
	closed    bool
}

// served is what a listener is for: one of the two.
type served struct{ container, network string }

// mostConns is how many connections a container may have where nothing is
// said: more than any client opens, and at most some MB.
const mostConns = 1024

// Open makes a proxy that serves nobody yet.
func Open(o Options) *Proxy {
	o.Most = cmp.Or(o.Most, mostConns)
	if o.Resolver == nil {
		// Go's own resolver: libc's takes a thread for every name that is slow.
		o.Resolver = &net.Resolver{PreferGo: true}
	}
	p := &Proxy{options: o, own: isOwn, guests: map[string]*guest{}, listeners: map[served]net.Listener{}}
	p.engine = p.newEngine()
	p.server = &http.Server{
		Handler:           http.HandlerFunc(p.serve),
		ReadHeaderTimeout: 2 * headTime, // of who says nothing; of who began, conn keeps the time, and says so
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    mostHead,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	return p
}

type connKey struct{}

// guest is the container of that name; it is made where it is new.
func (p *Proxy) guest(name string) *guest {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.guests[name]
	if g == nil {
		g = &guest{proxy: p, name: name, conns: map[*conn]struct{}{}, attempts: map[*attempt]struct{}{}, spent: p.options.Spent[name], count: map[Verdict]*Count{}}
		p.guests[name] = g
	}
	return g
}

// Set gives a container its rules, in one step; passwords are those of upstream
// proxies, by the name of the block. Connections that they no longer allow are
// closed. After an error all is as before.
func (p *Proxy) Set(container string, blocks []resource.Egress, passwords map[string]string) error {
	rules, err := newPolicy(blocks, passwords)
	if err != nil {
		return fmt.Errorf("set egress of %s: %w", container, err)
	}
	p.guest(container).set(rules)
	return nil
}

// Serve takes connections for a container. A listener that it had is closed.
func (p *Proxy) Serve(container string, l net.Listener) {
	p.listen(served{container: container}, l, func(netip.Addr) (string, bool) { return container, true })
}

// ServeNetwork takes connections of all that are on a network; who knows them
// by their address.
func (p *Proxy) ServeNetwork(network string, l net.Listener, who func(netip.Addr) (container string, ok bool)) {
	p.listen(served{network: network}, l, who)
}

func (p *Proxy) listen(s served, l net.Listener, who func(netip.Addr) (string, bool)) {
	p.mu.Lock()
	old := p.listeners[s]
	if p.closed {
		old = l
	} else {
		p.listeners[s] = l
	}
	p.mu.Unlock()
	if old != nil {
		old.Close()
	}
	if old == l {
		return
	}
	if l, ok := l.(*Listener); ok {
		l.watch(func() { p.ended(s, l) })
	}
	go func() { _ = p.server.Serve(door{l, p, who}) }()
}

// ended closes what is left of a namespace whose init has ended.
func (p *Proxy) ended(s served, l net.Listener) {
	p.mu.Lock()
	mine := p.listeners[s] == l
	if mine {
		delete(p.listeners, s)
	}
	p.mu.Unlock()
	l.Close()
	if mine && s.container != "" {
		p.guest(s.container).leave("container has stopped")
	}
}

func (p *Proxy) unlisten(s served) {
	p.mu.Lock()
	l := p.listeners[s]
	delete(p.listeners, s)
	p.mu.Unlock()
	if l != nil {
		l.Close()
	}
}

// Leave closes a container's listener and connections. Its rules stay.
func (p *Proxy) Leave(container string) {
	p.unlisten(served{container: container})
	p.guest(container).leave("container has stopped")
}

// LeaveNetwork closes a network's listener. Connections stay.
func (p *Proxy) LeaveNetwork(network string) { p.unlisten(served{network: network}) }

// Forget is Leave, and takes the rules away. What it has used of the day stays
// known.
func (p *Proxy) Forget(container string) {
	g := p.guest(container)
	g.set(nil)
	p.Leave(container)
}

// Listeners are those that are served, for a successor.
func (p *Proxy) Listeners() []Handed {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Handed
	for s, l := range p.listeners {
		h := Handed{Container: s.container, Network: s.network}
		switch l := l.(type) {
		case *Listener:
			h.Listener = l
		case *net.TCPListener:
			h.Listener = &Listener{TCPListener: l}
		default:
			continue
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Handed) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Network, b.Network))
	})
	return list
}

// Counts are all attempts since the proxy was opened, by container and verdict.
func (p *Proxy) Counts() []Count {
	var list []Count
	for _, g := range p.all() {
		g.mu.Lock()
		for _, c := range g.count {
			list = append(list, *c)
		}
		g.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Verdict, b.Verdict))
	})
	return list
}

// Spent is what the containers have used of this day, for Options of the next
// proxy.
func (p *Proxy) Spent() map[string]Spent {
	all := map[string]Spent{}
	for _, g := range p.all() {
		g.mu.Lock()
		g.left(0)
		if g.spent.Bytes > 0 {
			all[g.name] = g.spent
		}
		g.mu.Unlock()
	}
	return all
}

// Spend adds what a container has used elsewhere, and says what that comes to.
// What is of another day counts for nothing.
func (p *Proxy) Spend(container string, more Spent) Spent {
	g := p.guest(container)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left(0)
	if more.Day == g.spent.Day {
		g.left(more.Bytes)
	}
	return g.spent
}

func (p *Proxy) all() []*guest {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*guest, 0, len(p.guests))
	for _, g := range p.guests {
		list = append(list, g)
	}
	return list
}

// Drain takes no further connections, and waits until those that there are have
// ended: what a proxy does whose listeners a successor has.
func (p *Proxy) Drain(ctx context.Context) error {
	p.shut()
	// Not Shutdown: that drops a request that is read at this moment.
	p.server.SetKeepAlivesEnabled(false)
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		if !slices.ContainsFunc(p.all(), (*guest).busy) {
			tick.Stop()
			return nil
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (g *guest) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns) > 0
}

func (g *guest) attempting() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.attempts) > 0
}

func (p *Proxy) shut() {
	p.mu.Lock()
	p.closed = true
	all := p.listeners
	p.listeners = map[served]net.Listener{}
	p.mu.Unlock()
	for _, l := range all {
		l.Close()
	}
}

// Close ends it all.
func (p *Proxy) Close() error {
	p.shut()
	for _, g := range p.all() {
		g.leave("proxy has stopped")
	}
	for late := time.Now().Add(time.Second); slices.ContainsFunc(p.all(), (*guest).attempting) && time.Now().Before(late); {
		time.Sleep(time.Millisecond) // what was closed goes on record
	}
	// The server closes again what it has not yet seen to be closed.
	if err := p.server.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// log is where records go, one at a time.
func (p *Proxy) log(a Attempt) {
	if p.options.Log == nil {
		return
	}
	p.logging.Lock()
	defer p.logging.Unlock()
	p.options.Log(a)
}

// door lets in who may have a connection.
type door struct {
	net.Listener
	proxy *Proxy
	who   func(netip.Addr) (string, bool)
}

func (d door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := d.admit(c); c != nil {
			return c, nil
		}
	}
}

func (d door) admit(raw net.Conn) net.Conn {
	tcp, ok := raw.(*net.TCPConn)
	if !ok {
		raw.Close()
		return nil
	}
	var from netip.Addr
	if a, ok := tcp.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr().Unmap()
	}
	name, known := d.who(from)
	if !known {
		d.proxy.turnAway(d.proxy.guest(""), "nobody that is known: "+from.String())
		raw.Close()
		return nil
	}
	g := d.proxy.guest(name)
	c := &conn{TCPConn: tcp, guest: g}
	if !g.admit(c) {
		d.proxy.turnAway(g, "limit: too many connections")
		raw.Close()
		return nil
	}
	return c
}

// flood counts those who were turned away without a word; of equal ones there
// is one record a second.
type flood struct {
	count int
}

func (p *Proxy) turnAway(g *guest, rule string) {
	n := Attempt{Time: time.Now(), Container: g.name, Verdict: Refused, Rule: rule, Count: 1}
	g.mu.Lock()
	g.counted(n)
	g.flood.count++
	first := g.flood.count == 1
	g.mu.Unlock()
	if !first {
		return
	}
	p.log(n)
	time.AfterFunc(time.Second, func() {
		g.mu.Lock()
		n.Count, n.Duration = g.flood.count-1, time.Second
		g.flood.count = 0
		g.mu.Unlock()
		if n.Count > 0 {
			p.log(n)
		}
	})
}

// serve judges a request, and has the engine carry it out.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		http.Error(w, "no connection", http.StatusInternalServerError)
		return
	}
	h := c.next()
	if h.fault == nil && h.method != r.Method {
		h.fault = malformed("read in two ways")
	}
	a := c.guest.begin(c, h)
	defer a.ends()
	if a.verdict == Refused {
		refuse(w, h, a.rule)
		return
	}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), attemptKey{}, a))
	a.guest.mu.Lock()
	a.cancel = cancel
	a.guest.mu.Unlock()
	a.lasts()
	r = r.WithContext(ctx)
	if h.connect {
		// The engine works on when this has returned.
		p.engine.ServeHTTP(w, r)
		return
	}
	defer cancel()
	port := ""
	if h.port != 80 {
		port = fmt.Sprintf(":%d", h.port)
	}
	r.URL.Host, r.Host = h.site.String()+port, h.site.String()+port
	p.engine.ServeHTTP(prompt{w}, r)
	if a.websocket {
		c.Close() // the engine leaves its client open
	}
}
