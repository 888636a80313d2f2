package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// plain refuses a name from the command line that is a path: "c1/" would lead
// to the folder of c1, and be taken for another container than it.
func plain(kind, name string) error {
	if state.Plain(name) {
		return nil
	}
	return fmt.Errorf("%w: no %s %q", ErrUnknown, kind, name)
}

// current is the container as its current generation says.
func (e *Engine) current(name string) (resource.Container, error) {
	if err := plain("container", name); err != nil {
		return resource.Container{}, err
	}
	n, err := e.State.Book(name).Current()
	if err != nil {
		return resource.Container{}, fmt.Errorf("container %s: %w", name, err)
	}
	if n == 0 {
		return resource.Container{}, fmt.Errorf("%w: no container %q", ErrUnknown, name)
	}
	return e.State.Desired(name, n)
}

// RunState is the run state of a container that strake made.
func (e *Engine) RunState(ctx context.Context, name string) (resource.State, error) {
	if _, err := e.current(name); err != nil {
		return "", err
	}
	states, err := e.Host.Containers.States(ctx)
	if err != nil {
		return "", err
	}
	if s, ok := states[name]; ok {
		return s, nil
	}
	return resource.Stopped, nil
}

// verb does one thing to one container under the lock.
func (e *Engine) verb(ctx context.Context, command, name string, f func(resource.Container, resource.State) error) error {
	return e.told(command, name, e.work(ctx, func() error {
		c, err := e.current(name)
		if err != nil {
			return err
		}
		if err := e.notForeign(name); err != nil {
			return err
		}
		s, err := e.RunState(ctx, name)
		if err != nil {
			return err
		}
		if err := f(c, s); err != nil {
			return fmt.Errorf("container %s: %w", name, err)
		}
		return nil
	}))
}

// notForeign refuses to touch what somebody else has put in a container's
// place since.
func (e *Engine) notForeign(name string) error {
	d, defined, err := e.Host.Containers.Definition(name)
	if err != nil || !defined || d.Owner == "" {
		return err
	}
	id, err := e.State.Book(name).ID()
	if err == nil && d.Owner != id {
		err = foreign(name, d.Owner)
	}
	return err
}

// startable refuses to start what LXC does not know any more, or what would
// come up without its secrets. To stop it first would leave it down.
func (e *Engine) startable(c resource.Container) error {
	_, defined, err := e.Host.Containers.Definition(c.Name)
	if err != nil {
		return err
	}
	if !defined {
		return errors.New("LXC has no configuration of it any more, as after lxc-destroy; its data and generations are kept, and `strake apply` of its stack brings it back")
	}
	return e.allKept(c)
}

// Start starts a container as its current generation says, and takes back the
// word that it shall be stopped.
func (e *Engine) Start(ctx context.Context, name string) error {
	return e.verb(ctx, "start", name, func(c resource.Container, s resource.State) error {
		if err := e.startable(c); err != nil {
			return err
		}
		if err := e.wordStarted(c); err != nil {
			return err
		}
		if s.Up() {
			return e.Host.Containers.Unfreeze(ctx, name)
		}
		return e.bringUp(ctx, c)
	})
}

// bringUp makes ready what the start needs, and starts.
func (e *Engine) bringUp(ctx context.Context, c resource.Container) error {
	if err := e.regainImage(ctx, c); err != nil {
		return err
	}
	if err := e.regainLayers(ctx, c); err != nil {
		return err
	}
	defer e.warm(ctx)()
	if err := e.acting().Ready(ctx, c); err != nil {
		return err
	}
	return e.Host.Containers.Start(ctx, c.Name)
}

// warm makes starts and stops quick until cool is called.
func (e *Engine) warm(ctx context.Context) (cool func()) {
	during, cool := context.WithCancel(ctx)
	go e.Host.Containers.Warm(during)
	return cool
}

// wordStarted is the operator's word that the container shall run.
func (e *Engine) wordStarted(c resource.Container) error {
	if c.Running {
		return e.State.ClearWord(c.Name)
	}
	return e.State.SetWord(c.Name, state.Word{Started: true, By: e.By, At: time.Now().UTC()})
}

// Stop asks init to shut down and kills what is left after the timeout. The
// operator's word stays: apply does not start it again.
func (e *Engine) Stop(ctx context.Context, name string, timeout time.Duration) error {
	return e.stop(ctx, "stop", name, func() error {
		defer e.warm(ctx)()
		return e.Host.Containers.Stop(ctx, name, timeout)
	})
}

