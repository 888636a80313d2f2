package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// stopTimeout is how long a container may take to shut down before it is killed.
const stopTimeout = 30 * time.Second

// task is one container on its way.
type task struct {
	host Host
	run  Run
	c    plan.ContainerPlan
	at   string // the name that the container has at this moment

	crash *Crash // tests only
}

func (r *runner) task(c plan.ContainerPlan) *task {
	return &task{r.host, r.run, c, c.Stands(), r.opt.Crash}
}

func (t *task) book() *generations.Book { return t.host.Store.Book(t.at) }

// do takes one step forward. Every step may have been done before.
func (t *task) do(ctx context.Context, s plan.Step) error {
	name := t.at
	switch s.Do {
	case plan.DoPrepare:
		if err := t.host.disks(ctx, t.c.Want.Named(t.at)); err != nil {
			return err
		}
		return t.host.Roots.Prepare(ctx, resource.RootOf(t.c.Want.Named(t.at)))
	case plan.DoGrow:
		return t.host.disks(ctx, t.c.Want.Named(t.at))
	case plan.DoCopy:
		return t.host.Roots.Duplicate(ctx, name, t.c.Last.Writable[0], t.c.Point.Layers[0])
	case plan.DoPoint:
		return t.point()
	case plan.DoReset:
		from := resource.RootOf(t.c.Last.Named(t.at))
		from.Writable = t.c.Reset.From
		return t.host.Roots.Reset(ctx, from, t.c.Reset.Layer, t.c.Reset.Paths)
	case plan.DoRecord:
		return t.record()
	case plan.DoStop:
		return t.stop(ctx)
	case plan.DoUnmount:
		return unless(t.host.Roots.Unmount(ctx, name), resource.ErrNotMounted)
	case plan.DoSwitch:
		return t.book().Switch(t.c.To)
	case plan.DoKeep:
		return t.host.Store.KeepOriginal(*t.c.Want, t.c.Have.Text)
	case plan.DoConfig:
		return t.define(t.c.To)
	case plan.DoRename:
		return t.rename(t.c.Was, t.c.Name)
	case plan.DoMount:
		return t.host.mount(ctx, t.c.Want.Named(t.at))
	case plan.DoStart:
		if err := t.host.clear(ctx, *t.c.Want); err != nil {
			return err
		}
		return t.host.Containers.Start(ctx, name)
	case plan.DoAddNIC, plan.DoChangeNIC, plan.DoRemoveNIC:
		return t.setNIC(ctx, s.NIC, nic(t.c.Want, s.NIC))
	case plan.DoUnfreeze:
		return t.host.Containers.Unfreeze(ctx, name)
	case plan.DoLimits:
		return t.setLimits(ctx, t.c.Want.Limits)
	case plan.DoHostname:
		return t.setHostname(ctx, t.c.Want.Hostname)
	case plan.DoResolver:
		return t.setResolver(ctx, t.c.Want.Resolver)
	case plan.DoEnvironment:
		return t.setEnvironment(ctx, *t.c.Want)
	case plan.DoFiles:
		return t.setFiles(ctx)
	case plan.DoSecrets:
		return t.setSecrets(ctx, *t.c.Want)
	case plan.DoRetire:
		return t.retire(ctx)
	}
	return fmt.Errorf("unknown step %q", s.Do)
}

