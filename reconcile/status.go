package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// Standing says how what is there relates to what was last applied.
type Standing string

// The standings, the one that matters most last.
const (
	InSync  Standing = "in sync"
	Failed  Standing = "failed" // it never proved itself, and there is nothing to go back to
	Trying  Standing = "awaiting confirmation"
	Paused  Standing = "suspended"       // by the operator's word
	Held    Standing = "held"            // what was applied last was taken back
	ByHand  Standing = "stopped by hand" // and stays so until `strake start`
	Pending Standing = "pending restart" // something takes effect at the next start
	Damaged Standing = "damaged"         // runs on an image or system layer that is not what it was
	Drifted Standing = "drifted"         // changed behind strake's back
	Foreign Standing = "foreign"         // the LXC configuration is somebody else's
)

// Status is one container as it is now.
type Status struct {
	Name       string         `json:"name"`
	Stack      string         `json:"stack"`
	State      resource.State `json:"state"`
	Generation int            `json:"generation"`
	Standings  []Standing     `json:"standings"` // never empty
	Held       int            `json:"held,omitempty"`
	Drift      []plan.Change  `json:"drift,omitempty"`
	Pending    []string       `json:"pending,omitempty"` // settings
	Addresses  []string       `json:"addresses,omitempty"`
	Refused    []Refused      `json:"refused,omitempty"` // by interface: what the firewall dropped of it; Count fills it in
	Note       string         `json:"note,omitempty"`

	Health    Verdict             `json:"health"`
	Rejected  *Rejected           `json:"rejected,omitempty"`  // what was taken back last, or held by hand
	Egress    []resource.Attempts `json:"egress,omitempty"`    // by verdict, since the proxy runs
	Awaiting  *Trial              `json:"awaiting,omitempty"`  // its change is taken back unless it is confirmed
	Suspended *state.Suspension   `json:"suspended,omitempty"` // neither apply nor the agent changes it

	nics []resource.NIC
}

// Verdict is what the last run found of a container in its current generation.
type Verdict struct {
	Is  string    `json:"is"` // "healthy", "failed"; "unchecked": it ran, and has no checks
	At  time.Time `json:"at,omitzero"`
	Why string    `json:"why,omitempty"` // it failed
}

// Rejected is a generation that is not to come again by itself.
type Rejected struct {
	Generation int       `json:"generation"`
	Since      time.Time `json:"since"`
	Why        string    `json:"why"`            // "unhealthy", "rolled back", "not confirmed"
	Said       string    `json:"said,omitempty"` // what was found, in words
}

// Refused is what the firewall dropped of what an interface sent, since it
// stands there.
type Refused struct {
	NIC string `json:"nic"`
	resource.Count
}

// Status observes these containers, or all. They come by name.
func (e *Engine) Status(ctx context.Context, names ...string) ([]Status, error) {
	in, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(in.standing))
	}
	list, ask := make([]plan.Subject, len(names)), make([]subject, len(names))
	for i, name := range names {
		if list[i], err = e.statusSubject(in, name); err != nil {
			return nil, err
		}
		ask[i] = subjectOf(name, list[i].Last)
	}
	seen, err := e.observeAll(ctx, in, ask)
	if err != nil {
		return nil, err
	}
	trials, err := e.Trials()
	if err != nil {
		return nil, err
	}
	all := make([]Status, len(list))
	for i, s := range list {
		s.Have = seen[s.Name]
		all[i] = statusOf(in.standing[s.Name], s)
		if word, ok, err := e.Suspension(s.Name); err != nil {
			return nil, err
		} else if ok {
			all[i].Suspended = &word
			all[i].also(Paused)
		}
		if t := tried(trials, s.Name, s.From); t != nil {
			all[i].Awaiting = t
			all[i].also(Trying)
		}
		if s.Have.State.Up() && e.Host.Roots.Spoiled(s.Name) {
			all[i].also(Damaged)
		}
		all[i].Health, all[i].Rejected = e.proven(in.standing[s.Name].Container, s)
		all[i].Egress = in.outlets[s.Name].Attempts
		all[i].nics = in.standing[s.Name].Container.NICs
	}
	return all, nil
}

// Count fills in what the firewall dropped of each, which takes longer than all else.
func (e *Engine) Count(ctx context.Context, list []Status) error {
	counts, err := e.Host.Filter.Refused(ctx)
	for i, s := range list {
		list[i].Refused = refused(s.nics, counts)
	}
	return err
}

// proven is what the history says of the current generation, and of the one
// that is on hold.
func (e *Engine) proven(c resource.Container, s plan.Subject) (Verdict, *Rejected) {
	book := e.State.Book(s.Name)
	acts, _ := book.Activations() // what is damaged tells nothing
	latest := func(n int) (found generations.Activation) {
		for _, a := range acts {
			if a.Generation == n {
				found = a
			}
		}
		return found
	}
	now := latest(s.From)
	v := Verdict{Is: string(now.Outcome), At: now.Time, Why: now.Note}
	if c.Health == nil && now.Outcome != generations.Failed {
		v.Is = "unchecked"
	}
	hold, ok, err := book.Held()
	if err != nil || !ok || len(s.Held) == 0 {
		return v, nil
	}
	return v, &Rejected{hold.Generation, hold.Since, cmp.Or(hold.Why, "rejected"), latest(hold.Generation).Note}
}

