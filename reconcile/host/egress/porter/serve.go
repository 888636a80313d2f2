package porter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"time"

	"strake/reconcile/host/egress"
	"strake/reconcile/host/egress/porter/inlet"
	"strake/reconcile/resource"
)

// Serving says how to serve.
type Serving struct {
	Log    *slog.Logger  // required
	Idle   time.Duration // ends by itself when nothing has been open for so long; 0: never
	Nobody bool          // goes on as a user who owns nothing
}

// server is the process.
type server struct {
	Serving
	opens []string
	at    *Porter
	proxy *egress.Proxy
	book  *book
	ends  *watcher
	older sync.WaitGroup // a process before this one, with its last connections

	mu     sync.Mutex
	open   map[string]*door
	fronts map[string]*front
	idle   *time.Timer
	quit   context.CancelFunc
	heir   bool // a successor has it all
}

// door is a container's way out as the process has it.
type door struct {
	outlet    resource.Outlet
	passwords map[string]string
	inner     *egress.Listener
	inode     uint64
	seeds     *inlet.Seeds         // nil: nothing is published
	inlets    map[int]*inlet.Inlet // by port of the host
	end       func()               // of the watch for its init
}

// front is a socket on a bridge.
type front struct {
	listener *egress.Listener
	inode    uint64
	index    int
	who      map[netip.Addr]string
}

// Serve is the process. It takes over from one that runs already: the sockets
// change hands, and the other one ends when the last connection that it has
// does.
func (p *Porter) Serve(ctx context.Context, o Serving) error {
	leaveCgroup()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	s := &server{Serving: o, opens: p.o.Opens, at: p, open: map[string]*door{}, fronts: map[string]*front{}, quit: quit}
	l, heirlooms, err := s.begin()
	if err != nil {
		return fmt.Errorf("serve egress: %w", err)
	}
	defer l.Close()
	go func() { <-ctx.Done(); l.Close() }()
	go s.ends.run()
	go s.keepBook(ctx)
	for _, h := range heirlooms {
		if err := s.inherit(h); err != nil {
			o.Log.Error("take over from an earlier egress proxy", "container", h.Outlet.Container, "error", err)
		}
	}
	opened := s.opener()
	if o.Nobody {
		if err := becomeNobody(); err != nil {
			return fmt.Errorf("serve egress: %w", err)
		}
	}
	isReady()
	go func() {
		opened()
		s.mu.Lock()
		defer s.mu.Unlock()
		if o.Idle > 0 {
			s.idle = time.AfterFunc(o.Idle, s.endIdle)
		}
	}()
	return s.accept(ctx, l)
}

// begin takes over what an earlier process has, and its place.
func (s *server) begin() (*net.UnixListener, []heirloom, error) {
	turn, err := s.at.lock("turn")
	if err != nil {
		return nil, nil, err
	}
	defer turn.Close()
	before, spent, heirlooms, err := s.at.takeOver()
	if err != nil {
		s.Log.Error("take over from an earlier egress proxy", "error", err)
	}
	if s.book, err = openBook(s.at.file("log"), s.Nobody); err != nil {
		return nil, nil, err
	}
	if s.ends, err = newWatcher(); err != nil {
		return nil, nil, err
	}
	if spent == nil {
		spent = s.book.spent()
	}
	s.proxy = egress.Open(egress.Options{Log: s.book.note, Spent: spent})
	if before != nil {
		s.older.Add(1)
		go s.hearOlder(before)
	}
	path, done, err := short(s.at.o.Folder)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, nil, err
	}
	l.SetUnlinkOnClose(false) // a successor may have the name by then
	return l, heirlooms, errors.Join(os.Chmod(path, 0o600))
}

// opener starts the command that opens the ways out of whoever runs, while
// there is the power to; what comes back waits for its end.
func (s *server) opener() func() {
	if len(s.opens) == 0 {
		return func() {}
	}
	cmd := exec.Command(s.opens[0], s.opens[1:]...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir, cmd.Stderr = "/", os.Stderr
	if err := cmd.Start(); err != nil {
		s.Log.Error("open ways out of containers", "error", err)
		return func() {}
	}
	return func() {
		if err := cmd.Wait(); err != nil {
			s.Log.Error("open ways out of containers", "error", err)
		}
	}
}

// keepBook writes down now and then what was used of the day.
func (s *server) keepBook(ctx context.Context) {
	for t := time.NewTicker(10 * time.Second); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			s.keep()
		}
	}
}

// keep writes it down, unless a successor does so by now.
func (s *server) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.heir {
		s.book.keep(s.proxy.Spent())
	}
}

func (s *server) accept(ctx context.Context, l *net.UnixListener) error {
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) { // it is told to end, or has a successor and ends with its last connection
			<-ctx.Done()
			s.keep()
			return s.proxy.Close()
		}
		if err != nil {
			return fmt.Errorf("serve egress: %w", err)
		}
		go s.hear(ctx, c, l)
	}
}

// hear answers one who asks, until it goes.
func (s *server) hear(ctx context.Context, c *net.UnixConn, l *net.UnixListener) {
	defer c.Close()
	if !fromRoot(c) {
		return
	}
	for {
		var r request
		if err := read(c, &r); err != nil {
			return
		}
		if r.Do == handOver {
			s.handOver(ctx, c, l)
			return
		}
		if err := s.obey(c, r); err != nil {
			_ = write(c, reply{Error: err.Error()})
			return
		}
	}
}

