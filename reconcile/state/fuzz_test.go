package state_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strake/generations"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// FuzzDir holds that any content of any file of the state folder is read or
// refused, and that what was read can be written again.
func FuzzDir(f *testing.F) {
	files := []string{
		"ledger.json", "underway", "lock", "stacks/s/stack.json", "containers/c/operator.json", "containers/c/away",
		"containers/c/tail.conf", "containers/c/original.conf", "containers/c/original.rendered.conf", "containers/c/journal/run.json",
		"forgotten/u/ledger.json", "attic/c@run/uuid",
		"", "", // what a generation of the container, and one of the stack, is made of
	}
	for n, text := range []string{
		`{"version":1,"installation":"0123abcd","containers":{"c":{"idmap":{"base":-1,"size":9223372036854775807},"nics":{"e":{"ipv4":{"n":{"ip":"10.0.0.1"}}}}}}}`, "run", "pid 1",
		`{"name":"../x","uuid":"","origin":"\u0000"}`, `{"stopped":true,"at":"0001-01-01T00:00:00Z"}`, "-9999999999h", "lxc.x = \x00", "a", "b", "{}",
		`{"version":99}`, "u", `{"name":"../c","nics":[{"name":"e"}],"mounts":[{}],"secret_files":[{"target":".."}]}`, `{"containers":{"../c":-1},"networks":[{}]}`,
	} {
		f.Add(uint8(n), []byte(text))
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		d := state.Open(t.TempDir(), hosttest.Render)
		began(t, d, text)
		if name := files[int(which)%len(files)]; name != "" {
			path := filepath.Join(d.Path(), name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		readAll(t, d)
	})
}

// began writes a generation of a container, and one of a stack, with text in them.
func began(t *testing.T, d *state.Dir, text []byte) {
	t.Helper()
	rec := generations.Record{Number: 1, ID: "u", Created: time.Unix(0, 0).UTC()}
	for _, b := range []*generations.Book{d.Book("c"), d.StackBook("s")} {
		err := b.Write(rec, map[string][]byte{state.DesiredFile: text, state.StackFile: text, state.ConfigFile: text})
		if err == nil {
			err = b.Switch(1)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads what there is to read, once through every door.
func readAll(t *testing.T, d *state.Dir) {
	t.Helper()
	if l, err := d.Ledger(); err == nil {
		if err := d.SetLedger(l); err != nil {
			t.Errorf("write again: %v", err)
		}
		if _, err := d.Ledger(); err != nil {
			t.Errorf("read again: %v", err)
		}
	}
	_, _, _ = d.Stack("s")
	_, _ = d.StackState("s", 1)
	_, _ = d.Stacks()
	_, _ = d.Word("c")
	_, _ = d.Original("c")
	_, _ = d.Journals()
	_, _ = d.Journal("c")
	_, _ = d.Written("c", 1)
	_, _ = d.Standing("c")
	_, _ = d.Away("c"), d.Tail("c")
	if c, err := d.Desired("c", 1); err == nil {
		readable(t, c)
	}
	lost, _ := d.Forgotten()
	for _, f := range lost {
		_, _ = f.Dir.Ledger()
	}
	retired, _ := d.Attic()
	for _, r := range retired {
		if !state.Plain(r.Name) || filepath.Dir(r.Path) != filepath.Join(d.Path(), "attic") {
			t.Errorf("the attic leads to %q", r.Path)
		}
	}
}

// readable holds that what was read of a container can be put into words.
func readable(t *testing.T, c resource.Container) {
	t.Helper()
	if c.Name != "c" {
		t.Errorf("read as %q", c.Name)
	}
	for _, s := range c.Settings() {
		_ = s.Path
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}
