package generations

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

var errCrash = errors.New("crash")

// crashAt lets n system calls happen and none after: the folder then is as a
// process that was killed there leaves it. The call that is cut off may have
// written a part.
func crashAt(n int, tear bool) disk {
	return disk{step: func(op, path string) error {
		if n--; n >= 0 {
			return nil
		}
		if n == -1 && tear && (op == "append" || op == "write") {
			if f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err == nil {
				f.WriteString(`{"time":"20`)
				f.Close()
			}
		}
		return errCrash
	}}
}

// story is a book beside what it must hold.
type story struct {
	b       *Book
	r       *rand.Rand
	whole   map[int]bool
	current int
	acts    int
	highest int // ever finished
}

// act does one random thing, perhaps up to a crash, and says what may have
// changed.
func (s *story) act() (what string, touched int, err error) {
	n := s.highest + 1
	if len(s.whole) > 0 {
		n = s.any()
	}
	switch s.r.IntN(8) {
	case 0, 1, 2:
		next, err := s.b.Next()
		if err != nil {
			return "next", 0, err
		}
		return "write", next, s.b.Write(record(next), payload(next))
	case 3, 4:
		return "switch", n, s.b.Switch(n)
	case 5:
		return "delete", n, s.b.Delete(n)
	case 6:
		return "sweep", 0, s.b.Sweep()
	}
	return "activate", n, s.b.Activate(Activation{Generation: n, Kind: Apply, Outcome: Failed})
}

func (s *story) any() int {
	var list []int
	for n := range s.whole {
		list = append(list, n)
	}
	slices.Sort(list)
	return list[s.r.IntN(len(list))]
}

// check compares the book with what must be, where `touched` may be as before
// or as after, and takes over which it is.
func (s *story) check(what string, touched int, done bool) error {
	list, err := s.b.List()
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	seen := map[int]bool{}
	for _, rec := range list {
		seen[rec.Number] = true
		for name := range payload(rec.Number) {
			if _, err := s.b.File(rec.Number, name); err != nil {
				return err
			}
		}
	}
	for n := range s.highest + 2 {
		mayDiffer := n == touched && (what == "write" || what == "delete")
		if seen[n] != s.whole[n] && !mayDiffer {
			return fmt.Errorf("generation %d: there %v, should be %v", n, seen[n], s.whole[n])
		}
	}
	if done && what == "write" && !seen[touched] || done && what == "delete" && seen[touched] {
		return fmt.Errorf("%s of %d did nothing", what, touched)
	}
	s.whole = seen
	for n := range seen {
		s.highest = max(s.highest, n)
	}
	return s.checkPointers(what, touched, done)
}

func (s *story) checkPointers(what string, touched int, done bool) error {
	current, err := s.b.Current()
	if err != nil {
		return err
	}
	if current != s.current && (what != "switch" || current != touched) || done && what == "switch" && current != touched {
		return fmt.Errorf("current is %d, was %d", current, s.current)
	}
	if s.current = current; current != 0 && !s.whole[current] {
		return fmt.Errorf("current is %d, which is not whole", current)
	}
	acts, err := s.b.Activations()
	if err != nil {
		return err
	}
	if added := len(acts) - s.acts; added != 0 && what != "activate" || added < 0 || added > 1 || done && what == "activate" && added != 1 {
		return fmt.Errorf("%d activations, were %d", len(acts), s.acts)
	}
	s.acts = len(acts)
	next, err := s.b.Next()
	if err == nil && next <= s.highest {
		err = fmt.Errorf("next is %d, %d was used", next, s.highest)
	}
	return err
}

func TestNothingFinishedIsLost(t *testing.T) {
	for seed := range uint64(60) {
		s := story{b: Open(filepath.Join(t.TempDir(), "c")), r: rand.New(rand.NewPCG(seed, 7)), whole: map[int]bool{}}
		for i := range 40 {
			s.b.d = crashAt(s.r.IntN(25), s.r.IntN(2) == 0)
			what, touched, err := s.act()
			s.b.d = disk{}
			if problem := s.check(what, touched, err == nil); problem != nil {
				t.Fatalf("seed %d, step %d, %s %d (%v): %v", seed, i, what, touched, err, problem)
			}
		}
	}
}