func refused(nics []resource.NIC, counts map[string]resource.Count) []Refused {
	var list []Refused
	for _, n := range nics {
		if count, ok := counts[n.Device]; ok {
			list = append(list, Refused{n.Name, count})
		}
	}
	return list
}

// statusSubject wants what the container has: all that differs then is drift,
// or waits.
func (e *Engine) statusSubject(in scene, name string) (plan.Subject, error) {
	s := plan.Subject{Name: name}
	if _, ok := in.standing[name]; !ok {
		return s, fmt.Errorf("%w: no container %q", ErrUnknown, name)
	}
	err := e.recall(in, &s)
	s.Want, s.Again = s.Last, map[string]int{resource.Digest(s.Last): s.From}
	if len(s.Held) > 0 && !e.takenBack(name) {
		s.Held = nil // another one has been applied since
	}
	return s, err
}

// takenBack says whether what was tried last is not what is in use: by a
// rollback, by hand or by itself.
func (e *Engine) takenBack(name string) bool {
	acts, _ := e.State.Book(name).Activations()
	last := len(acts) - 1
	return last >= 0 && (acts[last].Kind == generations.Rollback || acts[last].Outcome == generations.Failed)
}

func statusOf(st standing, s plan.Subject) Status {
	held := s.Held
	s.Held, s.Paused = nil, "" // a hold hides what differs
	p := plan.Compute(plan.Input{Subjects: []plan.Subject{s}}).Containers[0]
	status := Status{
		Name: s.Name, Stack: st.Record.Stack, State: s.Have.State, Generation: s.From,
		Pending: p.Waiting(), Addresses: addresses(withLeases(st.Container, s.Have.Have.NICs)), Note: p.Note,
	}
	for _, c := range p.Changes {
		if c.Cause == plan.Drift && (c.Path != "running" || !s.Failed) {
			status.Drift = append(status.Drift, c)
		}
	}
	add := func(is bool, word Standing) {
		if is {
			status.Standings = append(status.Standings, word)
		}
	}
	if err := ours(s); err != nil {
		status.Note = err.Error()
		add(true, Foreign)
	}
	add(len(status.Drift) > 0, Drifted)
	add(len(status.Pending) > 0, Pending)
	add(s.Stopped && !s.Have.State.Up(), ByHand)
	add(s.Failed, Failed)
	add(len(held) > 0, Held)
	add(len(status.Standings) == 0, InSync)
	return status
}

// also adds a standing that has nothing to do with what differs.
func (s *Status) also(word Standing) {
	if s.Standings = append(s.Standings, word); s.Standings[0] == InSync {
		s.Standings = s.Standings[1:]
	}
}

// withLeases is a container with what its interfaces were seen to have by DHCP.
func withLeases(c resource.Container, seen []resource.NIC) resource.Container {
	c.NICs = slices.Clone(c.NICs)
	for i := range c.NICs {
		c.NICs[i].Leased = resource.Known(seen, c.NICs[i].Name).Leased
	}
	return c
}

// tried is the trial that a container is part of, in its current generation.
func tried(list []Trial, name string, generation int) *Trial {
	for _, t := range list {
		if slices.ContainsFunc(t.Containers, func(c Tried) bool { return c.Name == name && c.To == generation }) {
			return &t
		}
	}
	return nil
}

// addresses are the bare addresses on record, IPv4 first.
func addresses(c resource.Container) []string {
	var four, six []string
	for _, n := range c.NICs {
		four = append(four, bare(n.IPv4)...)
		six = append(six, bare(n.IPv6)...)
		for _, a := range n.Leased {
			if resource.IsIPv6(a) {
				six = append(six, a)
			} else {
				four = append(four, a)
			}
		}
		for _, a := range n.Addresses {
			if resource.IsIPv6(a) {
				six = append(six, bare(a)...)
			} else {
				four = append(four, bare(a)...)
			}
		}
	}
	return append(four, six...)
}

// bare takes the prefix lengths off. An interface that somebody gave more
// addresses has them all, with spaces between.
func bare(prefixes string) []string {
	var list []string
	for _, word := range strings.Fields(prefixes) {
		if p, err := netip.ParsePrefix(word); err == nil {
			list = append(list, p.Addr().String())
		}
	}
	return list
}

// Current is a container as its current generation says, and the number of
// that generation. It asks nobody but the record. Errors: ErrUnknown.
func (e *Engine) Current(name string) (resource.Container, int, error) {
	c, err := e.current(name)
	if err != nil {
		return c, 0, err
	}
	n, err := e.State.Book(name).Current()
	return c, n, err
}

// Addresses are the bare addresses that a container has, IPv4 first: those on
// its interfaces while it is up, else those that it will have.
func (e *Engine) Addresses(ctx context.Context, name string) ([]string, error) {
	c, err := e.current(name)
	if err != nil {
		return nil, err
	}
	live, err := e.Host.Containers.Inspect(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	if live.State.Up() {
		if c.NICs, err = e.Host.Devices.NICs(ctx, live.Init, c.NICs); err != nil {
			return nil, err
		}
	}
	return addresses(c), nil
}
