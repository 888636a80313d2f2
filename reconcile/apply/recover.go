package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/generations"
)

// Recover undoes what runs that were cut short had begun, and returns the
// names of the containers that it did so for.
func Recover(ctx context.Context, host Host, crash *Crash) ([]string, error) {
	names, err := host.Store.Journals()
	if err != nil {
		return nil, err
	}
	var recovered []string
	var errs []error
	for _, name := range names {
		if err := recoverOne(ctx, host, name, crash); err != nil {
			errs = append(errs, fmt.Errorf("recover %s: %w", name, err))
			continue
		}
		recovered = append(recovered, name)
	}
	return recovered, errors.Join(errs...)
}

func recoverOne(ctx context.Context, host Host, name string, crash *Crash) error {
	e, err := unfinished(host.Store, name)
	if errors.Is(err, errLost) {
		return host.Store.ClearJournal(name)
	}
	if err != nil {
		return err
	}
	r := &runner{host: host, run: e.Run, opt: Options{Crash: crash}}
	t := r.task(e.Plan)
	t.canary = e.Canary
	t.at = name // which of two names it was cut short with
	switch t.ended() {
	case generations.Healthy: // all that was left was to put the journal away
		return host.Store.ClearJournal(name)
	case generations.Failed:
		if t.c.Proves() {
			if err := t.hold(); err != nil {
				return err
			}
		}
		if t.stays() {
			return t.keep(ctx)
		}
	}
	return t.back(ctx, len(e.Plan.Steps)-1, crash)
}

// ended is what the run wrote into the history of how it ended; "": nothing.
func (t *task) ended() generations.Outcome {
	list, _ := t.book().Activations() // what is damaged tells nothing
	for _, a := range slices.Backward(list) {
		if a.Run == t.run.ID && a.Generation == t.c.To {
			return a.Outcome
		}
	}
	return ""
}
