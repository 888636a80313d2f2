package hosttest

import (
	"context"
	"slices"

	"strake/reconcile/resource"
)

// hears is somebody who is told what changes.
type hears struct {
	tell     func(resource.Notice)
	inits    bool // ends of inits
	devices  bool
	rules    bool
	servants bool
	followed map[string]bool // containers, by name
}

// WatchInits tells when a container that is followed ends, or its definition changes.
func (h *Host) WatchInits(ctx context.Context, tell func(resource.Notice)) (func(context.Context, []string) ([]resource.Process, error), error) {
	who := &hears{tell: tell, inits: true}
	h.listen(ctx, who)
	return func(_ context.Context, names []string) ([]resource.Process, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		who.followed = map[string]bool{}
		var list []resource.Process
		for _, name := range names {
			who.followed[name] = true
			if p, ok := h.running[name]; ok {
				list = append(list, resource.Process{Container: name, PID: p.pid})
			}
		}
		return list, nil
	}, nil
}

// WatchDevices tells when a bridge changes, or something in a container that is followed.
func (h *Host) WatchDevices(ctx context.Context, tell func(resource.Notice)) (func([]resource.Process) error, error) {
	who := &hears{tell: tell, devices: true}
	h.listen(ctx, who)
	return func(list []resource.Process) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		who.followed = map[string]bool{}
		for _, p := range list {
			who.followed[p.Container] = true
		}
		return nil
	}, nil
}

// WatchRules tells when the guard changes.
func (h *Host) WatchRules(ctx context.Context, tell func(resource.Notice)) error {
	h.listen(ctx, &hears{tell: tell, rules: true})
	return nil
}

func (h *Host) listen(ctx context.Context, who *hears) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hears = append(h.hears, who)
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.hears = slices.DeleteFunc(h.hears, func(o *hears) bool { return o == who })
	})
}

// told passes a notice on. The lock is held, as it is by whoever changes something.
func (h *Host) told(n resource.Notice, to func(*hears) bool) {
	for _, who := range h.hears {
		if to(who) && (n.Container == "" || who.followed[n.Container]) {
			who.tell(n)
		}
	}
}

func (h *Host) toldInit(name string) {
	h.told(resource.Notice{Container: name}, func(o *hears) bool { return o.inits })
}

func (h *Host) toldInside(name string) {
	h.told(resource.Notice{Container: name}, func(o *hears) bool { return o.devices })
}

func (h *Host) toldDevice(name string) {
	h.told(resource.Notice{Device: name}, func(o *hears) bool { return o.devices })
}

func (h *Host) toldServant(bridge string) {
	h.told(resource.Notice{Device: bridge}, func(o *hears) bool { return o.servants })
}

func (h *Host) toldRules() {
	h.told(resource.Notice{Firewall: true}, func(o *hears) bool { return o.rules })
}
