package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"strake/reconcile/host/image"
	"strake/reconcile/host/rootfs"
	"strake/reconcile/resource"
)

// ready is row 12: the root of a new container, of an image and of one that
// is ten times as large.
func (y *yard) ready() ([]row, error) {
	tree, err := y.tree(y.Debian)
	if err != nil {
		return nil, err
	}
	large := filepath.Join(y.Dir, "large")
	if err := os.Mkdir(large, 0o755); err != nil {
		return nil, err
	}
	for n := range 10 {
		if err := quiet(exec.Command("cp", "-a", tree, filepath.Join(large, fmt.Sprint(n)))); err != nil {
			return nil, err
		}
	}
	small := figure{What: "of the Debian image", Unit: "s"}
	big := figure{What: "of one that is ten times as large", Unit: "s"}
	err = y.repeat(func(i int) error {
		for _, c := range []struct {
			into *figure
			tree string
		}{{&small, tree}, {&big, large}} {
			if err := y.sample(c.into, func() (time.Duration, error) {
				name := fmt.Sprintf("r%d-%s", i, filepath.Base(c.tree))
				// This process has rested, too (see wake). Who makes a container has its
				// own pages back by then.
				if _, err := y.mounted(c.tree, name+"-before"); err != nil {
					return 0, err
				}
				return y.mounted(c.tree, name)
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []row{{
		Number: 12, Work: "the root filesystem of a new container, made ready of an image that is there", Must: "<= 5 ms, whatever the image's size",
		Strake: []figure{small, big},
		Checks: []check{
			{What: "time", Is: 1000 * small.median(), Limit: 5, Unit: "ms", Known: true},
			{What: "time of the large one", Is: 1000 * big.median(), Limit: 5, Unit: "ms", Known: true},
		},
	}}, errors.Join(unmountBelow(y.Dir), os.RemoveAll(large))
}

// mounted times what a first start does for a root filesystem.
func (y *yard) mounted(tree, name string) (time.Duration, error) {
	state := filepath.Join(y.Dir, "ready-"+name)
	for _, dir := range []string{state, filepath.Join(state, "containers"), filepath.Join(state, "containers", "c")} {
		if err := os.Mkdir(dir, 0o711); err != nil {
			return 0, err
		}
	}
	roots := rootfs.Open(rootfs.Options{State: state, Images: func(string) string { return tree }})
	root := resource.Root{Container: "c", Digest: y.Debian.Digest, Writable: []int{1}, IDMap: resource.IDMap{Base: 1 << 20, Size: 1 << 16}}
	begin := time.Now()
	err := roots.Prepare(context.Background(), root)
	if err == nil {
		err = roots.Mount(context.Background(), root)
	}
	took := time.Since(begin)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(roots.Path("c"))); err != nil {
		return 0, err
	}
	return took, roots.Unmount(context.Background(), "c")
}

// unpacked is row 13: an archive into the store, beside tar.
func (y *yard) unpacked() ([]row, error) {
	tree, err := y.tree(y.Debian)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(y.Dir, "image.tar.zst")
	if err := quiet(exec.Command("tar", "-C", tree, "--zstd", "-cf", file, ".")); err != nil {
		return nil, err
	}
	strake := figure{What: "strake, its digest taken", Unit: "s"}
	kept := figure{What: "and flushed to the disk", Unit: "s"}
	plain := figure{What: "`tar --zstd -x`", Unit: "s"}
	err = y.repeat(func(i int) error {
		dir := filepath.Join(y.Dir, fmt.Sprintf("unpacked%d", i))
		err := y.sample(&plain, func() (time.Duration, error) {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return 0, err
			}
			u, err := timed(exec.Command("tar", "-C", dir, "--zstd", "-xpf", file))
			return u.wall, err
		})
		if err != nil {
			return err
		}
		return y.sample(&strake, func() (time.Duration, error) {
			made, flushed, err := fetchTimed(dir+"-store", file)
			kept.add(made + flushed)
			return made, err
		})
	})
	if err != nil {
		return nil, err
	}
	return []row{{
		Number: 13, Work: "unpack the Debian image from a tar.zst into the store", Must: "<= 1.3 x `tar --zstd -x`",
		Strake: []figure{strake, kept}, Beside: []figure{plain}, Checks: []check{ratio("of tar", strake, plain, 1.3)},
	}}, nil
}

// fetchTimed fetches an archive: how long until the tree has its digest, and
// how long the flush took, which tar does not do.
func fetchTimed(store, file string) (made, flushed time.Duration, err error) {
	if err := os.Mkdir(store, 0o700); err != nil {
		return 0, 0, err
	}
	var at []time.Time // of each step: see image.Options
	s, err := image.Open(image.Options{Folder: store, Step: func() { at = append(at, time.Now()) }})
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	_, err = s.Ensure(context.Background(), resource.Image{Source: "tar:" + file}, nil)
	total := time.Since(begin)
	if err != nil {
		return 0, 0, err
	}
	if len(at) < 4 {
		return 0, 0, fmt.Errorf("a fetch has %d steps", len(at))
	}
	flushed = at[3].Sub(at[2])
	return total - flushed, flushed, nil
}

// shared is row 14: what many containers of one image take on the disk.
func (y *yard) shared() ([]row, error) {
	s, err := y.ship()
	if err != nil {
		return nil, err
	}
	var all stack
	for i := range y.Options.Many {
		all.containers = append(all.containers, wish{name: fmt.Sprintf("%sd%03d", prefix, i), debian: true, stopped: true})
	}
	if _, err := s.apply(all); err != nil {
		return nil, err
	}
	tree, err := y.tree(y.Debian)
	if err != nil {
		return nil, err
	}
	one, err := onDisk(tree)
	if err != nil {
		return nil, err
	}
	containers, err := onDisk(filepath.Join(s.state(), "containers"))
	if err != nil {
		return nil, err
	}
	image := figure{What: "the image", Unit: "MB", Samples: []float64{one}}
	together := figure{What: fmt.Sprintf("%d containers and the image", len(all.containers)), Unit: "MB", Samples: []float64{one + containers}}
	return []row{{
		Number: 14, Work: fmt.Sprintf("disk used by %d containers of one Debian image, before they write", len(all.containers)), Must: "<= 2 x one image",
		Strake: []figure{together}, Beside: []figure{image}, Checks: []check{ratio("of the image", together, image, 2)},
	}}, s.sink()
}

// onDisk is what a folder takes, in MB, without what is mounted in it.
func onDisk(dir string) (float64, error) {
	var blocks int64
	var top syscall.Stat_t
	if err := syscall.Stat(dir, &top); err != nil {
		return 0, err
	}
	counted := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		if st.Dev != top.Dev {
			return filepath.SkipDir
		}
		if !counted[st.Ino] {
			counted[st.Ino] = true
			blocks += st.Blocks
		}
		return nil
	})
	return float64(blocks) * 512 / (1 << 20), err
}
