package reconcile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"strake/generations"
	"strake/reconcile/adopt"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// Forget ends the management of a container and leaves it as it is, running
// or not: its LXC configuration then says everything itself.
func (e *Engine) Forget(ctx context.Context, name string) error {
	return e.verb(ctx, "forget", name, func(_ resource.Container, _ resource.State) error {
		rec, err := e.currentRecord(name)
		if err != nil {
			return err
		}
		if err := e.part(ctx, name); err != nil {
			return err
		}
		run := e.run(generations.Apply, rec.Stack)
		run.Origin, run.Message = rec.Origin, "forget "+name
		s := e.lastStack(rec.Stack)
		delete(s.Containers, name)
		delete(s.IDs, name)
		_, err = e.writeStack(run, s)
		return err
	})
}

// part takes a container out of what is managed.
func (e *Engine) part(ctx context.Context, name string) error {
	id, err := e.State.Book(name).ID()
	if err != nil {
		return err
	}
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	if _, err := e.State.Forget(name, id, led); err != nil {
		return err
	}
	return e.finishForgetting(ctx)
}

func (e *Engine) currentRecord(name string) (generations.Record, error) {
	book := e.State.Book(name)
	n, err := book.Current()
	if err != nil {
		return generations.Record{}, err
	}
	return book.Read(n)
}

// finishForgetting gives each forgotten container its own configuration, and
// clears up after those that are gone. A run that was cut short left it to
// the next one.
func (e *Engine) finishForgetting(ctx context.Context) error {
	list, err := e.State.Forgotten()
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := e.selfContained(ctx, f); err != nil {
			return fmt.Errorf("forget %s: %w", f.Name, err)
		}
	}
	return nil
}

func (e *Engine) selfContained(ctx context.Context, f state.Forgotten) error {
	d, defined, err := e.Host.Containers.Definition(f.Name)
	if err != nil {
		return err
	}
	if !defined {
		return e.dissolve(ctx, f) // its user has deleted it
	}
	if _, err := os.Stat(d.Include); d.Owner == "" || err == nil {
		return nil
	}
	n, err := f.Dir.Book(f.Name).Current()
	if err != nil {
		return err
	}
	c, err := f.Dir.Desired(f.Name, n)
	if err != nil {
		return err
	}
	files, err := f.Dir.Render(c)
	if err != nil {
		return err
	}
	if o, ok := f.Dir.Original(f.Name); ok && c.Image.Adopted() {
		if text, ok := adopt.Restore(o.Text, o.Rendered, string(files[state.ConfigFile])); ok {
			if d.Tail != "" && !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			return e.Host.Containers.Define(f.Name, resource.Definition{Tail: text + d.Tail})
		}
	}
	return e.Host.Containers.Define(f.Name, resource.Definition{Tail: string(files[state.ConfigFile]) + d.Tail})
}

// dissolve takes away what is left of a container that nobody has any more:
// its root may be mounted still.
func (e *Engine) dissolve(ctx context.Context, f state.Forgotten) error {
	err := e.Host.Roots.UnmountIn(ctx, f.Dir.Path(), f.Name)
	if err != nil && !errors.Is(err, resource.ErrNotMounted) {
		return err
	}
	if err := e.Host.Disks.Detach(resource.RootDisk(f.Dir.Folder(f.Name), 0).At); err != nil {
		return err
	}
	if err := e.free(f.Name); err != nil { // first: who is on the list is come back to
		return err
	}
	return e.State.Dissolve(f)
}

// free gives the choices for a name back, unless a container has it again.
func (e *Engine) free(name string) error {
	if n, err := e.State.Book(name).Current(); err != nil || n != 0 {
		return err
	}
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	if _, has := led.Containers[name]; !has {
		return nil
	}
	draft := led.Edit(ledgerHost())
	draft.Forget(name)
	return e.State.SetLedger(draft.Ledger())
}
