package porter

import (
	"context"
	"sync"

	"strake/reconcile/host/egress"
	"strake/reconcile/host/egress/porter/inlet"
	"strake/reconcile/resource"
)

// publish has the ports lead where the outlet says, with what was handed over
// for that; those that it does not name any more are closed, with what is under
// way there.
func (d *door) publish(handed []egress.Handed) {
	listeners := map[int]*egress.Listener{}
	for _, h := range handed {
		switch {
		case len(h.Sockets) > 0:
			d.seed(inlet.Sown(h.Sockets))
		case h.Port != 0:
			listeners[h.Port] = h.Listener
		}
	}
	want := map[int]resource.Publish{}
	for _, p := range d.outlet.Publish {
		want[p.Port] = p
	}
	for port, i := range d.inlets {
		p, wanted := want[port]
		if wanted && p.To == i.To() && listeners[port] == nil {
			continue
		}
		if wanted && listeners[port] == nil {
			listeners[port] = copyOf(i)
		}
		i.Close()
		delete(d.inlets, port)
	}
	for port, l := range listeners {
		if p, wanted := want[port]; l != nil && wanted && d.seeds != nil {
			d.inlets[port] = inlet.Open(l.TCPListener, d.seeds, p.To)
		} else if l != nil {
			l.Close()
		}
	}
	if len(d.outlet.Publish) == 0 {
		d.closeInlets()
	}
}

// seed exchanges what leads into the namespace. What an inlet has of before is
// of the same one.
func (d *door) seed(s *inlet.Seeds) {
	if d.seeds != nil {
		s.Close()
		return
	}
	d.seeds = s
}

func (d *door) closeInlets() {
	for port, i := range d.inlets {
		i.Close()
		delete(d.inlets, port)
	}
	if d.seeds != nil {
		d.seeds.Close()
		d.seeds = nil
	}
}

// copyOf is the same socket once more: it goes on while the inlet is closed.
func copyOf(i *inlet.Inlet) *egress.Listener {
	l, err := egress.Copy(i.Listener())
	if err != nil {
		return nil // the next look sees that nobody listens
	}
	return l
}

// inodes are the numbers of the sockets, by port.
func (d *door) inodes() map[int]uint64 {
	all := map[int]uint64{}
	for port, i := range d.inlets {
		all[port] = inode(&egress.Listener{TCPListener: i.Listener()})
	}
	return all
}

// handInlets are those that a successor gets.
func (d *door) handInlets() []egress.Handed {
	var list []egress.Handed
	if d.seeds != nil {
		list = append(list, egress.Handed{Container: d.outlet.Container, Sockets: d.seeds.Sockets()})
	}
	for port, i := range d.inlets {
		list = append(list, egress.Handed{Container: d.outlet.Container, Port: port, Listener: &egress.Listener{TCPListener: i.Listener()}})
	}
	return list
}

// drain waits for what is under way at published ports, which a successor has
// now.
func (s *server) drain(ctx context.Context) {
	s.mu.Lock()
	var all sync.WaitGroup
	for _, d := range s.open {
		for _, i := range d.inlets {
			all.Go(func() { i.Drain(ctx) })
		}
	}
	s.mu.Unlock()
	all.Wait()
}