// Terminate kills. Otherwise it is Stop.
func (e *Engine) Terminate(ctx context.Context, name string) error {
	return e.stop(ctx, "terminate", name, func() error { return e.Host.Containers.Kill(ctx, name) })
}

func (e *Engine) stop(ctx context.Context, command, name string, end func() error) error {
	return e.verb(ctx, command, name, func(c resource.Container, s resource.State) error {
		if !s.Up() {
			return resource.ErrNotRunning
		}
		if err := e.wordStopped(c); err != nil {
			return err
		}
		if err := e.acting().TakeBack(ctx, name, c); err != nil {
			return err
		}
		return e.ended(name, end())
	})
}

// wordStopped is the operator's word that it shall not.
func (e *Engine) wordStopped(c resource.Container) error {
	if !c.Running {
		return e.State.ClearWord(c.Name)
	}
	return e.State.SetWord(c.Name, state.Word{Stopped: true, By: e.By, At: time.Now().UTC()})
}

// ended makes a message of an end that had to be forced: the container is
// stopped all the same.
func (e *Engine) ended(name string, err error) error {
	if errors.Is(err, resource.ErrKilled) {
		e.progress(name + " " + resource.ErrKilled.Error())
		return nil
	}
	return err
}

// Restart stops and starts, and so brings into effect what was waiting.
func (e *Engine) Restart(ctx context.Context, name string, timeout time.Duration) error {
	return e.verb(ctx, "restart", name, func(c resource.Container, s resource.State) error {
		if err := e.startable(c); err != nil {
			return err
		}
		begun := time.Now()
		if s.Up() {
			defer e.warm(ctx)()
			if err := e.acting().TakeBack(ctx, name, c); err != nil {
				return err
			}
			if err := e.ended(name, e.Host.Containers.Stop(ctx, name, timeout)); err != nil {
				return err
			}
		}
		if err := e.wordStarted(c); err != nil {
			return err
		}
		if !c.Image.Adopted() { // LXC unmounts what it mounted
			if err := e.Host.Roots.Drop(ctx, name); err != nil && !errors.Is(err, resource.ErrNotMounted) {
				return err
			}
		}
		err := e.bringUp(ctx, c)
		if err == nil && s.Up() {
			e.State.SetAway(name, time.Since(begun))
		}
		return err
	})
}

// Freeze stops all processes where they are. The operator's word stays: apply
// does not let them go on.
func (e *Engine) Freeze(ctx context.Context, name string) error {
	return e.hold(ctx, "freeze", name, e.Host.Containers.Freeze)
}

// Unfreeze lets them go on.
func (e *Engine) Unfreeze(ctx context.Context, name string) error {
	return e.hold(ctx, "unfreeze", name, e.Host.Containers.Unfreeze)
}

func (e *Engine) hold(ctx context.Context, command, name string, f func(context.Context, string) error) error {
	return e.verb(ctx, command, name, func(_ resource.Container, s resource.State) error {
		if !s.Up() {
			return resource.ErrNotRunning
		}
		word, err := e.State.Word(name)
		if err != nil {
			return err
		}
		word.Frozen, word.By, word.At = command == "freeze", e.By, time.Now().UTC()
		if err := e.State.SetWord(name, word); err != nil {
			return err
		}
		return f(ctx, name)
	})
}

// Release takes a container's hold off: what was rejected may be applied again.
func (e *Engine) Release(ctx context.Context, name string) error {
	return e.verb(ctx, "release", name, func(resource.Container, resource.State) error {
		return errors.Join(e.State.Book(name).Release(), e.State.ClearMending(name))
	})
}

// DeleteGenerations deletes records of a container; none that is needed.
func (e *Engine) DeleteGenerations(ctx context.Context, name string, numbers []int) error {
	return e.verb(ctx, "delete-generations", name, func(resource.Container, resource.State) error {
		var errs []error
		for _, n := range numbers {
			if err := e.wayBack(name, n); err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, e.State.Book(name).Delete(n))
		}
		return errors.Join(append(errs, e.dropSecrets())...)
	})
}

// ledgerHost is what a draft needs that only frees.
func ledgerHost() ledger.Host { return ledger.Host{UUID: uuid} }
