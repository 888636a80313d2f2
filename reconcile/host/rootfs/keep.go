package rootfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"strake/reconcile/resource"
)

// ErrLarge: a file is in the way that could not be put back.
var ErrLarge = errors.New("a file of more than 64MiB is there; move it away")

// kept is a file that was put aside, with its text beside it.
type kept struct {
	Path  string `json:"path"`
	There bool   `json:"there"`
	Odd   string `json:"odd,omitempty"`
	Link  string `json:"link,omitempty"`
	Mode  uint32 `json:"mode"`
	Owner int    `json:"owner"`
	Group int    `json:"group"`
}

// KeepFiles puts aside what lies at these paths of a container's mounted root,
// into a folder of the host that is made for it. Where the folder is there
// already it was done. Error: ErrNotMounted.
func (r *Roots) KeepFiles(container string, paths []string, folder string) error {
	if _, err := os.Lstat(folder); err == nil {
		return nil
	}
	err := r.keepFiles(container, paths, folder+".new")
	if err == nil {
		err = os.Rename(folder+".new", folder)
	}
	if err != nil {
		return fmt.Errorf("put files of %s aside: %w", container, err)
	}
	return nil
}

func (r *Roots) keepFiles(container string, paths []string, folder string) error {
	in, err := r.enter(container, 0)
	if err != nil {
		return err
	}
	defer in.close()
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
		return err
	}
	list := make([]kept, len(paths))
	for i, name := range paths {
		c, err := in.look(name, mostKept)
		if err == nil && c.large {
			err = fmt.Errorf("%s: %w", name, ErrLarge)
		}
		if err != nil {
			return err
		}
		list[i] = kept{name, c.there, c.odd, c.link, c.mode, c.owner, c.group}
		if err := os.WriteFile(filepath.Join(folder, strconv.Itoa(i)), c.text, 0o600); err != nil {
			return err
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "list.json"), text, 0o600)
}

// RestoreFiles puts back what KeepFiles put aside; nothing where it did not.
// What was neither file nor link it can't bring back. Error: ErrNotMounted.
func (r *Roots) RestoreFiles(root resource.Root, folder string) (changed []string, err error) {
	text, err := os.ReadFile(filepath.Join(folder, "list.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []kept
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err == nil {
		changed, err = r.restoreFiles(root, list, folder)
	}
	if err != nil {
		return changed, fmt.Errorf("put files of %s back: %w", root.Container, err)
	}
	return changed, nil
}

func (r *Roots) restoreFiles(root resource.Root, list []kept, folder string) (changed []string, err error) {
	in, err := r.enter(root.Container, int(root.IDMap.Base))
	if err != nil {
		return nil, err
	}
	defer in.close()
	for i, k := range list {
		if k.Odd == "a folder" {
			continue // it never went away
		}
		text, err := os.ReadFile(filepath.Join(folder, strconv.Itoa(i)))
		if err != nil {
			return changed, err
		}
		was := content{there: k.There && k.Odd == "", link: k.Link, text: text, mode: k.Mode, owner: k.Owner, group: k.Group}
		if changed, err = in.settleNoting(k.Path, was, changed); err != nil {
			return changed, err
		}
	}
	return changed, nil
}
