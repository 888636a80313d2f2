package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strake/reconcile/state"
)

// AtticTime is how long a retired container is kept.
const AtticTime = 7 * 24 * time.Hour

// Garbage is one thing that nobody needs any more.
type Garbage struct {
	Kind string `json:"kind"` // "container", "image", "layers", "system layer", "secret", "content", "file"
	Name string `json:"name"` // its name, the container's, its digest, its path
	Why  string `json:"why"`

	retired state.Retired
}

// Stored is an image in the store.
type Stored struct {
	Digest string
	Source string
}

// Collection says what is to be thrown away, and how. Generations are none of it.
type Collection struct {
	Now     time.Time                 // required
	Images  func() ([]Stored, error)  // required: what is in the store
	Remove  func(digest string) error // required: takes an image out of it
	Approve func([]Garbage) error     // required: asked before anything is removed
}

// Collect throws away what nobody needs: retired containers whose time is
// over, images that no kept generation is made of, files that a killed run
// left half written.
func (e *Engine) Collect(ctx context.Context, c Collection) ([]Garbage, error) {
	var list []Garbage
	err := e.work(ctx, func() error {
		var err error
		if list, err = e.garbage(ctx, c); err != nil {
			return err
		}
		if err := c.Approve(list); err != nil {
			return err
		}
		var errs []error
		for _, g := range list {
			errs = append(errs, e.discard(ctx, g, c))
		}
		return errors.Join(errs...)
	})
	return list, e.told("gc", "", err)
}

// Garbage lists what Collect would throw away. It changes nothing.
func (e *Engine) Garbage(ctx context.Context, c Collection) ([]Garbage, error) {
	return e.garbage(ctx, c)
}

func (e *Engine) garbage(ctx context.Context, c Collection) ([]Garbage, error) {
	attic, err := e.State.Attic()
	if err != nil {
		return nil, err
	}
	var list []Garbage
	for _, r := range attic {
		age := c.Now.Sub(r.At)
		if age < AtticTime {
			continue
		}
		list = append(list, Garbage{"container", r.Name, fmt.Sprintf("retired %d days ago", int(age.Hours()/24)), r})
	}
	images, err := e.uselessImages(c, list)
	if err != nil {
		return nil, err
	}
	secrets, err := e.sweepSecrets()
	if err != nil {
		return nil, err // what can't be read may need any of them
	}
	for _, d := range secrets {
		list = append(list, Garbage{Kind: "secret", Name: d, Why: "no generation has it"})
	}
	system, err := e.uselessLayers(list)
	if err != nil {
		return nil, err
	}
	contents, err := e.uselessContents()
	if err != nil {
		return nil, err
	}
	for _, d := range contents {
		list = append(list, Garbage{Kind: "content", Name: d, Why: "no generation has a file of it"})
	}
	layers, err := e.untidy(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Concat(list, images, system, layers, e.leftFiles()), nil
}

// uselessImages are those that no generation is made of. Retired containers
// that go now need none.
func (e *Engine) uselessImages(c Collection, going []Garbage) ([]Garbage, error) {
	used, err := e.ImageUses(going)
	if err != nil {
		return nil, err // what can't be read may need any of them
	}
	stored, err := c.Images()
	if err != nil {
		return nil, err
	}
	rejected, err := e.Host.Images.Rejected()
	if err != nil {
		return nil, err
	}
	var list []Garbage
	for _, img := range stored {
		if len(used[img.Digest]) == 0 {
			list = append(list, Garbage{Kind: "image", Name: img.Digest, Why: "no generation is made of it (" + img.Source + ")"})
		}
	}
	for name, digest := range rejected {
		if len(used[digest]) == 0 {
			list = append(list, Garbage{Kind: "damaged image", Name: name, Why: "no generation is made of it any more"})
		}
	}
	return list, nil
}

// leftFiles are what writes that were cut short left: generations writes
// beside the goal, under ".tmp-". Whoever holds the lock is the only writer,
// so all of them are over. It looks only where strake itself writes, never
// into a container's layers.
func (e *Engine) leftFiles() []Garbage {
	var list []Garbage
	for _, pattern := range []string{
		"", state.Asked, state.Unconfirmed, "contents", "runs", "secrets", "secrets/values", "stacks/*", "stacks/*/generations", "containers/*", "containers/*/generations", "containers/*/journal",
	} {
		found, _ := fs.Glob(os.DirFS(e.State.Path()), path.Join(pattern, ".tmp-*")) // the patterns are well-formed
		for _, name := range found {
			list = append(list, Garbage{Kind: "file", Name: name, Why: "a write that was cut short"})
		}
	}
	return list
}

func (e *Engine) discard(ctx context.Context, g Garbage, c Collection) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch g.Kind {
	case "container":
		return e.State.Purge(g.retired)
	case "image":
		return c.Remove(g.Name)
	case "layers":
		return e.tidyLayers(ctx, g.Name)
	case "secret":
		return e.Host.Vault.Drop(g.Name)
	case "system layer":
		return e.Host.Layers.Remove(g.Name)
	case "damaged image":
		return e.Host.Images.RemoveRejected(g.Name)
	case "damaged layer", "build log":
		return e.Host.Layers.RemoveRejected(g.Name)
	case "content":
		return e.State.DropContent(g.Name)
	}
	if !strings.HasPrefix(path.Base(g.Name), ".tmp-") {
		return fmt.Errorf("remove %s: %w", g.Name, fs.ErrInvalid)
	}
	return os.RemoveAll(filepath.Join(e.State.Path(), g.Name))
}
