package apply

import (
	"strake/generations"
	"strake/reconcile/plan"
)

// commit makes it so: the activation is on record, the journal gone.
func (t *task) commit(outcome generations.Outcome) error {
	if t.c.Want == nil {
		return nil // the journal went into the attic with everything else
	}
	if t.mends() {
		return t.host.Store.ClearJournal(t.at)
	}
	if t.c.To != t.c.From || t.run.Kind != generations.Apply && t.run.Kind != generations.Snapshot {
		if err := t.activate(outcome, ""); err != nil {
			return err
		}
		t.crash.Point()
	}
	return t.host.Store.ClearJournal(t.at)
}

// activate adds to the history that the generation was put to use, and how
// that ended.
func (t *task) activate(outcome generations.Outcome, note string) error {
	kind := t.run.Kind
	if t.c.Action == plan.Adopt {
		kind = generations.Import
	}
	return t.book().Activate(generations.Activation{
		Time: t.run.Started, Generation: t.c.To, Run: t.run.ID, By: t.run.By, Kind: kind, Outcome: outcome, Note: note,
	})
}
