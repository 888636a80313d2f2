package generations

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// disk does what changes files, one system call at a time. The zero disk is
// the real one; step, where set, is asked before every call and can forbid it,
// so that tests can stop the world at any point.
type disk struct {
	step func(op, path string) error
}

func (d disk) ask(op, path string) error {
	if d.step == nil {
		return nil
	}
	return d.step(op, path)
}

// makeDirs makes dir and the parents it lacks.
func (d disk) makeDirs(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := d.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (d disk) mkdir(dir string) error {
	if err := d.ask("mkdir", dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2).
const syncFileRangeWrite = 2

// create makes a new file without making it durable.
func (d disk) create(path string, data []byte, mode os.FileMode) error {
	if err := d.ask("create", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := d.ask("write", path); err != nil {
		return errors.Join(err, f.Close())
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	// Only a hint: the kernel begins to write now, so that the fsyncs to come
	// find the blocks allocated and share one commit of the journal.
	_ = syscall.SyncFileRange(int(f.Fd()), 0, 0, syncFileRangeWrite)
	return f.Close()
}

// sync makes files and folders durable, in no order: they are waited for
// together, and share the commits of a journal.
func (d disk) sync(paths ...string) error {
	for _, path := range paths {
		if err := d.ask("fsync", path); err != nil {
			return err
		}
	}
	var all errgroup.Group
	for _, path := range paths {
		all.Go(func() error { return flush(path) })
	}
	return all.Wait()
}

// flush works on a descriptor opened read-only: fsync(2) covers what others wrote.
func flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) rename(from, to string) error {
	if err := d.ask("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (d disk) symlink(target, path string) error {
	if err := d.ask("symlink", path); err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// remove removes a file; one that is not there is as good.
func (d disk) remove(path string) error {
	if err := d.ask("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeTree removes a folder of files.
func (d disk) removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			err = d.removeTree(path)
		} else {
			err = d.remove(path)
		}
		if err != nil {
			return err
		}
	}
	return d.remove(dir)
}

// replace puts data in place of a file, or makes it: the old content or the
// new one is there at every instant.
func (d disk) replace(path string, data []byte, mode os.FileMode) error {
	if err := d.prepare(path, data, mode); err != nil {
		return err
	}
	return d.moveIn(beside(path), path)
}

// prepare writes what path is to hold beside it, durably.
func (d disk) prepare(path string, data []byte, mode os.FileMode) error {
	aside := beside(path)
	if err := d.remove(aside); err != nil {
		return err
	}
	if err := d.create(aside, data, mode); err != nil {
		return err
	}
	return d.sync(aside)
}

// moveIn renames and makes the new name durable.
func (d disk) moveIn(aside, path string) error {
	if err := d.rename(aside, path); err != nil {
		return err
	}
	return d.sync(filepath.Dir(path))
}

// unlink removes a file durably.
func (d disk) unlink(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := d.remove(path); err != nil {
		return err
	}
	return d.sync(filepath.Dir(path))
}

// beside is where the next content of path is prepared.
func beside(path string) string {
	return filepath.Join(filepath.Dir(path), ".tmp-"+filepath.Base(path))
}

func (d disk) truncate(path string, size int64) error {
	if err := d.ask("truncate", path); err != nil {
		return err
	}
	return os.Truncate(path, size)
}

// appendTo adds to a file by one write(2) at its end.
func (d disk) appendTo(path string, data []byte) error {
	if err := d.ask("append", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
