package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

	"strake/generations"
	"strake/reconcile"
	"strake/reconcile/desired"
	"strake/reconcile/host/image"
	"strake/reconcile/resource"
	"strake/spec"
	"strake/spec/format"
	"strake/spec/lang"
	"strake/spec/source"
)

func (r *run) lockCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "lock", Category: "configuration",
		Usage: "pin images to what their sources are, in strake.lock.hcl", ArgsUsage: "[IMAGE...]",
		Flags: append(v.flags(),
			&cli.PathFlag{Name: "file", Usage: "configuration at `PATH`; without it the one in the current folder"},
			&cli.BoolFlag{Name: "upgrade", Usage: "fetch the images anew and move their pins; without names all of them"}),
		Action: func(c *cli.Context) error { return r.lock(c, v) },
	}
}

func (r *run) lock(c *cli.Context, v *values) error {
	names := c.Args().Slice()
	if len(names) > 0 && !c.Bool("upgrade") {
		return usage("names of images go with --upgrade")
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	w, err := r.wish(c, c.Path("file"), v)
	if err != nil {
		return err
	}
	if w.Origin == "-" {
		return usage("a configuration from the standard input has no folder to write a lock file into")
	}
	sources, err := sourcesOf(w.Stack, names)
	if err != nil {
		return err
	}
	images, err := e.PinImages(c.Context, w.Stack, func(img resource.Image) bool {
		return c.Bool("upgrade") && (len(names) == 0 || slices.Contains(sources, img.Source))
	})
	if err != nil {
		return unpinned(err)
	}
	changed, err := r.writePins(w, images)
	if err == nil {
		r.say("%s: %s", source.LockFile, counted(changed, "pin")+" changed")
	}
	return err
}

// sourcesOf are the sources of images by name, or of sources by themselves.
func sourcesOf(s spec.Stack, names []string) ([]string, error) {
	var list []string
	for _, name := range names {
		i := slices.IndexFunc(s.Images, func(i spec.Image) bool { return i.Name == name || i.Source == name })
		plain := slices.ContainsFunc(s.Containers, func(c spec.Container) bool { return c.Image != nil && c.Image.Source == name })
		switch {
		case i >= 0:
			list = append(list, s.Images[i].Source)
		case plain:
			list = append(list, name)
		default:
			return nil, fmt.Errorf("%w configuration: there is no image %q", errInvalid, name)
		}
	}
	return list, nil
}

// unpinned adds how a pin that its source does not fit any more is moved.
func unpinned(err error) error {
	if err == nil || !errors.Is(err, image.ErrDigest) {
		return err
	}
	return fmt.Errorf("%w: %w; that is what %s pins: run `strake lock --upgrade` to move the pin, or bring back what the source was",
		reconcile.ErrInvalid, err, source.LockFile)
}

// pinImages writes the pins that are missing after an apply. A folder that can't be
// written, as a checkout may be, is no failure of the apply.
func (r *run) pinImages(c *cli.Context, e *reconcile.Engine, w reconcile.Wish) {
	if w.Origin == "-" || w.Origin == "" {
		return
	}
	images, err := e.ImagesOf(c.Context, w.Stack)
	if err == nil {
		_, err = r.writePins(w, images)
	}
	if err != nil {
		r.say("warning: %s: %v", source.LockFile, err)
	}
}

// writePins has the digests of these images in the lock file, and says how
// many are new there.
func (r *run) writePins(w reconcile.Wish, images []resource.Image) (int, error) {
	d, err := r.deps()
	if err != nil || len(images) == 0 {
		return 0, err
	}
	metas, err := d.Images.List()
	if err != nil {
		return 0, err
	}
	var fresh []spec.Pin
	for _, img := range images {
		asked := desired.AskedFor(img)
		if w.Stack.Pinned(asked).Digest == img.Digest {
			continue
		}
		m := slices.IndexFunc(metas, func(m image.Meta) bool { return m.Digest == img.Digest })
		if m < 0 {
			continue // planned, and not fetched
		}
		fresh = append(fresh, spec.Pin{Image: asked, From: img.From, Digest: img.Digest, Size: metas[m].Size, Time: metas[m].Created})
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	return len(fresh), addPins(w.Root, fresh)
}

// addPins puts pins into the lock file as it is now: another stack of the
// folder may have written its own since this one was read.
func addPins(root string, fresh []spec.Pin) error {
	lock, err := source.Lock(root)
	if err != nil {
		return err
	}
	there, ds := lang.Load(source.Text{Lock: lock}, lang.Variables{})
	if ds.HasErrors() {
		return fmt.Errorf("%s is damaged, and left as it is", source.LockFile)
	}
	pins := slices.DeleteFunc(there.Pins, func(p spec.Pin) bool {
		return slices.ContainsFunc(fresh, func(f spec.Pin) bool { return f.Is(p.Image) })
	})
	return replaceBeside(filepath.Join(root, source.LockFile), format.Pins(append(pins, fresh...)))
}

// replaceBeside writes a file that belongs to who owns its folder: root at
// work in somebody's checkout leaves nothing there that they can't change.
func replaceBeside(path string, text []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, text) {
		return nil
	}
	if err := generations.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Lchown(path, int(owner.Uid), int(owner.Gid))
}