// undo takes one step back, or does nothing where it was never taken.
func (t *task) undo(ctx context.Context, s plan.Step) error {
	name := t.at
	switch s.Do {
	case plan.DoGrow:
		return nil // a file system gets no smaller
	case plan.DoPrepare:
		if t.c.Last != nil {
			return nil
		}
		if err := t.host.Disks.Detach(resource.RootDisk(t.host.Store.Folder(name), 0).At); err != nil {
			return err
		}
		return t.host.Store.Remove(name)
	case plan.DoCopy:
		return t.host.Roots.RemoveLayers(name, t.c.Point.Layers[:1])
	case plan.DoReset:
		return t.host.Roots.RemoveLayers(name, []int{t.c.Reset.Layer})
	case plan.DoPoint:
		return t.discard(t.c.Point.Number)
	case plan.DoRecord:
		return t.discard(t.c.To)
	case plan.DoStop:
		return t.startAgain(ctx)
	case plan.DoUnmount:
		return nil // a mount is made before each start
	case plan.DoSwitch:
		if t.c.From == 0 {
			return t.book().Clear()
		}
		return t.book().Switch(t.c.From)
	case plan.DoKeep:
		return nil // it goes with the container's folder
	case plan.DoConfig:
		if t.c.Action == plan.Adopt {
			return t.host.Containers.Define(name, resource.Definition{Tail: t.c.Have.Text})
		}
		if t.c.Last == nil {
			return t.host.Containers.Undefine(name)
		}
		return t.define(t.c.From)
	case plan.DoRename:
		return t.rename(t.c.Name, t.c.Was)
	case plan.DoMount:
		return t.unmountIdle(ctx)
	case plan.DoStart:
		return t.killOurs(ctx)
	case plan.DoAddNIC, plan.DoChangeNIC, plan.DoRemoveNIC:
		return t.setNIC(ctx, s.NIC, nic(&t.c.Have.Have, s.NIC))
	case plan.DoUnfreeze:
		return unless(t.host.Containers.Freeze(ctx, name), resource.ErrNotRunning)
	case plan.DoLimits:
		return t.setLimits(ctx, t.c.Have.Have.Limits)
	case plan.DoHostname:
		return t.setHostname(ctx, t.c.Have.Have.Hostname)
	case plan.DoResolver:
		return t.whileUp(ctx, func() error { return t.setResolver(ctx, t.c.Have.Have.Resolver) })
	case plan.DoEnvironment:
		return t.whileUp(ctx, func() error { return t.setEnvironment(ctx, t.had()) })
	case plan.DoFiles:
		return t.restoreFiles(ctx)
	case plan.DoSecrets:
		return t.setSecrets(ctx, t.had())
	case plan.DoRetire:
		return t.host.Store.Restore(name, t.run.ID)
	}
	return fmt.Errorf("unknown step %q", s.Do)
}

// stop leaves nothing of the container's interfaces on the host.
func (t *task) stop(ctx context.Context) error {
	if t.c.Last != nil {
		if err := t.host.TakeBack(ctx, t.at, *t.c.Last); err != nil {
			return err
		}
	}
	err := unless(t.host.Containers.Stop(ctx, t.at, stopTimeout), resource.ErrNotRunning, resource.ErrKilled)
	if err != nil || t.c.Last == nil {
		return err
	}
	return t.host.clear(ctx, *t.c.Last)
}

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
	d.Stack, d.Owner, d.Include = t.run.Stack, t.c.UUID, t.host.Store.Include(name)
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

// setNIC makes the interface as wanted, whatever it is now. nil: not there.
func (t *task) setNIC(ctx context.Context, name string, want *resource.NIC) error {
	return t.whileUpAt(ctx, func(pid int) error {
		list, err := t.host.Devices.NICs(ctx, pid, t.known())
		if err != nil {
			return err
		}
		have := nic(&resource.Container{NICs: list}, name)
		want := t.loose(want, have)
		switch {
		case want == nil && have == nil:
			return nil
		case want == nil:
			return t.host.Devices.RemoveNIC(ctx, pid, *have)
		case have == nil:
			return t.host.Devices.AddNIC(ctx, pid, *want)
		}
		if have.Type != want.Type { // one kind of interface can't become another
			if err := t.host.Devices.RemoveNIC(ctx, pid, *have); err != nil {
				return err
			}
			return t.host.Devices.AddNIC(ctx, pid, *want)
		}
		return t.host.Devices.ChangeNIC(ctx, pid, *have, *want)
	})
}

// known are the interfaces of the container before and after, as far as anybody
// knows.
func (t *task) known() []resource.NIC {
	list := slices.Clone(t.c.Have.Have.NICs)
	for _, c := range []*resource.Container{t.c.Last, t.c.Want} {
		if c != nil {
			list = append(list, c.NICs...)
		}
	}
	return list
}

// loose leaves alone what neither the text nor the generation before says of
// an adopted container's interface: what its init or LXC gave it.
func (t *task) loose(want, have *resource.NIC) *resource.NIC {
	if want == nil || have == nil || !t.c.Want.Image.Adopted() {
		return want
	}
	said := *want
	if last := nic(t.c.Last, want.Name); last != nil {
		said = said.Or(*last)
	}
	full := want.Or(have.Without(said))
	return &full
}

func (t *task) setLimits(ctx context.Context, want resource.Limits) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	return t.host.Containers.SetLimits(ctx, t.at, live.Limits, want)
}

