package rootfs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/chain"
	"strake/reconcile/resource"
)

// editor changes a tree at random, as people and package managers do.
type editor struct {
	t    *testing.T
	r    *rand.Rand
	root string
	base int // host id of the container's root
}

var names = []string{"a", "b", "c", "d", "e"}

// path is some path, few levels deep, that may or may not be there.
func (e editor) path() string {
	p := e.root
	for range 1 + e.r.IntN(3) {
		p = filepath.Join(p, names[e.r.IntN(len(names))])
	}
	return p
}

// old sets a time that no copy could have by chance.
func (e editor) old(path string) {
	at := unix.Timespec{Sec: int64(1e9 + e.r.IntN(1e8)), Nsec: int64(e.r.IntN(1e9))}
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
}

// once makes one change. Many fail, as nothing is there, or something else.
func (e editor) once() {
	p, q := e.path(), e.path()
	switch e.r.IntN(16) {
	case 0, 1:
		e.write(p, os.O_CREATE|os.O_TRUNC)
	case 2, 3:
		_ = os.MkdirAll(p, 0o755)
	case 4:
		_ = os.Remove(p)
	case 5:
		if at, err := os.Stat(filepath.Dir(p)); err == nil && at.IsDir() { // a pipe would be waited for
			_ = os.RemoveAll(p)
		}
	case 6:
		_ = os.Rename(p, q)
	case 7:
		_ = os.Link(p, q)
	case 8:
		_ = os.Symlink("../"+names[e.r.IntN(len(names))], p)
	case 9:
		_ = os.Lchown(p, e.base+e.r.IntN(3), e.base+e.r.IntN(3))
	case 10:
		_ = unix.Lsetxattr(p, "user.strake", fmt.Append(nil, e.r.IntN(9)), 0)
		_ = unix.Lsetxattr(p, "trusted.mine", fmt.Append(nil, e.r.IntN(9)), 0)
	case 11: // cap_net_raw=ep, struct vfs_cap_data of linux/capability.h
		_ = unix.Lsetxattr(p, "security.capability", []byte("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0)
	case 12: // user::rwx,user:1:r--,group::r--,mask::r--,other::r--, see posix_acl_xattr.h
		id := uint32(e.base + 1)
		acl := []byte("\x02\x00\x00\x00\x01\x00\x07\x00\xff\xff\xff\xff\x02\x00\x04\x00" + string([]byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}) +
			"\x04\x00\x04\x00\xff\xff\xff\xff\x10\x00\x04\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff")
		_ = unix.Lsetxattr(p, "system.posix_acl_access", acl, 0)
		_ = unix.Lsetxattr(p, "system.posix_acl_default", acl, 0)
	case 13:
		_ = unix.Mknod(p, unix.S_IFCHR|0o640, int(unix.Mkdev(1, 3)))
		_ = unix.Mknod(q, unix.S_IFIFO|0o600, 0)
	case 14:
		_ = unix.Chmod(p, []uint32{0o4755, 0o1777, 0o640, 0o2711}[e.r.IntN(4)])
	case 15:
		e.write(p, os.O_APPEND)
	}
	e.old(p)
}

// write does not wait where p is a pipe.
func (e editor) write(p string, flags int) {
	if f, err := os.OpenFile(p, os.O_WRONLY|unix.O_NONBLOCK|flags, 0o600); err == nil {
		_, _ = fmt.Fprint(f, e.r.Int())
		_ = f.Close()
	}
}

// picture is all that can be seen of a tree, a line for each name.
func picture(t *testing.T, root string) string {
	t.Helper()
	var lines []string
	inodes := map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, _ := filepath.Rel(root, path)
		lines = append(lines, rest+" "+look(t, path, rest, inodes))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func look(t *testing.T, path, rest string, inodes map[uint64]string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(path, err)
	}
	text := fmt.Sprintf("%o %d:%d %d", st.Mode, st.Uid, st.Gid, st.Rdev)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if inodes[st.Ino] == "" {
			inodes[st.Ino] = rest
		}
		text += fmt.Sprintf(" %d %d.%09d =%s", st.Size, st.Mtim.Sec, st.Mtim.Nsec, inodes[st.Ino])
	} else {
		text += fmt.Sprintf(" %d.%09d", st.Mtim.Sec, st.Mtim.Nsec)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf(" %x", sha256.Sum256(content))
	case unix.S_IFLNK:
		target, _ := os.Readlink(path)
		return text + " " + target
	}
	names, err := listXattrs(path)
	if err != nil {
		t.Fatal(path, err)
	}
	slices.Sort(names)
	for _, name := range names {
		value, _ := getXattr(path, name)
		text += fmt.Sprintf(" %s=%x", name, value)
	}
	return text
}

