package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"strake/generations"
	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// Retired is a container in the attic.
type Retired struct {
	state.Retired
	Until      time.Time `json:"until"` // then gc may delete it
	Generation int       `json:"generation"`
	Stack      string    `json:"stack"`
}

// Attic lists what was destroyed and may come back, the oldest first.
func (e *Engine) Attic() ([]Retired, error) {
	attic, err := e.State.Attic()
	if err != nil {
		return nil, err
	}
	var list []Retired
	for _, r := range attic {
		n, rec, _, err := retiredContainer(r)
		if err != nil {
			return list, err
		}
		list = append(list, Retired{r, r.At.Add(AtticTime), n, rec.Stack})
	}
	return list, nil
}

// retiredContainer reads the current generation of what is in the attic.
func retiredContainer(r state.Retired) (n int, rec generations.Record, c resource.Container, err error) {
	book := generations.Open(r.Path)
	if n, err = book.Current(); err == nil {
		rec, err = book.Read(n)
	}
	var text []byte
	if err == nil {
		text, err = book.File(n, state.DesiredFile)
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return n, rec, c, fmt.Errorf("retired container %s: %w", r.Name, err)
	}
	return n, rec, c.Named(r.Name), nil
}

// Return is a container that is to come back from the attic.
type Return struct {
	Container string
	NoProbe   bool // the neighbours are not asked whether somebody has its addresses by now
}

// Undestroy brings a container back from the attic, the one that was destroyed
// last of those of the name: with its generations, data, addresses and uuid, as its current
// generation says. Ids that are another container's by now it gets anew. It stays in
// the attic where there is no room for it.
func (e *Engine) Undestroy(ctx context.Context, t Return, how How) (Outcome, error) {
	return e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) {
		if err := plain("container", t.Container); err != nil {
			return plan.Plan{}, err
		}
		r, err := e.takeDown(t.Container)
		if err != nil {
			return plan.Plan{}, err
		}
		p, err := e.planReturn(ctx, t)
		if err != nil && r.Run != "" {
			err = errors.Join(err, e.putBack(r))
		}
		return p, err
	})
}

// putBack leaves a container that can't come back in the attic.
func (e *Engine) putBack(r state.Retired) error {
	if err := e.State.Retire(r.Name, r.Run); err != nil {
		return err
	}
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	draft := led.Edit(ledgerHost())
	draft.Forget(r.Name)
	return errors.Join(e.State.SetLedger(draft.Ledger()), e.State.End())
}

// takeDown moves it out of the attic. Of one whose way back was cut short here
// the rest is done.
func (e *Engine) takeDown(name string) (state.Retired, error) {
	_, defined, err := e.Host.Containers.Definition(name)
	if err != nil {
		return state.Retired{}, err
	}
	current, err := e.State.Book(name).Current()
	if err != nil {
		return state.Retired{}, fmt.Errorf("container %s: %w", name, err)
	}
	switch {
	case defined:
		return state.Retired{}, fmt.Errorf("%w: there is a container %s; rename it (moved block) or destroy it first", ErrPolicy, name)
	case current != 0:
		return state.Retired{}, nil
	}
	r, err := e.retired(name)
	if err != nil {
		return r, err
	}
	if err := e.State.Begin(r.Run); err != nil {
		return r, err
	}
	if err := e.remind(r); err != nil {
		return r, errors.Join(err, e.State.End())
	}
	e.Crash.Point()
	err = e.State.Restore(name, r.Run)
	e.Crash.Point()
	return r, err
}

func (e *Engine) retired(name string) (state.Retired, error) {
	attic, err := e.State.Attic()
	if err != nil {
		return state.Retired{}, err
	}
	for _, r := range slices.Backward(attic) {
		if r.Name == name {
			return r, nil
		}
	}
	return state.Retired{}, fmt.Errorf("%w: no container %q in the attic; `strake list --attic` shows what is", ErrUnknown, name)
}

// remind writes down again what the container has. A folder without that would
// be taken for another container of the name.
func (e *Engine) remind(r state.Retired) error {
	_, rec, c, err := retiredContainer(r)
	if err != nil {
		return err
	}
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	layers, err := r.Used()
	if err != nil {
		return err
	}
	entry := ledger.Entry{UUID: rec.ID, Writable: layers, NICs: map[string]ledger.NICEntry{}, Adopted: c.Image.Adopted()}
	if ids := (idmap.Range{Base: c.IDMap.Base, Size: c.IDMap.Size}); entry.Adopted && ids.Size > 0 {
		entry.Brought = []idmap.Range{ids}
	} else {
		entry.IDMap = ids
	}
	for _, n := range c.NICs {
		entry.NICs[n.Name] = ledger.NICEntry{MAC: n.MAC, Device: n.Device, Loose: n.Device == ""}
	}
	draft := led.Edit(ledgerHost())
	if err := draft.Return(r.Name, entry); err != nil {
		return fmt.Errorf("%w: container %s can't come back: %w", ErrPolicy, r.Name, err)
	}
	return e.State.SetLedger(draft.Ledger())
}

// planReturn plans what brings the container up again.
func (e *Engine) planReturn(ctx context.Context, back Return) (plan.Plan, error) {
	name := back.Container
	c, n, err := e.Current(name)
	if err != nil {
		return plan.Plan{}, err
	}
	t := Target{Container: name, Generation: n}
	in, err := e.look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	if t.ids, err = e.idsOf(name, c, in); err != nil {
		return plan.Plan{}, err
	}
	p, err := e.planSwitches(ctx, in, []Target{t}, nil)
	if t.ids != nil && p.Choices.Version != 0 {
		entry := p.Choices.Containers[name]
		entry.IDMap = idmap.Range{Base: t.ids.Base, Size: t.ids.Size}
		p.Choices.Containers[name] = entry
	}
	if err != nil {
		return p, err
	}
	p.NoProbe = back.NoProbe
	in.standing = maps.Clone(in.standing)
	delete(in.standing, name) // its addresses were nobody's while it was away
	return p, e.room(ctx, p, in, nowhere)
}

// idsOf is another range of ids for a container whose own is gone; nil where
// it has it.
func (e *Engine) idsOf(name string, c resource.Container, in scene) (*resource.IDMap, error) {
	if c.IDMap.Privileged || c.IDMap.Size == 0 || c.Image.Adopted() {
		return nil, nil
	}
	led, err := e.State.Ledger()
	if err != nil || led.Containers[name].IDMap.Size != 0 {
		return nil, err
	}
	host := ledgerHost()
	if host.Pool, err = e.freeIDs(in); err != nil {
		return nil, err
	}
	r, err := led.Edit(host).IDs(name, c.IDMap.Size)
	return &resource.IDMap{Base: r.Base, Size: r.Size}, err
}
