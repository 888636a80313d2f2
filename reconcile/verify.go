package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strake/reconcile/event"
	"strake/reconcile/resource"
	"strake/reconcile/scrub"
	"strake/reconcile/thread"
)

// Checked is something in a store that was read again.
type Checked struct {
	Kind    string `json:"kind"` // "image", "system layer"
	Digest  string `json:"digest"`
	Damaged string `json:"damaged,omitempty"` // why it is; "": it is what it was
	Users   []Use  `json:"users,omitempty"`   // of what is damaged
}

// store is one of those that containers are made of.
type store struct {
	kind   string
	made   map[string]time.Time // what is in it, by digest
	verify func(context.Context, string) error
	reject func(string) error
	needs  func(*resource.Container) []string
}

// stores are images and system layers, with what is in them now.
func (e *Engine) stores() ([]store, error) {
	images, err1 := e.Host.Images.Made()
	layers, err2 := e.Host.Layers.Made()
	return []store{
		{"image", images, e.Host.Images.Verify, e.Host.Images.Reject, func(c *resource.Container) []string { return []string{c.Image.Digest} }},
		{"system layer", layers, e.Host.Layers.Verify, e.Host.Layers.Reject, func(c *resource.Container) []string { return c.Layers }},
	}, errors.Join(err1, err2)
}

// Verify reads all images and system layers again. What is damaged is taken
// out of its store, so that nothing starts on it any more: the next start or
// apply that needs it gets it anew. What runs on it is left alone. Only taking out needs
// the lock: others may start and stop containers while all is read.
func (e *Engine) Verify(ctx context.Context) ([]Checked, error) {
	stores, err := e.stores()
	if err != nil {
		return nil, err
	}
	var list []Checked
	var errs []error
	for _, s := range stores {
		for _, d := range slices.Sorted(maps.Keys(s.made)) {
			began := time.Now()
			c, err := e.check(ctx, s, d)
			if ctx.Err() != nil {
				return list, ctx.Err()
			}
			if c != nil {
				list = append(list, *c)
			}
			if errs = append(errs, err); err == nil {
				_ = e.read(stores, d, began) // who can't write that down reads it once more
			}
		}
	}
	return list, errors.Join(errs...)
}

// Scrub reads that image or system layer again whose last reading is longest
// ago, if that is due for each of them to be read once in every, and does with it what
// Verify does. done says whether one was read, next when to call again.
func (e *Engine) Scrub(ctx context.Context, every time.Duration) (done bool, next time.Time, err error) {
	stores, err := e.stores()
	if err != nil {
		return false, next, err
	}
	readings, err := e.State.Readings()
	if err != nil {
		return false, next, err
	}
	now, all := time.Now(), madeIn(stores)
	readings.Forget(all, now)
	digest, next := readings.Next(all, every, now)
	if latest := now.Add(every / 2); digest == "" || next.After(latest) {
		return false, latest, nil // what comes meanwhile is not due before
	}
	if next.After(now) {
		return false, next, nil
	}
	s := stores[slices.IndexFunc(stores, func(s store) bool { _, in := s.made[digest]; return in })]
	s.verify = behind(s.verify)
	c, err := e.check(ctx, s, digest)
	if ctx.Err() != nil || err != nil && c != nil {
		return true, now, err // it is not read, or still there
	}
	return true, now, errors.Join(err, e.read(stores, digest, now))
}

// behind has no more than the reading come behind others: what follows may start
// processes, and these have the priorities of the thread that starts them.
func behind(verify func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, digest string) (err error) {
		thread.Behind(func() { err = verify(ctx, digest) })
		return err
	}
}

// read notes when something was, whatever came of it: others have their turn.
func (e *Engine) read(stores []store, digest string, at time.Time) error {
	return e.State.ChangeReadings(func(r scrub.Readings) {
		r[digest] = at.UTC()
		r.Forget(madeIn(stores), time.Now())
	})
}

// madeIn is what is in any of them.
func madeIn(stores []store) map[string]time.Time {
	all := map[string]time.Time{}
	for _, s := range stores {
		maps.Copy(all, s.made)
	}
	return all
}

// check reads one again, and rejects it where it is damaged; nil: it went
// meanwhile, or could not be read.
func (e *Engine) check(ctx context.Context, s store, digest string) (*Checked, error) {
	c := &Checked{Kind: s.kind, Digest: digest}
	err := s.verify(ctx, digest)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, resource.ErrDamaged):
		c.Damaged = err.Error()
		there, err := e.reject(context.WithoutCancel(ctx), s, c)
		if !there && err == nil {
			return nil, nil
		}
		return c, err
	case errors.Is(err, resource.ErrNotFound):
		return nil, nil
	}
	return nil, err
}

// reject takes what is damaged out of its store, finds who uses it, and tells;
// false: it was not there any more.
func (e *Engine) reject(ctx context.Context, s store, c *Checked) (there bool, err error) {
	err = e.work(ctx, func() error {
		users, unknown := e.uses(nil, s.needs) // a record that can't be read keeps nothing damaged in use
		c.Users = users[c.Digest]
		if err := errors.Join(unknown, e.spoil(c.Users)); err != nil {
			e.progress(err.Error())
		}
		err := s.reject(c.Digest)
		if errors.Is(err, resource.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		there = true
		e.Tell(event.Event{Kind: event.Store, Outcome: event.Damaged, Error: c.Damaged, Message: c.Remedy()})
		return e.unmountIdle(ctx, c.Users)
	})
	return there, err
}

// Remedy says who uses what is damaged, and what to do.
func (c Checked) Remedy() string {
	if len(c.Users) == 0 {
		return "no generation is made of it, and `strake gc` deletes it"
	}
	var users, stand []string
	for _, u := range c.Users {
		if users = append(users, u.String()); u.Standing == "" {
			stand = append(stand, u.Container)
		}
	}
	text := "it is put aside, of " + strings.Join(users, "; ")
	switch len(stand) {
	case 0:
		return text
	case 1:
		return fmt.Sprintf("%s: `strake restart %s` starts it on a sound one, which is fetched or built again", text, stand[0])
	}
	return text + ": `strake restart NAME` starts each on a sound one, which is fetched or built again"
}

// spoil has no start made again on roots that are mounted from what is damaged.
func (e *Engine) spoil(users []Use) error {
	var errs []error
	for _, u := range users {
		if u.Standing != "" {
			continue
		}
		if err := e.Host.Roots.Spoil(u.Container); !errors.Is(err, resource.ErrNotMounted) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// unmountIdle takes away the roots of containers that are stopped: they would
// start on what is damaged.
func (e *Engine) unmountIdle(ctx context.Context, users []Use) error {
	for _, u := range users {
		if u.Standing != "" {
			continue
		}
		s, err := e.RunState(ctx, u.Container)
		if err != nil {
			return err
		}
		if s.Up() {
			continue
		}
		if err := e.Host.Roots.Unmount(ctx, u.Container); err != nil && !errors.Is(err, resource.ErrNotMounted) {
			return err
		}
	}
	return nil
}

// regainImage fetches the image of a container again that is gone. What is
// mounted may be what is left of it.
func (e *Engine) regainImage(ctx context.Context, c resource.Container) error {
	if c.Image.Adopted() {
		return nil
	}
	if _, ok, err := e.Host.Images.Resolve(ctx, c.Image); ok || err != nil {
		return err
	}
	if err := e.Host.Roots.Unmount(ctx, c.Name); err != nil && !errors.Is(err, resource.ErrNotMounted) {
		return err
	}
	_, err := e.Host.Images.Ensure(ctx, c.Image, e.progress)
	return err
}
