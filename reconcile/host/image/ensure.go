package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// Resolve fills in Digest and Halt where the image is in the store already.
// It is false where the image would have to be fetched, and an error where
// that could not even begin: an unknown source, a missing file or tool. A
// digest that img has already is kept. It writes nothing.
func (s *Store) Resolve(ctx context.Context, img resource.Image) (resource.Image, bool, error) {
	src, err := s.parse(img)
	if err != nil {
		return img, false, err
	}
	if err := ctx.Err(); err != nil {
		return img, false, err
	}
	found, err := s.known(src)
	if err != nil {
		return img, false, err
	}
	if img.Digest == "" || img.Digest == found.Digest && img.From == nil {
		img.Digest, img.From = found.Digest, found.From
	}
	if img.Digest != "" {
		m, err := s.meta(img.Digest)
		if err == nil {
			img.Halt, img.Init = m.Halt, m.Init
			return img, true, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return img, false, err
		}
	}
	return img, false, s.fetchable(src)
}

// known is what the source turned out to be last time; nothing when it was
// never fetched or is not that any more.
func (s *Store) known(src source) (ref, error) {
	refs, err := s.refs()
	if err != nil {
		return ref{}, err
	}
	r, ok := refs[src.key()]
	if !ok {
		return ref{}, nil
	}
	if _, err := os.Lstat(s.Path(r.Digest)); err != nil {
		return ref{}, nil
	}
	if src.scheme != "builtin" {
		return r, nil
	}
	stamp, err := s.busyboxStamp()
	if errors.Is(err, ErrNoBusybox) {
		return r, nil // what was made of it is still good
	}
	if err != nil || stamp != r.Stamp {
		return ref{}, err
	}
	return r, nil
}

// Ensure has the image in the store, fetching it where needed, and fills in
// Digest and Halt. progress is told what goes on, a line at a time; it may be
// nil. Of several at the same image one does it. Errors: those of Resolve;
// ErrDigest where img asks for a digest that its source is not; ErrHostile.
func (s *Store) Ensure(ctx context.Context, img resource.Image, progress func(string)) (resource.Image, error) {
	have, ok, err := s.Resolve(ctx, img)
	if err != nil {
		return img, err
	}
	if err := s.sweep(); err != nil {
		return img, fmt.Errorf("clean up image store: %w", err)
	}
	if ok {
		return have, nil
	}
	src, err := s.parse(img)
	if err != nil {
		return img, err
	}
	unlock, err := s.lock(src.slot())
	if err != nil {
		return img, fmt.Errorf("lock image store: %w", err)
	}
	defer unlock()
	if have, ok, err := s.Resolve(ctx, img); ok || err != nil {
		return have, err
	}
	return s.refetch(ctx, img, src, progress)
}

// Refresh fetches the image whatever is in the store, and fills in what its
// source is now. Errors: those of Ensure.
func (s *Store) Refresh(ctx context.Context, img resource.Image, progress func(string)) (resource.Image, error) {
	src, err := s.parse(img)
	if err == nil {
		err = s.fetchable(src)
	}
	if err != nil {
		return img, err
	}
	unlock, err := s.lock(src.slot())
	if err != nil {
		return img, fmt.Errorf("lock image store: %w", err)
	}
	defer unlock()
	img.Digest, img.From = "", nil
	src.from = nil
	return s.refetch(ctx, img, src, progress)
}

func (s *Store) refetch(ctx context.Context, img resource.Image, src source, progress func(string)) (resource.Image, error) {
	if progress == nil {
		progress = func(string) {}
	}
	m, from, err := s.fetch(ctx, src, img.Digest, progress)
	if err != nil {
		return img, fmt.Errorf("fetch image %s: %w", src, err)
	}
	img.Digest, img.Halt, img.Init, img.From = m.Digest, m.Halt, m.Init, from
	return img, nil
}

// fetch makes the tree aside, names it by what it turned out to be and moves
// it into place, if it is what is wanted; "" is whatever it is. from is the
// source's own words for it.
func (s *Store) fetch(ctx context.Context, src source, want string, progress func(string)) (m Meta, from map[string]string, err error) {
	tmp, err := os.MkdirTemp(s.dir, ".tmp-"+src.slot()+"-")
	if err != nil {
		return m, nil, err
	}
	defer os.RemoveAll(tmp)
	root := filepath.Join(tmp, "rootfs")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Chmod(root, 0o755)); err != nil {
		return m, nil, err
	}
	s.step()
	made, err := s.make(ctx, src, tmp, root, progress)
	s.step()
	if err != nil {
		return m, nil, err
	}
	digest, size, err := manifest(ctx, root, made.sums)
	if err != nil {
		return m, nil, fmt.Errorf("take digest: %w", err)
	}
	if want != "" && want != digest {
		return m, nil, fmt.Errorf("%w: it is %s now, not %s", ErrDigest, digest, want)
	}
	m = Meta{Digest: digest, Source: src.String(), Include: src.include, Halt: made.halt, Init: made.init, Size: size, Created: time.Now().UTC()}
	if m.Halt == "" {
		m.Halt = haltSignal(root)
	}
	if err := s.keep(tmp, m); err != nil {
		return m, nil, err
	}
	return m, made.from, s.changeRefs(func(refs map[string]ref) { refs[src.key()] = ref{digest, made.stamp, made.from} })
}

// scratch is what a fetch keeps beside the tree while it makes it.
const scratch = "archive"

// making is what is known of a tree that was made just now.
type making struct {
	stamp string
	sums  sums
	from  map[string]string // the source's own words for what it was
	init  *resource.Init    // what runs where the tree has no init
	halt  string            // signal that asks that to end
}

// make makes the tree at root; what else it needs room for goes into tmp.
func (s *Store) make(ctx context.Context, src source, tmp, root string, progress func(string)) (m making, err error) {
	switch src.scheme {
	case "builtin":
		progress("making a root filesystem of this machine's busybox")
		m.stamp, err = s.makeBusybox(ctx, root)
	case "debootstrap":
		m, err = s.makeDebian(ctx, src, tmp, root, progress)
	case "dir":
		progress("copying " + src.name)
		m.sums, err = s.copyDir(ctx, src.name, root)
	case "oci":
		m, err = s.makeOCI(ctx, src, tmp, root, progress)
	case "images", "simplestreams":
		m, err = s.makeServed(ctx, src, tmp, root, progress)
	default:
		m, err = s.makeTar(ctx, src, tmp, root, progress)
	}
	return m, err
}

// keep makes the tree durable and moves it to its name. Where that very tree
// is there already, from another source, this one is dropped.
func (s *Store) keep(tmp string, m Meta) error {
	if err := os.RemoveAll(filepath.Join(tmp, scratch)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "image.json"), append(text, '\n'), 0o600); err != nil {
		return err
	}
	s.step()
	if err := syncAll(tmp); err != nil {
		return err
	}
	s.step()
	err = os.Rename(tmp, filepath.Join(s.dir, m.Digest))
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return nil
	}
	s.step()
	if err != nil {
		return err
	}
	return syncDir(s.dir)
}

// syncAll flushes the whole filesystem: cheaper than a file at a time.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// sweep deletes what killed fetches left: whatever no one holds the lock of.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), ".tmp-")
		if !ok {
			continue
		}
		slot, _, _ := strings.Cut(rest, "-")
		if err := s.sweepOne(filepath.Join(s.dir, e.Name()), slot); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sweepOne(path, slot string) error {
	unlock, free, err := s.tryLock(slot)
	if err != nil || !free {
		return err
	}
	defer unlock()
	return os.RemoveAll(path)
}
