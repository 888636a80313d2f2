package reconcile

import (
	"context"
	"errors"
	"slices"

	"strake/reconcile/resource"
)

// Checked is something in a store that was read again.
type Checked struct {
	Kind    string `json:"kind"` // "image", "system layer"
	Digest  string `json:"digest"`
	Damaged string `json:"damaged,omitempty"` // why it is; "": it is what it was
	Users   []Use  `json:"users,omitempty"`   // of what is damaged
}

// Verify reads all images and system layers again. What is damaged is taken
// out of its store, so that nothing starts on it any more: the next start or
// apply that needs it gets it anew. What runs on it is left alone. Only taking out needs
// the lock: others may start and stop containers while all is read.
func (e *Engine) Verify(ctx context.Context) ([]Checked, error) {
	var list []Checked
	for _, s := range []struct {
		kind   string
		list   func() ([]string, error)
		verify func(context.Context, string) error
	}{
		{"image", e.Host.Images.Digests, e.Host.Images.Verify},
		{"system layer", e.layerKeys, e.Host.Layers.Verify},
	} {
		digests, err := s.list()
		if err != nil {
			return list, err
		}
		for _, d := range digests {
			c, err := checked(ctx, s.kind, d, s.verify)
			if err != nil {
				return list, err
			}
			list = append(list, c...)
		}
	}
	return list, e.reject(ctx, list)
}

func (e *Engine) layerKeys() ([]string, error) {
	stored, err := e.Host.Layers.List()
	var keys []string
	for _, l := range stored {
		keys = append(keys, l.Key)
	}
	return keys, err
}

// checked is one, or none that went meanwhile.
func checked(ctx context.Context, kind, digest string, verify func(context.Context, string) error) ([]Checked, error) {
	err := verify(ctx, digest)
	switch {
	case err == nil:
		return []Checked{{Kind: kind, Digest: digest}}, nil
	case errors.Is(err, resource.ErrDamaged):
		return []Checked{{Kind: kind, Digest: digest, Damaged: err.Error()}}, nil
	case errors.Is(err, resource.ErrNotFound):
		return nil, nil
	}
	return nil, err
}

// reject takes what is damaged out of the stores, and says who uses it.
func (e *Engine) reject(ctx context.Context, list []Checked) error {
	if !slices.ContainsFunc(list, func(c Checked) bool { return c.Damaged != "" }) {
		return nil
	}
	return e.work(ctx, func() error {
		images, err1 := e.ImageUses(nil)
		layers, err2 := e.uses(nil, func(c *resource.Container) []string { return c.Layers })
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		var errs []error
		for i := range list {
			c := &list[i]
			if c.Damaged == "" {
				continue
			}
			reject := e.Host.Images.Reject
			c.Users = images[c.Digest]
			if c.Kind == "system layer" {
				reject, c.Users = e.Host.Layers.Reject, layers[c.Digest]
			}
			errs = append(errs, reject(c.Digest), e.unmountIdle(ctx, c.Users))
		}
		return errors.Join(errs...)
	})
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