func (s *server) obey(c *net.UnixConn, r request) error {
	switch r.Do {
	case look:
		s.mu.Lock()
		answer := s.tell(r.Outlet.Container)
		s.beside(&answer, r.Outlet)
		s.mu.Unlock()
		return write(c, answer)
	case list:
		return s.list(c)
	case openDoor:
		if err := s.receive(c, r); err != nil {
			return err
		}
		return write(c, reply{})
	case closeDoor:
		s.forget(r.Outlet.Container)
		return write(c, reply{})
	}
	return fmt.Errorf("asked for %q, which nobody knows", r.Do)
}

// tell is what there is of a container. The lock is held.
func (s *server) tell(container string) reply {
	d, ok := s.open[container]
	if !ok {
		return reply{}
	}
	r := reply{Outlet: d.outlet, Inner: d.inode, Sown: d.seeds != nil, Inlets: d.inodes()}
	s.beside(&r, d.outlet)
	return r
}

// beside adds the socket on the bridge that an outlet speaks of, also where it
// is others' yet.
func (s *server) beside(r *reply, o resource.Outlet) {
	if o.Front == nil {
		return
	}
	if f, ok := s.fronts[o.Front.Key()]; ok {
		r.Front, r.Index = f.inode, f.index
		if r.Outlet.Front == nil {
			r.Outlet.Front = o.Front
		}
	}
}

func (s *server) list(c *net.UnixConn) error {
	counts := map[string][]resource.Attempts{}
	for _, n := range s.proxy.Counts() {
		counts[n.Container] = append(counts[n.Container], resource.Attempts{Verdict: string(n.Verdict), Attempts: n.Attempts, Bytes: n.Bytes})
	}
	s.mu.Lock()
	var all []reply
	for name := range s.open {
		r := s.tell(name)
		r.Outlet.Attempts = counts[name]
		all = append(all, r)
	}
	s.mu.Unlock()
	for _, r := range append(all, reply{}) {
		if err := write(c, r); err != nil {
			return err
		}
	}
	return nil
}

// receive takes the listeners that come with a request, and opens the door.
func (s *server) receive(c *net.UnixConn, r request) error {
	var handed []egress.Handed
	for range r.Doors {
		h, err := egress.Receive(c)
		if err != nil {
			return err
		}
		handed = append(handed, h)
	}
	return s.unlock(r, handed)
}

// unlock has the rules of a container, then its sockets: nobody is served by
// rules of before.
func (s *server) unlock(r request, handed []egress.Handed) error {
	o := r.Outlet
	if err := s.proxy.Set(o.Container, o.Egress, r.Passwords); err != nil {
		for _, h := range handed {
			h.Close()
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[o.Container]
	if d == nil || d.outlet.Init != o.Init {
		if d != nil {
			d.end()
			d.closeInlets()
		}
		end, err := s.ends.watch(o.Init, func() { s.ended(o.Container, o.Init) })
		if err != nil {
			return err
		}
		d = &door{end: end, inlets: map[int]*inlet.Inlet{}}
		s.open[o.Container] = d
	}
	s.leaveFront(d.outlet)
	d.outlet, d.passwords = o, r.Passwords
	for _, h := range handed {
		if h.Network != "" {
			s.serveFront(h)
			continue
		}
		if h.Port != 0 || len(h.Sockets) > 0 {
			continue // below
		}
		d.inner, d.inode = h.Listener, inode(h.Listener)
		s.proxy.Serve(o.Container, h.Listener)
	}
	if !o.Loopback && d.inner != nil {
		d.inner.Close()
		d.inner, d.inode = nil, 0
	}
	d.publish(handed)
	s.enterFront(o)
	s.sweepFronts()
	if s.idle != nil {
		s.idle.Stop()
	}
	return nil
}

// ended is the end of an init: its namespace must not be held.
func (s *server) ended(container string, init int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.open[container]; d == nil || d.outlet.Init != init {
		return
	}
	s.proxy.Leave(container)
	s.drop(container)
}

func (s *server) forget(container string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proxy.Forget(container)
	s.drop(container)
}

func (s *server) drop(container string) {
	d := s.open[container]
	if d == nil {
		return
	}
	d.end()
	d.closeInlets()
	delete(s.open, container)
	s.leaveFront(d.outlet)
	s.sweepFronts()
	if len(s.open) == 0 && s.idle != nil {
		s.idle.Reset(s.Idle)
	}
}

func (s *server) endIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) == 0 {
		s.quit()
	}
}

func (s *server) serveFront(h egress.Handed) {
	f := &front{listener: h.Listener, inode: inode(h.Listener), index: zoneOf(h), who: map[netip.Addr]string{}}
	if old, ok := s.fronts[h.Network]; ok {
		f.who = old.who
	}
	s.fronts[h.Network] = f
	s.proxy.ServeNetwork(h.Network, h.Listener, func(a netip.Addr) (string, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		name, ok := f.who[a.Unmap().WithZone("")]
		return name, ok
	})
}

func (s *server) enterFront(o resource.Outlet) {
	s.atFront(o, func(f *front, a netip.Addr) { f.who[a] = o.Container })
}

func (s *server) leaveFront(o resource.Outlet) {
	s.atFront(o, func(f *front, a netip.Addr) {
		if f.who[a] == o.Container {
			delete(f.who, a)
		}
	})
}

func (s *server) atFront(o resource.Outlet, do func(*front, netip.Addr)) {
	if o.Front == nil || s.fronts[o.Front.Key()] == nil {
		return
	}
	for _, text := range o.Front.Senders {
		if a, err := netip.ParseAddr(text); err == nil {
			do(s.fronts[o.Front.Key()], a)
		}
	}
}

// sweepFronts closes those that are nobody's.
func (s *server) sweepFronts() {
	for key, f := range s.fronts {
		if len(f.who) == 0 {
			s.proxy.LeaveNetwork(key)
			f.listener.Close()
			delete(s.fronts, key)
		}
	}
}