// TestMergeShowsTheSame: whatever was done in whatever number of layers,
// what they are merged to shows the very same tree, on any of their generations.
func TestMergeShowsTheSame(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, _ := ground(t)
			rnd := rand.New(rand.NewPCG(seed, 1))
			root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
			if seed%3 == 0 {
				root.IDMap = resource.IDMap{Privileged: true}
			}
			e := editor{t, rnd, r.images(digest), 0}
			for range 40 {
				e.once()
			}
			e.root, e.base = r.Path("c1"), int(root.IDMap.Base)
			pictures := map[int]string{}
			const layers = 6
			for n := 1; n <= layers; n++ {
				root.Writable = append([]int{n}, root.Writable...)
				mount(t, r, root)
				for range 1 + rnd.IntN(60) {
					e.once()
				}
				pictures[n] = picture(t, e.root)
				must(t, r.Unmount(t.Context(), "c1"))
			}
			from, to := 1+rnd.IntN(layers-1), 0
			to = from + 1 + rnd.IntN(layers-from)
			piece := slices.Clone(root.Writable[layers-to : layers-from+1])
			top := root
			top.Writable = root.Writable[layers-to:]
			must(t, r.Merge(t.Context(), top, len(piece)))
			must(t, r.Merge(t.Context(), top, len(piece))) // again is nothing
			for _, n := range piece {
				must(t, r.RemoveLayers("c1", []int{n}))
			}
			for n := to; n <= layers; n++ {
				root.Writable = root.Writable[len(root.Writable)-n:]
				root.Writable = append([]int{layers + n}, root.Writable...)
				mount(t, r, root)
				if got := picture(t, e.root); got != pictures[n] {
					t.Errorf("layers %v of %d: generation %d is\n%s\nand was\n%s", piece, layers, n, got, pictures[n])
				}
				if have, ok, err := r.Mounted("c1"); err != nil || !ok || !slices.Equal(have.Writable, root.Writable) {
					t.Errorf("mounted %v, %v, want %v", have.Writable, err, root.Writable)
				}
				must(t, r.Unmount(t.Context(), "c1"))
				root.Writable = layersDown(layers)
			}
		})
	}
}

func layersDown(n int) []int {
	var list []int
	for ; n > 0; n-- {
		list = append(list, n)
	}
	return list
}

// TestMergeIsWholeOrNot: what a crash leaves of a merge, or of a removal, is no
// piece, and goes with the next sweep. A layer in use stays in use.
func TestMergeIsWholeOrNot(t *testing.T) {
	r, state := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
	for n := 1; n <= 3; n++ {
		root.Writable = append([]int{n}, root.Writable...)
		mount(t, r, root)
		write(t, filepath.Join(r.Path("c1"), fmt.Sprint("file", n)), "x")
		write(t, filepath.Join(r.Path("c1"), fmt.Sprint("large", n)), strings.Repeat("x", small+1))
		must(t, r.Unmount(t.Context(), "c1"))
	}
	writable := filepath.Join(state, "containers/c1/writable")
	mkdir(t, filepath.Join(writable, ".half-2-1/upper"))
	mkdir(t, filepath.Join(writable, ".half-gone-7/upper"))
	mkdir(t, filepath.Join(writable, "9-8/upper")) // without a word of what it holds
	mount(t, r, root)
	older := root
	older.Writable = []int{2, 1}
	must(t, r.Merge(t.Context(), older, 2))
	for name, links := range map[string]uint64{"file1": 1, "file2": 1, "large1": 2} { // cron reads no file that has two names
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(writable, "2-1/upper", name), &st))
		if uint64(st.Nlink) != links {
			t.Errorf("%s has %d names", name, st.Nlink)
		}
	}
	have, used, err := r.Layers("c1", 0)
	must(t, err)
	if fmt.Sprint(have) != "[[1] [2] [2 1] [3]]" || fmt.Sprint(used) != "[[1] [2] [3]]" {
		t.Errorf("layers %v, in use %v", have, used)
	}
	if left, err := r.Leftovers("c1", 0, nil); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
	must(t, r.Sweep("c1", 0, nil))
	must(t, r.Unmount(t.Context(), "c1"))
	must(t, r.RemoveLayers("c1", []int{1}))
	must(t, r.RemoveLayers("c1", []int{1}))
	mount(t, r, root)
	if _, used, _ = r.Layers("c1", 0); fmt.Sprint(used) != "[[2 1] [3]]" {
		t.Errorf("in use %v", used)
	}
	for n := 1; n <= 3; n++ {
		read(t, filepath.Join(r.Path("c1"), fmt.Sprint("file", n)))
	}
	older.Writable = []int{3, 2, 5}
	if err := r.Merge(t.Context(), older, 3); !errors.Is(err, ErrNoLayer) {
		t.Error("a layer that is not there was merged")
	}
	if left, _ := r.Leftovers("c1", 0, nil); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestDuplicate: a copy shows the same as what it is a copy of, has the same
