package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"strake/generations"
	"strake/reconcile/resource"
)

// Retired is a container in the attic.
type Retired struct {
	Name string    `json:"name"`
	Run  string    `json:"run"` // that put it there
	At   time.Time `json:"at"`
	Path string    `json:"path"`

	Doomed bool `json:"doomed,omitempty"` // to be deleted as soon as can be
}

func (d *Dir) attic() string { return filepath.Join(d.path, "attic") }

func (d *Dir) retired(container, run string) string {
	return filepath.Join(d.attic(), container+"@"+run)
}

// Retire moves a container's folder into the attic, in one rename.
func (d *Dir) Retire(container, run string) error {
	if err := os.MkdirAll(d.attic(), 0o700); err != nil {
		return fmt.Errorf("retire %s: %w", container, err)
	}
	if err := d.keepUsed(container); err != nil {
		return fmt.Errorf("retire %s: %w", container, err)
	}
	to := d.retired(container, run)
	if err := os.Rename(d.Folder(container), to); err != nil {
		return fmt.Errorf("retire %s: %w", container, err)
	}
	now := time.Now()
	_ = os.Chtimes(to, now, now) // its age in the attic
	if err := os.RemoveAll(filepath.Join(to, "journal")); err != nil {
		return fmt.Errorf("retire %s: %w", container, err)
	}
	return nil
}

// used is a file in a container's folder: the highest number of a writable layer
// that was ever used, which the ledger has while the container stands. Its
// generations need not have it: they may be gone, or their run was undone, while
// the layer lies there still.
const used = "layers-used"

func (d *Dir) keepUsed(container string) error {
	n, err := d.layers.of(d, container, time.Now())
	if err != nil {
		return err
	}
	return generations.WriteFile(filepath.Join(d.Folder(container), used), []byte(strconv.Itoa(n)+"\n"), 0o600)
}

// layers are the highest numbers of writable layers, as the ledger with that print
// has them: who retires many containers reads it once.
type layers struct {
	mu    sync.Mutex
	print print
	used  map[string]int
}

func (l *layers) of(d *Dir, container string, at time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := printOf(d.ledgerFile())
	if l.print != (print{}) && l.print == now {
		return l.used[container], nil
	}
	led, err := d.Ledger()
	if err != nil {
		return 0, err
	}
	used := make(map[string]int, len(led.Containers))
	for name, c := range led.Containers {
		used[name] = c.Writable
	}
	if now.settled(at) {
		l.print, l.used = now, used
	}
	return used[container], nil
}

// Used is the highest number of a writable layer that a container in the attic ever
// used.
func (r Retired) Used() (int, error) {
	path := filepath.Join(r.Path, used)
	text, err := generations.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: an older strake retired it; write the highest number of a layer in %s to that file", err, filepath.Join(r.Path, "writable"))
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("read %s: %w", path, generations.ErrDamaged)
	}
	return n, nil
}

// Doom says that what a run is about to retire is to be deleted right after it,
// by whoever comes to it, and volumes with it. Of a run that did not retire it that
// means nothing.
func (d *Dir) Doom(container, run string, volumes []resource.Volume) error {
	if len(volumes) > 0 {
		if err := d.write(filepath.Join("containers", container, doomedVolumes), volumes); err != nil {
			return err
		}
	}
	return generations.WriteFile(filepath.Join(d.Folder(container), doomed), []byte(run), 0o600)
}

// doomed is a file that names a run; the others say what goes with the container,
// and that none of it has its name any more.
const (
	doomed        = "doomed"
	doomedVolumes = "volumes.json"
	movedVolumes  = "volumes.moved"
)

// DoomedVolumes are those that go with a retired container, and whether they have
// been moved aside.
func (d *Dir) DoomedVolumes(r Retired) (list []resource.Volume, moved bool, err error) {
	text, err := generations.ReadFile(filepath.Join(r.Path, doomedVolumes))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, false, fmt.Errorf("volumes of retired container %s: %w", r.Name, err)
	}
	_, err = os.Lstat(filepath.Join(r.Path, movedVolumes))
	return list, err == nil, nil
}

// MovedVolumes notes that they have been moved aside. What has their names from then
// on is somebody else's.
func (d *Dir) MovedVolumes(r Retired) error {
	return generations.WriteFile(filepath.Join(r.Path, movedVolumes), nil, 0o600)
}

// Restore brings a container back that this run retired. Where it was not
// retired there is nothing to do.
func (d *Dir) Restore(container, run string) error {
	err := os.Rename(d.retired(container, run), d.Folder(container))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore %s: %w", container, err)
	}
	return nil
}

// Attic lists what is in it, the oldest first.
func (d *Dir) Attic() ([]Retired, error) {
	names, err := folders(d.attic())
	if err != nil {
		return nil, err
	}
	var list []Retired
	for _, n := range names {
		container, run, ok := strings.Cut(n, "@")
		info, err := os.Stat(filepath.Join(d.attic(), n))
		if !ok || err != nil {
			continue
		}
		at := filepath.Join(d.attic(), n)
		by, _ := generations.ReadFile(filepath.Join(at, doomed)) // none is nothing
		list = append(list, Retired{container, run, info.ModTime(), at, string(by) == run})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].At.Before(list[j].At) })
	return list, nil
}

// Purge deletes a retired container for good.
func (d *Dir) Purge(r Retired) error {
	if err := os.RemoveAll(r.Path); err != nil {
		return fmt.Errorf("purge %s: %w", r.Name, err)
	}
	return nil
}

func (d *Dir) tail(container string) string { return filepath.Join(d.Folder(container), "tail.conf") }

// Tail is what people had added to the LXC configuration of a container that
// was retired and came back; "" for none.
func (d *Dir) Tail(container string) string {
	text, _ := generations.ReadFile(d.tail(container)) // none is nothing
	return string(text)
}

// KeepTail keeps it.
func (d *Dir) KeepTail(container, tail string) error {
	if tail == "" {
		return nil
	}
	return generations.WriteFile(d.tail(container), []byte(tail), 0o600)
}