func (t *task) setHostname(ctx context.Context, want string) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	err = t.host.Roots.SetHostnameFile(t.at, t.c.Want.IDMap, want)
	if err = unless(err, resource.ErrNotMounted); err != nil || live.Hostname == want { // an adopted root is not ours to write in
		return err
	}
	return t.host.Containers.SetHostname(ctx, t.at, want)
}

func (t *task) setResolver(ctx context.Context, want resource.Resolver) error {
	if err := t.host.Roots.SetResolver(t.at, t.c.Want.IDMap, want); err != nil {
		return err
	}
	return t.whileUp(ctx, func() error { return t.host.Containers.ReloadResolver(ctx, t.at) })
}

func (t *task) setEnvironment(ctx context.Context, c resource.Container) error {
	if err := t.host.Roots.SetEnvironment(t.at, t.c.Want.IDMap, c.Environment); err != nil {
		return err
	}
	if err := t.setSecrets(ctx, c); err != nil {
		return err
	}
	return t.whileUp(ctx, func() error { return t.host.Containers.Reload(ctx, t.at) })
}

// setSecrets brings secrets to an init that is up. One that is to come gets
// them from its own hook.
func (t *task) setSecrets(ctx context.Context, c resource.Container) error {
	if t.c.Want.Image.Adopted() || !c.Secrets() && !secretive(t.c) {
		return nil
	}
	c.Name, c.IDMap = t.at, t.c.Want.IDMap
	return t.whileUpAt(ctx, func(pid int) error { return t.host.Roots.SetSecrets(pid, c, t.host.Secrets.Reveal) })
}

// secretive says whether the container has, had, or is to have secrets.
func secretive(c plan.ContainerPlan) bool {
	return c.Want.Secrets() || c.Have.Have.Secrets() || c.Last != nil && c.Last.Secrets()
}

// had is what was there before, with the secrets of the generation before: of
// one that somebody changed the value is not known.
func (t *task) had() resource.Container {
	c := t.c.Have.Have
	c.Hidden, c.SecretFiles = nil, nil
	c.Environment = maps.Clone(c.Environment)
	maps.DeleteFunc(c.Environment, func(name, _ string) bool { return strings.HasPrefix(name, "/") })
	if t.c.Last != nil {
		c.Hidden, c.SecretFiles = t.c.Last.Hidden, t.c.Last.SecretFiles
	}
	return c
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
		if err := t.host.Store.Doom(t.at, t.run.ID); err != nil {
			return err
		}
	}
	return t.host.Store.Retire(t.at, t.run.ID)
}

// startAgain undoes a stop: what was up when the plan was made is up again,
// as it was.
func (t *task) startAgain(ctx context.Context) error {
	if !t.c.Have.State.Up() || t.c.Last == nil {
		return nil
	}
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || live.State.Up() {
		return err
	}
	if err := t.define(t.c.From); err != nil {
		return err
	}
	if err := t.host.Ready(ctx, t.c.Last.Named(t.at)); err != nil {
		return err
	}
	return t.host.Containers.Start(ctx, t.at)
}

// killOurs ends the init that this run started, and no other: the one that
// was there before has the start time that the plan saw.
func (t *task) killOurs(ctx context.Context) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() || live.Started == t.c.Have.Started {
		return err
	}
	return unless(t.host.Containers.Kill(ctx, t.at), resource.ErrNotRunning)
}

// unmountIdle leaves the root alone under an init that is up: that one was
// there before this run.
func (t *task) unmountIdle(ctx context.Context) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || live.State.Up() {
		return err
	}
	return unless(t.host.Roots.Unmount(ctx, t.at), resource.ErrNotMounted)
}

// unless drops an error that says that it is so already.
func unless(err error, fine ...error) error {
	for _, f := range fine {
		if errors.Is(err, f) {
			return nil
		}
	}
	return err
}

func (t *task) whileUp(ctx context.Context, f func() error) error {
	return t.whileUpAt(ctx, func(int) error { return f() })
}

func (t *task) whileUpAt(ctx context.Context, f func(pid int) error) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	return f(live.Init)
}

// alive says whether the init is there that the run left.
func (t *task) alive(ctx context.Context) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil {
		return err
	}
	if !live.State.Up() {
		return ErrInitEnded
	}
	return nil
}

func nic(c *resource.Container, name string) *resource.NIC {
	if c == nil {
		return nil
	}
	i := slices.IndexFunc(c.NICs, func(n resource.NIC) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &c.NICs[i]
}
