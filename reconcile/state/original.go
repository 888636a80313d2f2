package state

import (
	"fmt"
	"path/filepath"

	"strake/generations"
	"strake/reconcile/resource"
)

// Original is what a container was before it was taken over.
type Original struct {
	Text     string // its LXC configuration, as it was
	Rendered string // the same as strake wrote it
}

func (d *Dir) original(container string) string {
	return filepath.Join(d.Folder(container), "original.conf")
}

func (d *Dir) originally(container string) string {
	return filepath.Join(d.Folder(container), "original.rendered.conf")
}

// KeepOriginal keeps the LXC configuration of a container that is taken over.
func (d *Dir) KeepOriginal(c resource.Container, text string) error {
	rendered, err := d.render(d.path, c)
	if err != nil {
		return fmt.Errorf("render %s: %w", c.Name, err)
	}
	if err := generations.WriteFile(d.originally(c.Name), []byte(rendered), 0o600); err != nil {
		return err
	}
	return generations.WriteFile(d.original(c.Name), []byte(text), 0o600)
}

// Original reads it; false where strake made the container.
func (d *Dir) Original(container string) (Original, bool) {
	text, err := generations.ReadFile(d.original(container))
	rendered, err2 := generations.ReadFile(d.originally(container))
	return Original{string(text), string(rendered)}, err == nil && err2 == nil
}
