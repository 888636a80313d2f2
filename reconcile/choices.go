package reconcile

import (
	"strake/reconcile/apply"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
)

// forget frees the choices for containers that are not there: retired ones,
// and those whose creation was undone. Those of one that kept its old name
// are under that again.
func (e *Engine) forget(p plan.Plan, results []apply.Result) error {
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	draft := led.Edit(ledgerHost())
	changed := false
	for _, c := range p.Containers {
		if c.Action == plan.Forget || resultOf(results, c.Name).Name == "" {
			continue
		}
		n, err := e.State.Book(c.Name).Current()
		switch {
		case err != nil || n != 0:
			continue
		case c.Was != "":
			draft.Rename(c.Name, c.Was)
		default:
			draft.Forget(c.Name)
		}
		changed = true
	}
	for _, n := range p.Networks {
		if n.Action == plan.Retire {
			draft.ForgetNetwork(n.Name)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return e.State.SetLedger(draft.Ledger())
}

// layersOf is the ledger with the writable layers that a plan made new.
func layersOf(p plan.Plan, led ledger.Ledger) ledger.Ledger {
	draft := led.Edit(ledgerHost())
	for _, c := range p.Containers {
		if c.Want != nil && c.Acts() {
			draft.Layers(c.Name, c.Want.Writable)
			if c.Point != nil {
				draft.Layers(c.Name, c.Point.Layers)
			}
		}
	}
	return draft.Ledger()
}

// forgetAbsent frees the choices for containers that never came to be. Those
// of one whose renaming was undone go back to the name that it has.
func (e *Engine) forgetAbsent(in scene) error {
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	names := map[string]string{}
	for name, st := range in.standing {
		names[st.Record.ID] = name
	}
	draft, changed := led.Edit(ledgerHost()), false
	for name, entry := range led.Containers {
		if _, ok := in.standing[name]; ok || in.forgotten[name] {
			continue
		}
		now, stands := names[entry.UUID]
		if _, has := led.Containers[now]; stands && !has {
			draft.Rename(name, now)
		} else {
			draft.Forget(name)
		}
		changed = true
	}
	if !changed {
		return nil
	}
	return e.State.SetLedger(draft.Ledger())
}

// known is the ledger with all containers under the names that they are to
// have, and without those that nobody has any more.
func (s scene) known(led ledger.Ledger) ledger.Ledger {
	draft := led.Edit(ledgerHost())
	for _, name := range s.lost {
		if _, ours := s.standing[name]; !ours {
			draft.Forget(name)
		}
	}
	for to, m := range s.moves {
		draft.Rename(m.From, to)
	}
	return draft.Ledger()
}
