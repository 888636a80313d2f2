package lxc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestElsewhere: every manager's containers are found, this installation's own left
// out by whichever way they are reached.
func TestElsewhere(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{
		"var/lib/lxc/plain/config", "var/lib/lxc/broken/config", "var/log/lxd/one/lxc.conf", "var/log/lxd/one/console.log", "var/log/incus/two/lxc.conf",
		"run/incus/three/lxc.conf", "var/snap/lxd/common/lxd/logs/four/lxc.conf", "srv/lxc/own/config",
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := "lxc.uts.name = " + filepath.Base(filepath.Dir(path)) + "\n"
		if filepath.Base(filepath.Dir(path)) == "broken" {
			text += "lxc.include = /not/there\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := func(own string) []string {
		list, err := elsewhere(root, filepath.Join(root, own))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, lines := range list {
			names = append(names, lines[0].Value)
		}
		return names
	}
	if diff := cmp.Diff([]string{"plain", "one", "four", "two", "three"}, names("srv/lxc")); diff != "" {
		t.Error(diff)
	}
	if err := os.Symlink(filepath.Join(root, "var/lib/lxc"), filepath.Join(root, "srv/link")); err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{"var/lib/lxc", "srv/link"} {
		if diff := cmp.Diff([]string{"one", "four", "two", "three"}, names(own)); diff != "" {
			t.Error(own, diff)
		}
	}
}
