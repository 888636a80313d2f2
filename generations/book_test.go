package generations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const uuid = "6f1c1d9e-0000-4000-8000-000000000001"

func record(n int) Record {
	return Record{
		Number: n, ID: uuid, Created: time.Date(2025, 1, 1, 0, n, 0, 0, time.UTC),
		Stack: "web", Origin: "/etc/web.hcl", Commit: "3f2c1ab", By: "root", Run: fmt.Sprint("run-", n),
		Impact: "live", Message: "more memory", Digest: "d", Parent: n - 1, Pending: []string{"idmap.size"},
	}
}

func payload(n int) map[string][]byte {
	return map[string][]byte{"desired.json": fmt.Appendf(nil, `{"n":%d}`, n), "lxc.conf": fmt.Appendf(nil, "lxc.uts.name = c%d\n", n)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func written(t *testing.T, numbers ...int) *Book {
	t.Helper()
	b := Open(filepath.Join(t.TempDir(), "containers", "c1"))
	for _, n := range numbers {
		must(t, b.Write(record(n), payload(n)))
	}
	return b
}

func TestOpenDoesNothing(t *testing.T) {
	b := Open(filepath.Join(t.TempDir(), "absent"))
	next, err := b.Next()
	must(t, err)
	list, err := b.List()
	must(t, err)
	current, err := b.Current()
	must(t, err)
	if _, err := os.Stat(b.Dir()); next != 1 || len(list) != 0 || current != 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("next %d, list %v, current %d, folder %v", next, list, current, err)
	}
	_, err = b.Back()
	wants(t, err, ErrNoWayBack)
}

func TestWriteAndRead(t *testing.T) {
	b := written(t, 1, 2)
	got, err := b.Read(2)
	must(t, err)
	want := record(2)
	want.Version = Version
	want.Files = map[string]string{"desired.json": Sum(payload(2)["desired.json"]), "lxc.conf": Sum(payload(2)["lxc.conf"])}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	text, err := b.File(2, "lxc.conf")
	must(t, err)
	if string(text) != "lxc.uts.name = c2\n" {
		t.Errorf("lxc.conf %q", text)
	}
	for name, mode := range map[string]os.FileMode{"generation.json": 0o444, "desired.json": 0o600, "lxc.conf": 0o600} {
		info, err := os.Stat(filepath.Join(b.Path(2), name))
		must(t, err)
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	b := written(t, 1, 2)
	wants(t, b.Write(record(2), nil), ErrUsed)
	wants(t, b.Write(record(0), nil), ErrUsed)
	other := record(3)
	other.ID = "dead"
	wants(t, b.Write(other, nil), ErrForeign)
	for _, name := range []string{"", "a/b", "../x", ".tmp-3", "generation.json", "x\x00"} {
		if err := b.Write(record(3), map[string][]byte{name: nil}); err == nil {
			t.Errorf("file name %q taken", name)
		}
	}
	numbers, err := b.Numbers()
	must(t, err)
	if !slices.Equal(numbers, []int{1, 2}) {
		t.Errorf("numbers %v", numbers)
	}
}

func TestNamesakeCanNotReadThePredecessor(t *testing.T) {
	b := written(t, 1)
	must(t, os.WriteFile(b.path("uuid"), []byte("another\n"), 0o644))
	_, err := b.Read(1)
	wants(t, err, ErrForeign)
	wants(t, b.Switch(1), ErrForeign)
	list, err := b.List()
	wants(t, err, ErrForeign)
	if len(list) != 0 {
		t.Errorf("list %v", list)
	}
}

func TestDamageHidesNoOther(t *testing.T) {
	b := written(t, 1, 2, 3, 4)
	must(t, os.WriteFile(filepath.Join(b.Path(2), RecordFile), []byte("{"), 0o444))
	must(t, os.Remove(filepath.Join(b.Path(3), RecordFile)))
	must(t, os.Mkdir(b.path("generations", "07"), 0o755))
	list, err := b.List()
	wants(t, err, ErrDamaged)
	if len(list) != 2 || list[0].Number != 1 || list[1].Number != 4 {
		t.Errorf("list %v", list)
	}
	for _, n := range []string{"generation 2", "generation 3"} {
		if !strings.Contains(err.Error(), n) {
			t.Errorf("error does not name %s: %v", n, err)
		}
	}
	next, err := b.Next()
	must(t, err)
	if next != 5 {
		t.Errorf("next %d", next)
	}
	wants(t, b.Switch(2), ErrDamaged)
}

func TestChangedFileIsTold(t *testing.T) {
	b := written(t, 1)
	must(t, os.WriteFile(filepath.Join(b.Path(1), "lxc.conf"), []byte("edited"), 0o600))
	text, err := b.File(1, "lxc.conf")
	wants(t, err, ErrDamaged)
	if string(text) != "edited" {
		t.Errorf("content %q", text)
	}
	if _, err := b.File(1, "../../uuid"); err == nil {
		t.Error("read outside of the generation")
	}
}

func TestSymlinkForAFileIsDamage(t *testing.T) {
	b := written(t, 1)
	path := filepath.Join(b.Path(1), "lxc.conf")
	must(t, os.Remove(path))
	must(t, os.Symlink("/etc/passwd", path))
	_, err := b.File(1, "lxc.conf")
	wants(t, err, ErrDamaged)
}

func TestNewerFormIsRefused(t *testing.T) {
	b := written(t, 1)
	path := filepath.Join(b.Path(1), RecordFile)
	must(t, os.WriteFile(path, []byte(`{"version":2,"number":1,"id":"`+uuid+`"}`), 0o444))
	_, err := b.Read(1)
	wants(t, err, ErrNewer)
}

func TestSwitch(t *testing.T) {
	b := written(t, 1, 2)
	wants(t, b.Switch(3), ErrNone)
	for _, n := range []int{1, 2, 1} {
		must(t, b.Switch(n))
		got, err := b.Current()
		must(t, err)
		if got != n {
			t.Errorf("current %d, want %d", got, n)
		}
	}
	target, err := os.Readlink(b.path("current"))
	must(t, err)
	if target != "generations/1" {
		t.Errorf("link to %q", target)
	}
	must(t, b.Clear())
	must(t, b.Clear())
	if got, err := b.Current(); got != 0 || err != nil {
		t.Errorf("current %d, %v", got, err)
	}
}

func TestCurrentThatIsWrong(t *testing.T) {
	for _, target := range []string{"generations/9", "generations/01", "/etc", "generations/../x", "generations/"} {
		b := written(t, 1)
		must(t, os.Symlink(target, b.path("current")))
		if n, err := b.Current(); err == nil {
			t.Errorf("link to %q: current %d", target, n)
		}
	}
}

func TestDelete(t *testing.T) {
	b := written(t, 1, 2, 3)
	must(t, b.Switch(2))
	must(t, b.Pin(1))
	wants(t, b.Delete(2), ErrCurrent)
	wants(t, b.Delete(1), ErrPinned)
	wants(t, b.Delete(7), ErrNone)
	must(t, b.Delete(3))
	next, err := b.Next()
	must(t, err)
	if next != 4 {
		t.Errorf("number 3 comes again: next is %d", next)
	}
	wants(t, b.Write(record(3), nil), ErrUsed)
	must(t, b.Unpin(1))
	must(t, b.Delete(1))
	if next, _ = b.Next(); next != 4 {
		t.Errorf("next %d", next)
	}
}

func TestDiscard(t *testing.T) {
	b := written(t, 1, 2)
	must(t, b.Switch(1))
	must(t, b.Discard(2))
	must(t, b.Discard(2))
	wants(t, b.Discard(1), ErrCurrent)
	for i, outcome := range []Outcome{Healthy, Failed} { // what failed is history too
		n := 3 + i
		must(t, b.Write(record(n), nil))
		must(t, b.Activate(Activation{Generation: n, Kind: Apply, Outcome: outcome}))
		wants(t, b.Discard(n), ErrActivated)
	}
}

func TestPins(t *testing.T) {
	b := written(t, 1, 2, 3)
	for _, n := range []int{3, 1, 3} {
		must(t, b.Pin(n))
	}
	pins, err := b.Pins()
	must(t, err)
	if !slices.Equal(pins, []int{1, 3}) {
		t.Errorf("pins %v", pins)
	}
	wants(t, b.Pin(9), ErrNone)
	must(t, b.Unpin(2))
	must(t, os.WriteFile(b.path("pins.json"), []byte("x"), 0o644))
	_, err = b.Pins()
	wants(t, err, ErrDamaged)
	wants(t, b.Delete(2), ErrDamaged)
}

func TestHold(t *testing.T) {
	b := written(t, 1)
	if _, held, err := b.Held(); held || err != nil {
		t.Fatalf("held %v, %v", held, err)
	}
	want := Hold{Digest: "abc", Generation: 1, Since: time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC), Run: "r", Why: "unhealthy"}
	must(t, b.Hold(want))
	got, held, err := b.Held()
	must(t, err)
	if d := cmp.Diff(want, got); !held || d != "" {
		t.Errorf("held %v %s", held, d)
	}
	must(t, b.Release())
	must(t, b.Release())
	if _, held, _ := b.Held(); held {
		t.Error("still held")
	}
	if err := b.Hold(Hold{}); err == nil {
		t.Error("hold of nothing taken")
	}
}

func TestActivations(t *testing.T) {
	b := written(t, 1)
	want := []Activation{
		{Time: time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC), Generation: 1, Run: "r1", By: "root", Kind: Apply, Outcome: Healthy},
		{Generation: 1, Kind: Switch, Outcome: Failed, Note: "line\nbreak"},
	}
	must(t, b.Activate(want[0]))
	tear(t, b.path("activations.jsonl"))
	got, err := b.Activations()
	must(t, err)
	if d := cmp.Diff(want[:1], got); d != "" {
		t.Error("torn line: " + d)
	}
	must(t, b.Activate(want[1]))
	got, err = b.Activations()
	must(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []Activation{{}, {Generation: 1, Kind: "x", Outcome: Healthy}, {Generation: 1, Kind: Apply}} {
		if err := b.Activate(bad); err == nil {
			t.Errorf("took %+v", bad)
		}
	}
}

func TestDamagedLineHidesNoOther(t *testing.T) {
	b := written(t, 1)
	text := "{\"generation\":1,\"kind\":\"apply\",\"outcome\":\"healthy\"}\nrubbish\n{\"generation\":2,\"kind\":\"apply\",\"outcome\":\"healthy\"}\n"
	must(t, os.WriteFile(b.path("activations.jsonl"), []byte(text), 0o644))
	got, err := b.Activations()
	wants(t, err, ErrDamaged)
	if len(got) != 2 || !strings.Contains(err.Error(), "activations.jsonl:2") {
		t.Errorf("%v, %v", got, err)
	}
}

// TestLongHistory: of a history that no file of records comes near, the end is
// read, and it goes on.
func TestLongHistory(t *testing.T) {
	b := written(t, 1)
	line, err := json.Marshal(Activation{Generation: 1, Kind: Apply, Outcome: Healthy, Note: strings.Repeat("x", 1000)})
	must(t, err)
	lines := maxFile/len(line) + 100
	must(t, os.WriteFile(b.path("activations.jsonl"), bytes.Repeat(append(line, '\n'), lines), 0o644))
	tear(t, b.path("activations.jsonl"))
	must(t, b.Activate(Activation{Generation: 1, Kind: Switch, Outcome: Failed}))
	got, err := b.Activations()
	must(t, err)
	if n := len(got); n >= lines || n < lines-200 || got[n-1].Kind != Switch || got[n-2].Kind != Apply {
		t.Errorf("%d activations of %d", n, lines)
	}
	info, err := os.Stat(b.path("activations.jsonl"))
	if must(t, err); info.Size() < int64(lines*len(line)) {
		t.Error("the oldest are gone from the disk")
	}
	must(t, os.Remove(b.path("activations.jsonl")))
	must(t, syscall.Mkfifo(b.path("activations.jsonl"), 0o600))
	_, err = b.Activations()
	wants(t, err, ErrDamaged)
}

// tear leaves what a write that the power cut off can leave.
func tear(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString(`{"time":"2025-01-02T03:0`)
	must(t, errors.Join(err, f.Close()))
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"number":7,"id":"u","created":"2025-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"version":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		rec, err := decodeRecord(text, 7)
		if err == nil && (rec.Number != 7 || rec.ID == "" || rec.Version != Version) {
			t.Errorf("took %+v", rec)
		}
	})
}

