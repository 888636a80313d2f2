package apply

import (
	"cmp"
	"context"
	"errors"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// record writes the new generation. It is not current yet.
func (t *task) record() error {
	rec := t.writes(t.c.To)
	rec.Impact, rec.Digest, rec.Pending, rec.As = t.c.Impact.String(), t.c.Digest, t.c.Waiting(), t.c.As
	if t.c.Point != nil {
		rec.Message = "" // it is about the snapshot
	}
	return t.write(rec, *t.c.Want)
}

// point writes the generation that a snapshot is: the current one, on the
// layers that hold its data.
func (t *task) point() error {
	rec, c := t.writes(t.c.Point.Number), *t.c.Last
	c.Writable = t.c.Point.Layers
	rec.Impact, rec.Digest, rec.As, rec.Snapshot = "none", resource.Digest(c), t.c.From, true
	return t.write(rec, c)
}

// writes is what this run says of any generation that it makes.
func (t *task) writes(number int) generations.Record {
	return generations.Record{
		Version: 1, Number: number, ID: t.c.UUID, Created: t.run.Started, Stack: t.run.Stack, Origin: t.run.Origin,
		Commit: t.run.Commit, By: t.run.By, Run: t.run.ID, Message: t.run.Message, Parent: t.c.From, Name: t.c.Name,
	}
}

func (t *task) write(rec generations.Record, c resource.Container) error {
	if old, err := t.book().Read(rec.Number); err == nil && old.Run == t.run.ID {
		return nil
	}
	files, err := t.host.Store.Render(c)
	if err != nil {
		return err
	}
	return t.book().Write(rec, files)
}

func (t *task) discard(number int) error {
	rec, err := t.book().Read(number)
	if errors.Is(err, generations.ErrNone) {
		return nil
	}
	if err == nil && rec.Run != t.run.ID {
		return nil // another run's: never touched
	}
	err = t.book().Discard(number)
	if errors.Is(err, generations.ErrActivated) {
		return nil // it stays in the history, as the failed one that it was
	}
	return err
}

// define writes the configuration that liblxc reads. Lines that people added
// stay.
func (t *task) define(generation int) error {
	d, defined, err := t.host.Containers.Definition(t.at)
	if err != nil {
		return err
	}
	if !defined {
		d.Tail = t.host.Store.Tail(t.at)
	}
	if err := t.host.Store.Mend(t.at, generation); err != nil {
		return err
	}
	if t.c.Action == plan.Adopt {
		d.Tail = "" // all of it is in the generation now
	}
	return t.defineAs(t.at, d)
}

func (t *task) defineAs(name string, d resource.Definition) error {
	d.Stack, d.Owner, d.Include = cmp.Or(t.c.Stack, t.run.Stack), t.c.UUID, t.host.Store.Include(name)
	return t.host.Containers.Define(name, d)
}

// rename gives the container, which is not up, another name. Whenever it is
// cut short, the container is defined under the name that its folder has, with
// the lines that people added. What else people have in its LXC folder stays
// there: their lines may name it.
func (t *task) rename(from, to string) error {
	d, defined, err := t.host.Containers.Definition(from)
	if err != nil {
		return err
	}
	ours := defined && (d.Owner == t.c.UUID || d.Owner == "" && from == t.c.Was)
	if ours {
		if err := t.defineAs(to, d); err != nil {
			return err
		}
	}
	t.crash.Point()
	if err := t.host.Store.Rename(from, to); err != nil {
		return err
	}
	t.crash.Point()
	if t.at = to; !ours {
		return nil
	}
	return t.host.Containers.Undefine(from)
}

// retire keeps the lines that people added with everything else. One that was
// stopped by others may have left something of its interfaces.
func (t *task) retire(ctx context.Context) error {
	if err := t.host.clear(ctx, *t.c.Last); err != nil {
		return err
	}
	d, _, err := t.host.Containers.Definition(t.at)
	if err != nil {
		return err
	}
	if err := t.host.Store.KeepTail(t.at, d.Tail); err != nil {
		return err
	}
	if err := t.host.Containers.Undefine(t.at); err != nil {
		return err
	}
	if err := t.host.Disks.Detach(resource.RootDisk(t.host.Store.Folder(t.at), 0).At); err != nil {
		return err
	}
	if t.c.Removed == "purge" {
		if err := t.host.Store.Doom(t.at, t.run.ID, t.c.Volumes); err != nil {
			return err
		}
	}
	return t.host.Store.Retire(t.at, t.run.ID)
}
