package leases

import (
	"context"
	"errors"
	"os"
	"sync"

	"strake/reconcile/resource"
	"strake/reconcile/watch"
)

// WatchServants tells the bridge of a dnsmasq that has ended. It watches none
// before follow has looked which there are.
func (l *Leases) WatchServants(ctx context.Context, tell func(resource.Notice)) (follow func() error) {
	w := &watcher{l: l, ctx: ctx, tell: tell, known: map[int]bool{}}
	return w.follow
}

type watcher struct {
	l    *Leases
	ctx  context.Context
	tell func(resource.Notice)

	mu    sync.Mutex
	known map[int]bool // by pid: one that is watched has not ended, so its number is no other's
}

func (w *watcher) follow() error {
	places, err := w.l.places()
	errs := []error{err}
	for _, p := range places {
		for _, d := range p.daemons() {
			errs = append(errs, w.watch(p.bridge, d))
		}
	}
	return errors.Join(errs...)
}

func (w *watcher) watch(bridge string, d daemon) error {
	w.mu.Lock()
	known := w.known[d.pid]
	w.known[d.pid] = true
	w.mu.Unlock()
	if known {
		d.close()
		return nil
	}
	return watch.Exit(w.ctx, os.NewFile(uintptr(d.fd), "pidfd"), func() {
		w.mu.Lock()
		delete(w.known, d.pid)
		w.mu.Unlock()
		w.tell(resource.Notice{Device: bridge})
	})
}