// FuzzBook holds that any content of any file that is read back is read or
// refused, whatever the others say.
func FuzzBook(f *testing.F) {
	files := []string{"uuid", "highest", "pins.json", "hold.json", "activations.jsonl", "generations/1/generation.json", "generations/1/desired.json"}
	for n, text := range []string{uuid, "7", "[1,-3,99999999999999999999]", `{"digest":"d","generation":-1}`, "{}\n", `{"version":1,"number":1,"id":"` + uuid + `","files":{"../../uuid":""}}`, "{}"} {
		f.Add(uint8(n), []byte(text))
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		b := written(t, 1, 2)
		must(t, b.Activate(Activation{Generation: 1, Kind: Apply, Outcome: Healthy}))
		must(t, os.WriteFile(b.path(files[int(which)%len(files)]), text, 0o600))
		_, _ = b.ID()
		_, _ = b.Current()
		_, _ = b.Pins()
		_, _, _ = b.Held()
		_, _ = b.Activations()
		if next, err := b.Next(); err == nil && next < 3 {
			t.Errorf("%d would be used again", next)
		}
		list, _ := b.List()
		for _, r := range list {
			for name := range r.Files {
				if _, err := b.File(r.Number, name); err == nil && !plainName(name) {
					t.Errorf("read %q", name)
				}
			}
		}
		if was, err := b.Back(); err == nil && was < 1 {
			t.Error(was)
		}
	})
}

func FuzzActivations(f *testing.F) {
	f.Add([]byte("{\"generation\":1,\"kind\":\"apply\",\"outcome\":\"healthy\"}\nx\n\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _ := decodeActivations(text)
		for _, a := range list {
			if err := a.check(); err != nil {
				t.Error(err)
			}
		}
		whole(2, 4, 6, 8).back(list, 1)
	})
}

func BenchmarkGeneration(b *testing.B) {
	dir := b.TempDir()
	for i := range b.N {
		book := Open(filepath.Join(dir, fmt.Sprint("c", i)))
		err := errors.Join(book.Write(record(1), payload(1)), book.Switch(1),
			book.Activate(Activation{Generation: 1, Kind: Apply, Outcome: Healthy}))
		if err != nil {
			b.Fatal(err)
		}
	}
}