// TestOrderOfWrites holds writes to what survives a power cut: what a rename
// makes visible was synced before, content and folder, and the rename itself
// before the call returns, or before the activation that it is for.
func TestOrderOfWrites(t *testing.T) {
	b := Open(filepath.Join(t.TempDir(), "c"))
	var dirty map[string]bool
	b.d.step = func(op, path string) error {
		switch op {
		case "append", "truncate":
			dirty[path] = true
		case "create":
			dirty[path], dirty[filepath.Dir(path)] = true, true
		case "mkdir", "symlink":
			dirty[filepath.Dir(path)] = true
		case "fsync":
			delete(dirty, path)
		case "rename":
			from := beside(path)
			for p := range dirty {
				if p == from || strings.HasPrefix(p, from+"/") {
					t.Errorf("%s renamed before fsync of %s", path, p)
				}
			}
			dirty[filepath.Dir(path)] = true
		}
		return nil
	}
	dirty = map[string]bool{}
	for _, do := range []struct {
		name string
		f    func() error
	}{
		{"first activation", func() error {
			return errors.Join(b.Write(record(1), payload(1)), b.Switch(1), b.Activate(Activation{Generation: 1, Kind: Apply, Outcome: Healthy}))
		}},
		{"second activation", func() error {
			return errors.Join(b.Write(record(2), payload(2)), b.Switch(2), b.Activate(Activation{Generation: 2, Kind: Apply, Outcome: Healthy}))
		}},
		{"activation", func() error {
			return errors.Join(b.Switch(1), b.Activate(Activation{Generation: 1, Kind: Switch, Outcome: Healthy}))
		}},
		{"delete", func() error { return b.Delete(2) }},
		{"hold", func() error { return b.Hold(Hold{Digest: "d"}) }},
		{"pin", func() error { return b.Pin(1) }},
	} {
		must(t, do.f())
		for p := range dirty {
			t.Errorf("%s: %s not synced at the end", do.name, p)
		}
	}
}

// TestKilled kills a real process at each of its system calls.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("STRAKE_TEST_BOOK"); dir != "" {
		dieAt(dir)
		return
	}
	for step := 0; ; step++ {
		dir := filepath.Join(t.TempDir(), "c")
		b := Open(dir)
		must(t, b.Write(record(1), payload(1)))
		must(t, b.Switch(1))
		must(t, b.Activate(Activation{Generation: 1, Kind: Apply, Outcome: Healthy}))
		child := exec.Command("/proc/self/exe", "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "STRAKE_TEST_BOOK="+dir, "STRAKE_TEST_STEP="+strconv.Itoa(step))
		out, err := child.CombinedOutput()
		status, _ := child.ProcessState.Sys().(syscall.WaitStatus)
		if err != nil && !(status.Signaled() && status.Signal() == syscall.SIGKILL) {
			t.Fatalf("step %d: %v\n%s", step, err, out)
		}
		after(t, b, step)
		if err == nil {
			if step < 15 {
				t.Errorf("only %d steps", step)
			}
			return
		}
	}
}

// dieAt goes from generation 1 to 2 and drops 1, and kills itself on the way.
func dieAt(dir string) {
	left, err := strconv.Atoi(os.Getenv("STRAKE_TEST_STEP"))
	if err != nil {
		panic(err)
	}
	b := Open(dir)
	b.d.step = func(string, string) error {
		if left--; left < 0 {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	}
	err = errors.Join(b.Write(record(2), payload(2)), b.Switch(2),
		b.Activate(Activation{Generation: 2, Kind: Apply, Outcome: Healthy}), b.Delete(1))
	if err != nil {
		panic(err)
	}
}

// after checks that the book is whole and can be gone on with.
func after(t *testing.T, b *Book, step int) {
	t.Helper()
	list, err := b.List()
	must(t, err)
	current, err := b.Current()
	must(t, err)
	if !slices.ContainsFunc(list, func(r Record) bool { return r.Number == current }) {
		t.Fatalf("step %d: current %d is not among %v", step, current, list)
	}
	must(t, b.Sweep())
	n, err := b.Next()
	must(t, err)
	if n < 2 || n > 3 {
		t.Fatalf("step %d: next is %d", step, n)
	}
	must(t, b.Write(record(n), payload(n)))
	must(t, b.Switch(n))
	must(t, b.Activate(Activation{Generation: n, Kind: Apply, Outcome: Healthy}))
	left, err := filepath.Glob(filepath.Join(b.Dir(), "*", ".tmp-*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("step %d: left over: %v", step, left)
	}
}
