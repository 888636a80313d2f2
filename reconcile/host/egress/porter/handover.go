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

// takeOver asks a process that runs for all that it has; nothing where none
// does.
func (p *Porter) takeOver() (map[string]egress.Spent, []heirloom, error) {
	c, err := p.dial()
	if err != nil {
		return nil, nil, nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(mostStart))
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
	if err := s.bequeath(c); err != nil {
		s.Log.Error("hand over to another egress proxy", "error", err)
		return // it goes on here
	}
	_ = c.Close()
	l.Close()
	ctx = within(ctx)
	_ = s.proxy.Drain(ctx)
	s.drain(ctx)
	s.quit()
}

func within(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, mostDrain)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func (s *server) bequeath(c *net.UnixConn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := write(c, bequest{Spent: s.proxy.Spent()}); err != nil {
		return err
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
			return err
		}
		for _, h := range handed {
			if err := egress.Send(c, h); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	err := write(c, bequest{End: true})
	s.heir = err == nil
	return err
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
