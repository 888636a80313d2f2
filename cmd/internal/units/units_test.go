package units

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func place() Place {
	return Place{Strake: []string{"/bin/true", "--state-dir", "/var/lib/strake"}, StateDir: "/var/lib/strake", Config: "/etc/strake/agent.hcl", Commands: []string{"agent", "boot", "sync"}}
}

// TestVerify: systemd takes them as they are.
func TestVerify(t *testing.T) {
	list, err := For(place())
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := Install(root, list); err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--man=no", "--recursive-errors=no"}
	for _, u := range list {
		args = append(args, filepath.Join(folder(root), u.Name))
		if strings.Contains(u.Text, "@STRAKE@") || strings.Contains(u.Text, "@STATE@") || strings.Contains(u.Text, "@CONFIG@") {
			t.Errorf("%s has gaps:\n%s", u.Name, u.Text)
		}
	}
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+folder(root)+":", "SYSTEMD_LOG_LEVEL=warning")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// TestForeign: what is somebody else's is neither replaced nor removed.
func TestForeign(t *testing.T) {
	root := t.TempDir()
	list, err := For(place())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder(root), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder(root), "strake-sync.timer")
	if err := os.WriteFile(path, []byte("[Timer]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Install(root, list); !errors.Is(err, ErrForeign) {
		t.Errorf("installed over it: %v", err)
	}
	if there, err := Installed(root); err != nil || len(there) != 0 {
		t.Errorf("some are written: %v %v", there, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again over its own
		if err := Install(root, list); err != nil {
			t.Fatal(err)
		}
	}
	there, err := Remove(root)
	if err != nil || len(there) != len(list) {
		t.Errorf("removed %v, %v", there, err)
	}
	if left, _ := os.ReadDir(folder(root)); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestLeftOut: a unit of a command that the program has not is none.
func TestLeftOut(t *testing.T) {
	p := place()
	p.Commands = []string{"sync"}
	list, err := For(p)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range list {
		names = append(names, u.Name)
	}
	if !slices.Equal(names, []string{"strake-sync.service", "strake-sync.timer"}) {
		t.Error(names)
	}
	p.Config = "/etc/my strake/agent.hcl"
	if _, err := For(p); err == nil {
		t.Error("a path with a space is taken")
	}
}
