package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strake/generations"
)

// TestStandingIsRead: what was read is not read again, until anything of it is
// otherwise.
func TestStandingIsRead(t *testing.T) {
	d := Open(t.TempDir(), nil)
	book := d.Book("c")
	write := func(n int, name string) {
		t.Helper()
		rec := generations.Record{Number: n, ID: "u", Created: time.Unix(0, 0).UTC()}
		if err := book.Write(rec, map[string][]byte{DesiredFile: []byte(`{"hostname":"` + name + `","environment":{"A":"1"}}`)}); err != nil {
			t.Fatal(err)
		}
		if err := book.Switch(n); err != nil {
			t.Fatal(err)
		}
	}
	later := time.Now().Add(time.Minute)
	wants := func(n int, name string) Standing {
		t.Helper()
		s, err := d.standing("c", later)
		if err != nil || s.Generation != n || s.Container.Hostname != name || s.Container.Name != "c" {
			t.Fatalf("stands at %d, %q (%v), want %d, %q", s.Generation, s.Container.Hostname, err, n, name)
		}
		return s
	}
	if s, err := d.standing("c", later); err != nil || s.Generation != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	write(1, "one")
	wants(1, "one").Container.Environment["A"] = "spoilt"
	if got := wants(1, "one").Container.Environment["A"]; got != "1" {
		t.Errorf("a reader changed it: %q", got)
	}
	if _, known := d.known.all["c"]; !known {
		t.Fatal("it is not remembered")
	}
	write(2, "two")
	wants(2, "two")
	if err := book.Switch(1); err != nil {
		t.Fatal(err)
	}
	wants(1, "one")
	path := filepath.Join(book.Path(1), DesiredFile)
	if err := os.WriteFile(path, []byte(`{"hostname":"eno"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.standing("c", later); !errors.Is(err, generations.ErrDamaged) {
		t.Errorf("after an edit: %v", err)
	}
	if err := os.RemoveAll(book.Dir()); err != nil {
		t.Fatal(err)
	}
	write(1, "another")
	wants(1, "another")
	if _, err := d.Containers(); err != nil || len(d.known.all) != 1 {
		t.Errorf("%v", err)
	}
	if err := os.RemoveAll(book.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Containers(); err != nil || len(d.known.all) != 0 {
		t.Errorf("what is gone is remembered: %v", err)
	}
	write(1, "new")
	if _, err := d.standing("c", time.Now()); err != nil || len(d.known.all) != 0 {
		t.Errorf("what was only just written is remembered: %v", err)
	}
}
