package porter

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"strake/reconcile/host/egress"
)

// heirloom is a container's way out on its way to a successor.
type heirloom struct {
	request
	handed []egress.Handed
}

// mostDrain is how long connections may go on in a process that has a
// successor.
const mostDrain = 12 * time.Hour

// takeOver asks a process that runs for all that it has; no connection where
// none does. By that the process tells later what its last connections use.
func (p *Porter) takeOver() (c *net.UnixConn, spent map[string]egress.Spent, all []heirloom, err error) {
	if c, err = p.dial(); err != nil {
		return nil, nil, nil, nil
	}
	_ = c.SetDeadline(time.Now().Add(mostStart))
	if spent, all, err = inherited(c); err != nil {
		c.Close()
		return nil, spent, all, err
	}
	return c, spent, all, c.SetDeadline(time.Time{})
}

func inherited(c *net.UnixConn) (map[string]egress.Spent, []heirloom, error) {
	if err := write(c, request{Do: handOver}); err != nil {
		return nil, nil, err
	}
	var spent map[string]egress.Spent
	var all []heirloom
	for {
		var b bequest
		if err := read(c, &b); err != nil {
			return spent, all, err
		}
		if b.End {
			return spent, all, nil
		}
		if b.Spent != nil {
			spent = b.Spent
		}
		h := heirloom{request: b.request}
		for range b.Doors {
			one, err := egress.Receive(c)
			if err != nil {
				return spent, all, err
			}
			h.handed = append(h.handed, one)
		}
		if h.Outlet.Container != "" {
			all = append(all, h)
		}
	}
}

func (s *server) inherit(h heirloom) error { return s.unlock(h.request, h.handed) }

// handOver gives all to a successor, and ends when the last connection does.
// Both have the sockets for a moment, so nobody is turned away.
func (s *server) handOver(ctx context.Context, c *net.UnixConn, l *net.UnixListener) {
	told, err := s.bequeath(c)
	if err != nil {
		s.Log.Error("hand over to another egress proxy", "error", err)
		return // it goes on here
	}
	l.Close()
	ctx = within(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.proxy.Drain(ctx)
		s.drain(ctx)
		s.older.Wait() // what it tells is to be passed on
	}()
	s.settle(c, told, done)
	<-done
	s.quit()
}

// settleTime is how often a process tells its successor what was used.
const settleTime = time.Second

// settle tells the successor what was used of the day since: of the two, a
// container may use no more than of one. Where there is nobody to tell any more,
// it goes on with what it knows.
func (s *server) settle(c *net.UnixConn, told map[string]egress.Spent, done <-chan struct{}) {
	for tick := time.NewTicker(settleTime); ; {
		last := false
		select {
		case <-tick.C:
		case <-done:
			last = true
		}
		if err := s.account(c, told); err != nil || last {
			tick.Stop()
			return
		}
	}
}

// account tells of what differs from what was told, and learns what it comes to.
func (s *server) account(c *net.UnixConn, told map[string]egress.Spent) error {
	now, since := s.proxy.Spent(), map[string]egress.Spent{}
	for name, used := range now {
		before := told[name]
		if before.Day != used.Day {
			before.Bytes = 0
		}
		if used.Bytes > before.Bytes {
			since[name] = egress.Spent{Day: used.Day, Bytes: used.Bytes - before.Bytes}
		}
	}
	if len(since) == 0 {
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(mostStart))
	if err := write(c, bequest{Spent: since}); err != nil {
		return err
	}
	var all bequest
	if err := read(c, &all); err != nil {
		return err
	}
	for name, total := range all.Spent {
		if total.Day != now[name].Day {
			total = now[name] // the day has ended meanwhile
		}
		s.proxy.Spend(name, egress.Spent{Day: total.Day, Bytes: total.Bytes - now[name].Bytes})
		told[name] = total
	}
	return nil
}

// hearOlder adds what the last connections of the process before this one use,
// until that ends.
func (s *server) hearOlder(c *net.UnixConn) {
	defer s.older.Done()
	defer c.Close()
	for {
		var b bequest
		if err := read(c, &b); err != nil {
			return
		}
		for name, more := range b.Spent {
			b.Spent[name] = s.proxy.Spend(name, more)
		}
		if err := write(c, b); err != nil {
			return
		}
	}
}

func within(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, mostDrain)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func (s *server) bequeath(c *net.UnixConn) (map[string]egress.Spent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spent := s.proxy.Spent()
	if err := write(c, bequest{Spent: spent}); err != nil {
		return nil, err
	}
	sent := map[string]bool{}
	for name, d := range s.open {
		b := bequest{request: request{Outlet: d.outlet, Passwords: d.passwords}}
		var handed []egress.Handed
		if d.inner != nil {
			handed = append(handed, egress.Handed{Container: name, Listener: d.inner})
		}
		handed = append(handed, d.handInlets()...)
		if f := d.outlet.Front; f != nil && s.fronts[f.Key()] != nil && !sent[f.Key()] {
			sent[f.Key()] = true
			handed = append(handed, egress.Handed{Network: f.Key(), Listener: s.fronts[f.Key()].listener})
		}
		b.Doors = len(handed)
		if err := write(c, b); err != nil {
			return nil, err
		}
		for _, h := range handed {
			if err := egress.Send(c, h); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	err := write(c, bequest{End: true})
	s.heir = err == nil
	return spent, err
}

// zoneOf is the index of the bridge that a front is on: the name may be
// another's by now.
func zoneOf(h egress.Handed) int {
	bridge, _, _ := strings.Cut(h.Network, " ")
	link, err := net.InterfaceByName(bridge)
	if err != nil {
		return 0
	}
	return link.Index
}
