package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"strake/generations"
	"strake/reconcile/event"
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

	canary bool // it goes first of its group

	forced func() // tells that a stop had to kill

	crash *Crash // tests only
}

func (r *runner) task(c plan.ContainerPlan) *task {
	forced := func() { r.event(c.Name, plan.DoStop, event.Done, resource.ErrKilled) }
	return &task{r.host, r.run, c, c.Stands(), slices.Contains(r.canaries, c.Name), forced, r.opt.Crash}
}

func (t *task) book() *generations.Book { return t.host.Store.Book(t.at) }

// mends says whether the run brings back what the generation in use says.
// What it did is then right, however it ended, and is never undone; only what
// it stopped has to be up again.
func (t *task) mends() bool { return t.run.Kind.Mends() }

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
		return unless(t.unmount(ctx), resource.ErrNotMounted)
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
		return t.start(ctx)
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
	case plan.DoEgress:
		return t.setEgress(ctx, *t.c.Want)
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
	case plan.DoEgress:
		return t.setEgress(ctx, t.hadEgress())
	case plan.DoFiles:
		return t.restoreFiles(ctx)
	case plan.DoSecrets:
		return t.setSecrets(ctx, t.had())
	case plan.DoRetire:
		return t.host.Store.Restore(name, t.run.ID)
	}
	return fmt.Errorf("unknown step %q", s.Do)
}

// start brings it up. Where only that was to be done, somebody else may have done
// it meanwhile, as lxc-autostart at boot: its interfaces are no leftovers then.
func (t *task) start(ctx context.Context) error {
	if t.mends() {
		if live, err := t.host.Containers.Inspect(ctx, t.at, nil); err != nil || live.State.Up() {
			return err
		}
	}
	if err := t.host.clear(ctx, *t.c.Want); err != nil {
		return err
	}
	if err := t.host.tag(ctx, *t.c.Want); err != nil {
		return err
	}
	err := t.host.Containers.Start(ctx, t.at)
	if t.mends() {
		return unless(err, resource.ErrRunning)
	}
	return err
}

// stop leaves nothing of the container's interfaces on the host.
func (t *task) stop(ctx context.Context) error {
	if t.c.Last != nil {
		if err := t.host.TakeBack(ctx, t.at, *t.c.Last); err != nil {
			return err
		}
	}
	err := t.host.Containers.Stop(ctx, t.at, stopTimeout)
	if errors.Is(err, resource.ErrKilled) {
		t.forced()
	}
	err = unless(err, resource.ErrNotRunning, resource.ErrKilled)
	if err != nil || t.c.Last == nil {
		return err
	}
	return t.host.clear(ctx, *t.c.Last)
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

// unmount waits for the disk only where nothing comes in its place: what is
// deleted next shall be free space.
func (t *task) unmount(ctx context.Context) error {
	if t.c.Want == nil {
		return t.host.Roots.Unmount(ctx, t.at)
	}
	return t.host.Roots.Drop(ctx, t.at)
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
