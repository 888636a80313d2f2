package subid

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/idmap"
)

// ErrBusy says that passwd, usermod, vipw or the like holds the lock on the
// account files.
var ErrBusy = errors.New("account files are locked")

// patience is how long lckpwdf(3) waits.
const patience = 15 * time.Second

// Ensure lets root give away the ids of r, as users and as groups: it adds
// "root:BASE:COUNT" to each file that does not say so yet. Everything else in
// the files stays, byte for byte, and so do their modes and owners. A
// file is whole at every instant. changed is right also beside an error.
// Errors: ErrBusy.
func Ensure(etc string, r idmap.Range) (changed bool, err error) {
	if !r.Valid() {
		return false, fmt.Errorf("add ids %s: not a range", r)
	}
	if missing, err := missing(etc, r); err != nil || len(missing) == 0 {
		return false, err
	}
	unlock, err := lock(etc)
	if err != nil {
		return false, fmt.Errorf("add ids %s: %w", r, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	names, err := missing(etc, r)
	for _, name := range names {
		if err := add(filepath.Join(etc, name), r); err != nil {
			return changed, fmt.Errorf("add ids %s: %w", r, err)
		}
		changed = true
	}
	return changed, err
}

// missing lists the files that do not cover r. Neighbouring lines count
// together, as they do for newuidmap.
func missing(etc string, r idmap.Range) ([]string, error) {
	pools, err := Files(etc)
	if err != nil {
		return nil, err
	}
	var names []string
	for i, name := range files() {
		if len(idmap.Subtract([]idmap.Range{r}, pools[i])) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

// add appends a line by way of a new file.
func add(path string, r idmap.Range) error {
	path, err := resolve(path)
	if err != nil {
		return err
	}
	text, err := read(path)
	if err != nil {
		return err
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return replace(path, append(text, "root:"+r.String()+"\n"...))
}

// resolve follows a symlink, so that it is its target that is replaced.
func resolve(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return real, err
}

func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	err = fill(f, path, text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func fill(f *os.File, like string, text []byte) error {
	if err := dress(f, like); err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// dress gives the new file the mode and owner of the old one. The owner comes
// first: chown(2) takes special mode bits away.
func dress(f *os.File, like string) error {
	info, err := os.Stat(like)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Chmod(0o644)
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(info.Mode())
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// lock takes the lock that shadow's tools take before they change account
// files, lckpwdf(3): a POSIX lock on .pwd.lock. An open-file-description lock
// excludes those, and unlike them also another goroutine.
func lock(etc string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(etc, ".pwd.lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	for waited := time.Duration(0); ; waited += patience / 300 {
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &whole)
		if err == nil {
			return f.Close, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) || waited >= patience {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrBusy, err), f.Close())
		}
		time.Sleep(patience / 300)
	}
}
