package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strake/reconcile/resource"
)

// Layers are the system layers, each under the key of its recipe: upper layers
// of an overlay, with the ids that containers see. On disk as images are:
//
//	sha256-<key>/rootfs      the tree
//	sha256-<key>/layer.json  resource.Layer
//	sha256-<key>/build.log   what building it said
//	.damaged-<key>-<n>       one that is not what it was, as it is
//	.failed-<key>.log        what a build that failed said
type Layers struct{ store *Store }

// OpenLayers names the folder; it touches nothing.
func OpenLayers(dir string) (*Layers, error) {
	s, err := Open(Options{Folder: dir})
	return &Layers{s}, err
}

// Path is where the tree of a layer is.
func (l *Layers) Path(key string) string { return l.store.Path(key) }

// Has says whether the layer is there.
func (l *Layers) Has(key string) bool {
	_, err := l.read(key)
	return err == nil
}

func (l *Layers) read(key string) (resource.Layer, error) {
	var layer resource.Layer
	if !digestForm().MatchString(key) {
		return layer, fmt.Errorf("system layer %q: %w", key, ErrNotFound)
	}
	text, err := os.ReadFile(filepath.Join(l.store.dir, key, "layer.json"))
	if errors.Is(err, os.ErrNotExist) {
		return layer, fmt.Errorf("system layer %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return layer, fmt.Errorf("read system layer %s: %w", key, err)
	}
	if err := json.Unmarshal(text, &layer); err != nil {
		return layer, fmt.Errorf("read system layer %s: %w: %w", key, ErrDamaged, err)
	}
	return layer, nil
}

func slotOf(key string) string { return strings.TrimPrefix(key, "sha256-")[:16] }

// Lock waits for others at the same layer, in this process and in any other.
func (l *Layers) Lock(key string) (unlock func(), err error) {
	if err := os.MkdirAll(l.store.dir, 0o700); err != nil {
		return nil, err
	}
	return l.store.lock(slotOf(key))
}

// Keep cleans a tree, takes its digest and moves it into the store. Whoever
// calls it holds the layer's lock.
func (l *Layers) Keep(ctx context.Context, layer resource.Layer, tree, log string) error {
	if err := l.keep(ctx, layer, tree, log); err != nil {
		return fmt.Errorf("keep system layer: %w", err)
	}
	return nil
}

func (l *Layers) keep(ctx context.Context, layer resource.Layer, tree, log string) (err error) {
	if err := cleanLayer(tree); err != nil {
		return err
	}
	if layer.Content, layer.Size, err = manifestLayer(ctx, tree); err != nil {
		return err
	}
	text, err := json.MarshalIndent(layer, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(l.store.dir, ".tmp-"+slotOf(layer.Key)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	err = errors.Join(
		os.WriteFile(filepath.Join(tmp, "layer.json"), append(text, '\n'), 0o600),
		os.Rename(log, filepath.Join(tmp, "build.log")),
		os.Rename(tree, filepath.Join(tmp, "rootfs")),
	)
	if err == nil {
		err = syncAll(tmp)
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(l.store.dir, layer.Key))
	}
	if err == nil {
		err = syncDir(l.store.dir)
	}
	_ = os.Remove(l.failed(layer.Key))
	return err
}

func (l *Layers) failed(key string) string {
	return filepath.Join(l.store.dir, failedBuild+slotOf(key)+".log")
}

// Failed keeps the log of a build that failed, and tells where.
func (l *Layers) Failed(key, log string) (string, error) {
	return l.failed(key), os.Rename(log, l.failed(key))
}

// Sweep deletes what was cut short on its way into the store.
func (l *Layers) Sweep() error { return l.store.sweep() }

// List lists the layers by key.
func (l *Layers) List() ([]resource.Layer, error) {
	entries, err := os.ReadDir(l.store.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list system layers: %w", err)
	}
	var list []resource.Layer
	for _, e := range entries {
		if !digestForm().MatchString(e.Name()) {
			continue
		}
		layer, err := l.read(e.Name())
		if err != nil {
			layer = resource.Layer{Key: e.Name()} // whoever looks closer is told
		}
		list = append(list, layer)
	}
	return list, nil
}

// Remove deletes a layer. Whether anything uses it is the caller's to know.
func (l *Layers) Remove(key string) error {
	if !digestForm().MatchString(key) {
		return fmt.Errorf("remove system layer %q: %w", key, ErrNotFound)
	}
	gone := filepath.Join(l.store.dir, ".tmp-"+slotOf(key)+"-gone") // out of sight in one step
	if err := os.Rename(filepath.Join(l.store.dir, key), gone); err != nil {
		return fmt.Errorf("remove system layer: %w", err)
	}
	return os.RemoveAll(gone)
}

// Made is when each layer was built, by its key, damaged or not.
func (l *Layers) Made() (map[string]time.Time, error) {
	list, err := l.store.made("layer.json")
	if err != nil {
		return nil, fmt.Errorf("list system layers: %w", err)
	}
	return list, nil
}

// Verify reads all of a layer again, from the disk. Errors: ErrDamaged,
// ErrNotFound.
func (l *Layers) Verify(ctx context.Context, key string) error {
	layer, err := l.read(key)
	if errors.Is(err, ErrNotFound) && l.store.there(key) {
		return fmt.Errorf("system layer %s: %w: its record is gone", key, ErrDamaged)
	}
	if err != nil {
		return damage(err)
	}
	if layer.Key != key || layer.Recipe.Key() != key {
		return fmt.Errorf("system layer %s: %w: its record is of another one", key, ErrDamaged)
	}
	content, err := again(ctx, l.Path(key), true)
	if err == nil && content != layer.Content {
		err = fmt.Errorf("%w: it is %s, and was %s", ErrDamaged, content, layer.Content)
	}
	if err != nil {
		return fmt.Errorf("system layer %s: %w", key, damage(err))
	}
	return nil
}

// Reject takes a layer out of the store and keeps all of it.
func (l *Layers) Reject(key string) error { return l.store.Reject(key) }

const failedBuild = ".failed-"

// Rejected lists them, their keys by the names of their folders, and the logs
// of builds that failed, with "".
func (l *Layers) Rejected() (map[string]string, error) {
	list, err := l.store.Rejected()
	if err != nil {
		return nil, err
	}
	logs, err := fs.Glob(os.DirFS(l.store.dir), failedBuild+"*")
	for _, name := range logs {
		list[name] = ""
	}
	return list, err
}

// RemoveRejected deletes one by its name.
func (l *Layers) RemoveRejected(name string) error {
	if strings.HasPrefix(name, failedBuild) && filepath.Base(name) == name {
		return os.RemoveAll(filepath.Join(l.store.dir, name))
	}
	return l.store.RemoveRejected(name)
}

// cleanLayer takes out what belongs to one build: lists, caches, logs, and
// what only the build needed. What it takes out is the image's again.
func cleanLayer(dir string) error {
	t, err := openTree(dir)
	if err != nil {
		return err
	}
	defer t.close()
	for _, c := range []struct{ dir, names string }{
		{"var/cache/apk", "*"}, {"var/cache/dnf", "*"}, {"var/cache/yum", "*"}, {"var/cache/libdnf5", "*"},
		{"var/log/dnf", "*"}, {"var/log", "dnf*.log*"}, {"var/log", "hawkey.log*"}, {"var/log", "apk.log*"},
	} {
		if err := t.empty(c.dir, c.names); err != nil {
			return err
		}
	}
	for _, name := range []string{"etc/resolv.conf", "etc/machine-id", "usr/sbin/policy-rc.d", "root/.bash_history"} {
		if err := t.remove(name); err != nil {
			return err
		}
	}
	return t.cleanMoment()
}
