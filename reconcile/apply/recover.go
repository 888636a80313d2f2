package apply

import (
	"context"
	"errors"
	"fmt"

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
	t.at = name // which of two names it was cut short with
	if committed(t) {
		return host.Store.ClearJournal(name)
	}
	return t.back(ctx, len(e.Plan.Steps)-1, crash)
}

// committed says whether the run got as far as its activation: all that was
// left was to put the journal away.
func committed(t *task) bool {
	list, err := t.book().Activations()
	if err != nil {
		return false
	}
	for _, a := range list {
		if a.Run == t.run.ID && a.Generation == t.c.To && a.Outcome == generations.Healthy {
			return true
		}
	}
	return false
}
