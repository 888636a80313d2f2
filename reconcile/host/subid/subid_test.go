package subid

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/idmap"
)

// etc is a folder with the two files; "-" leaves one out.
func etc(t *testing.T, subuid, subgid string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"subuid": subuid, "subgid": subgid} {
		if text == "-" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func text(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRead(t *testing.T) {
	whole := []idmap.Range{Default()}
	for _, c := range []struct {
		name, uids, gids string
		want             []idmap.Range
	}{
		{"no files", "-", "-", whole},
		{"nothing for root", "ann:100000:65536\n", "ann:100000:65536\n", whole},
		{"default without what others have", "ann:1000000:65536\n", "bob:1100000:65536\n", []idmap.Range{{Base: 1065536, Size: 34464}, {Base: 1165536, Size: 999834464}}},
		{"as on Debian with LXD", "_lxd:100000:10000001\nroot:100000:10000001\n", "_lxd:100000:10000001\nroot:100000:10000001\n", []idmap.Range{{Base: 100000, Size: 10000001}}},
		{"by number", "0:100000:65536\n", "root:100000:65536\n", []idmap.Range{{Base: 100000, Size: 65536}}},
		{"only what both have", "root:100000:65536\n", "root:120000:65536\n", []idmap.Range{{Base: 120000, Size: 45536}}},
		{"one file only", "root:100000:65536\n", "-", nil},
		{"neighbours", "root:100000:10\nroot:100010:10\n", "root:100000:20\n", []idmap.Range{{Base: 100000, Size: 20}}},
		{"no newline, comments, rubbish", "# x\n\nroot\nroot:x:1\nroot:1:2:3\nroot:-5:10\nrooty:5:5\nroot:200000:5", "root:200000:5", []idmap.Range{{Base: 200000, Size: 5}}},
		{"beyond the end", "root:4294967000:9999999999\n", "root:4294967000:9999999999\n", []idmap.Range{{Base: 4294967000, Size: 295}}},
	} {
		got, err := Read(etc(t, c.uids, c.gids))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestReadTellsErrors(t *testing.T) {
	dir := etc(t, "-", "")
	if err := os.Mkdir(filepath.Join(dir, "subuid"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil {
		t.Error("a folder was read as a file")
	}
}

func TestEnsure(t *testing.T) {
	r := idmap.Range{Base: 1000000, Size: 65536}
	line := "root:1000000:65536\n"
	for _, c := range []struct{ name, uids, gids, wantUIDs, wantGIDs string }{
		{"no files", "-", "-", line, line},
		{"others stay", "ann:1:2\n# mine\n\n", "ann:1:2", "ann:1:2\n# mine\n\n" + line, "ann:1:2\n" + line},
		{"bytes that are no text", "\xff\x00\r\n", "", "\xff\x00\r\n" + line, line},
		{"covered", "root:900000:1000000\n", "0:1000000:65536\n", "root:900000:1000000\n", "0:1000000:65536\n"},
		{"covered by neighbours", "root:1000000:60000\nroot:1060000:60000\n", line, "root:1000000:60000\nroot:1060000:60000\n", line},
		{"one only", line, "root:1000000:65535\n", line, "root:1000000:65535\n" + line},
		{"another's does not count", "ann:1000000:65536\n", line, "ann:1000000:65536\n" + line, line},
	} {
		dir := etc(t, c.uids, c.gids)
		changed, err := Ensure(dir, r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		uids, gids := text(t, dir, "subuid"), text(t, dir, "subgid")
		if uids != c.wantUIDs || gids != c.wantGIDs || changed != (uids != c.uids || gids != c.gids) {
			t.Errorf("%s: changed %v, %q and %q", c.name, changed, uids, gids)
		}
		if again, err := Ensure(dir, r); again || err != nil {
			t.Errorf("%s again: %v, %v", c.name, again, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 3 {
			t.Errorf("%s: left over: %v, %v", c.name, entries, err)
		}
	}
}

func TestEnsureKeepsModeAndOwner(t *testing.T) {
	dir := etc(t, "ann:1:2\n", "-")
	path := filepath.Join(dir, "subuid")
	if err := errors.Join(os.Chown(path, 12, 34), os.Chmod(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(dir, idmap.Range{Base: 1, Size: 2}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o640 || st.Uid != 12 || st.Gid != 34 {
		t.Errorf("%v %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	if info, err = os.Stat(filepath.Join(dir, "subgid")); err != nil || info.Mode() != 0o644 {
		t.Errorf("new file: %v, %v", info.Mode(), err)
	}
}

func TestEnsureFollowsSymlinks(t *testing.T) {
	dir := etc(t, "-", "")
	real := filepath.Join(t.TempDir(), "real")
	if err := errors.Join(os.WriteFile(real, []byte("ann:1:2\n"), 0o644), os.Symlink(real, filepath.Join(dir, "subuid"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(dir, idmap.Range{Base: 1, Size: 2}); err != nil {
		t.Fatal(err)
	}
	target, err := os.Readlink(filepath.Join(dir, "subuid"))
	if err != nil || target != real || text(t, dir, "subuid") != "ann:1:2\nroot:1:2\n" {
		t.Errorf("link to %q, %v", target, err)
	}
}

func TestEnsureRefusesNoRange(t *testing.T) {
	dir := etc(t, "-", "-")
	for _, r := range []idmap.Range{{}, {Base: 4294967295, Size: 1}} {
		if changed, err := Ensure(dir, r); changed || err == nil {
			t.Errorf("%v: %v, %v", r, changed, err)
		}
	}
}

// TestEnsureWaitsForTheLock holds the lock as passwd does, for a while.
func TestEnsureWaitsForTheLock(t *testing.T) {
	dir := etc(t, "", "")
	f, err := os.Create(filepath.Join(dir, ".pwd.lock"))
	if err != nil {
		t.Fatal(err)
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &whole); err != nil {
		t.Fatal(err)
	}
	held := 300 * time.Millisecond
	time.AfterFunc(held, func() { f.Close() })
	start := time.Now()
	if _, err := Ensure(dir, idmap.Range{Base: 1, Size: 2}); err != nil {
		t.Fatal(err)
	}
	if time.Since(start) < held {
		t.Error("did not wait")
	}
}

// TestPropertiesOfEnsure: afterwards the range is covered, and what was there
// is the beginning of what is there.
func TestPropertiesOfEnsure(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	lines := []string{"root:10:10\n", "root:15:20\n", "0:40:5\n", "ann:0:100\n", "# \n", "root:x:y\n", "root:30:10\n"}
	for range 60 {
		var uids, gids strings.Builder
		for range r.IntN(5) {
			uids.WriteString(lines[r.IntN(len(lines))])
			gids.WriteString(lines[r.IntN(len(lines))])
		}
		dir := etc(t, uids.String(), gids.String())
		want := idmap.Range{Base: r.Uint32N(50), Size: 1 + r.Uint32N(30)}
		if _, err := Ensure(dir, want); err != nil {
			t.Fatal(err)
		}
		pool, err := Read(dir)
		if err != nil || len(idmap.Subtract([]idmap.Range{want}, pool)) > 0 {
			t.Errorf("%v is not in %v (%v)", want, pool, err)
		}
		if !strings.HasPrefix(text(t, dir, "subuid"), uids.String()) || !strings.HasPrefix(text(t, dir, "subgid"), gids.String()) {
			t.Error("something was lost")
		}
	}
}

func FuzzRanges(f *testing.F) {
	f.Add([]byte("root:1:2\nann:3:4\n0:0x10:010"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range ranges(data, isRoot) {
			if r.Size > 0 && !r.Valid() {
				t.Errorf("%v of %q", r, data)
			}
		}
	})
}