// holes, and shares nothing.
func TestDuplicate(t *testing.T) {
	for seed := range uint64(8) {
		r, state := ground(t)
		root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
		mount(t, r, root)
		e := editor{t, rand.New(rand.NewPCG(seed, 2)), r.Path("c1"), 1_000_000}
		for range 120 {
			e.once()
		}
		hole := filepath.Join(r.Path("c1"), "hole")
		write(t, hole, "begin")
		must(t, os.Truncate(hole, 64<<20))
		want := picture(t, r.Path("c1"))
		must(t, r.Duplicate(t.Context(), "c1", 1, 2))
		var st syscall.Stat_t
		must(t, syscall.Stat(filepath.Join(state, "containers/c1/writable/2/upper/hole"), &st))
		if st.Size != 64<<20 || st.Blocks > 64 {
			t.Errorf("a hole of 64 MiB became %d bytes, %d blocks", st.Size, st.Blocks)
		}
		write(t, filepath.Join(r.Path("c1"), "later"), "x")
		must(t, r.Unmount(t.Context(), "c1"))
		root.Writable = []int{3, 2}
		mount(t, r, root)
		if got := picture(t, r.Path("c1")); got != want {
			t.Errorf("the copy shows\n%s\nnot\n%s", got, want)
		}
		must(t, r.Unmount(t.Context(), "c1"))
	}
}

// TestLongChain: two hundred generations, merged as a run leaves them, are as
// quick to mount and to look through as two.
func TestLongChain(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
	for n := 1; n <= 200; n++ {
		root.Writable = append([]int{n}, root.Writable...)
		must(t, r.Prepare(t.Context(), root))
		write(t, filepath.Join(r.layer("c1", n), "upper", fmt.Sprint("file", n)), "x")
		if piece, high := chain.Lower(root.Writable, everyPiece(t, r)); high {
			older := root
			older.Writable = piece
			must(t, r.Merge(t.Context(), older, len(piece)))
		}
	}
	pieces, err := r.resolve(root)
	must(t, err)
	if len(pieces) > chain.High+2 {
		t.Errorf("it is mounted from %d pieces", len(pieces))
	}
	long := r.took(t, root)
	two := root
	two.Writable = []int{2, 1}
	if short := r.took(t, two); long > 4*short+5*time.Millisecond {
		t.Errorf("a mount of 200 takes %v, of two %v", long, short)
	} else {
		t.Logf("200: %v, two: %v", long, short)
	}
	must(t, r.Mount(t.Context(), root))
	for n := 1; n <= 200; n++ {
		read(t, filepath.Join(r.Path("c1"), fmt.Sprint("file", n)))
	}
}

func everyPiece(t *testing.T, r *Roots) []chain.Piece {
	have, err := r.pieces("c1")
	must(t, err)
	return have
}

// took is the least time of several mounts, with a thousand looks for what is
// not there: others may be at work on the machine.
func (r *Roots) took(t *testing.T, root resource.Root) time.Duration {
	t.Helper()
	least := time.Hour
	for range 9 {
		begin := time.Now()
		must(t, r.Mount(t.Context(), root))
		for i := range 1000 {
			_, _ = os.Lstat(filepath.Join(r.Path("c1"), fmt.Sprint("absent", i)))
		}
		least = min(least, time.Since(begin))
		must(t, r.Unmount(t.Context(), "c1"))
	}
	return least
}

// TestMergeOnAFullDisk: what does not fit is not there, and all that was is.
func TestMergeOnAFullDisk(t *testing.T) {
	r, state := ground(t)
	containers := filepath.Join(state, "containers")
	mkdir(t, containers)
	must(t, unix.Mount("small", containers, "tmpfs", 0, "nr_inodes=100,size=1m,mode=0711"))
	t.Cleanup(func() { must(t, unix.Unmount(containers, unix.MNT_DETACH)) })
	root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
	for n := 1; n <= 3; n++ {
		root.Writable = append([]int{n}, root.Writable...)
		must(t, r.Prepare(t.Context(), root))
		mkdir(t, filepath.Join(r.layer("c1", n), "upper", fmt.Sprint("folder", n), "in", "it"))
	}
	var fill int
	for ; ; fill++ {
		if os.Mkdir(filepath.Join(containers, fmt.Sprint("fill", fill)), 0o700) != nil {
			break
		}
	}
	for i := range 4 { // room for a part of it
		must(t, os.Remove(filepath.Join(containers, fmt.Sprint("fill", i))))
	}
	older := root
	older.Writable = []int{2, 1}
	if err := r.Merge(t.Context(), older, 2); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("merge on a full disk: %v", err)
	}
	if err := r.Duplicate(t.Context(), "c1", 3, 4); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("copy on a full disk: %v", err)
	}
	if left, err := r.Leftovers("c1", 0, nil); len(left) > 0 || err != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
	if have := fmt.Sprint(everyPiece(t, r)); have != "[[1] [2] [3]]" {
		t.Errorf("there is %v", have)
	}
	for i := 4; i < fill; i++ {
		must(t, os.Remove(filepath.Join(containers, fmt.Sprint("fill", i))))
	}
	must(t, r.Merge(t.Context(), older, 2))
	must(t, r.Duplicate(t.Context(), "c1", 3, 4))
}
