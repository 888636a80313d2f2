//go:build linux && cgo

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCheck(t *testing.T) {
	r, err := Open(Options{Path: filepath.Join(t.TempDir(), "none")})
	must(t, err)
	log := filepath.Join(t.TempDir(), "log")
	must(t, r.Check("# a comment\n\nlxc.uts.name = x\nlxc.net.0.type = veth\nlxc.prlimit.nofile = 100\nlxc.log.file = "+log+"\n"))
	if _, err := os.Stat(log); err == nil {
		t.Error("a check made a log file")
	}
	for text, want := range map[string]int{
		"lxc.bogus = 1":                         1,
		"lxc.uts.name = x\nlxc.net.0.type = no": 2,
		"\n\nlxc.start.auto = maybe\n":          3,
		"no line":                               1,
		"lxc.idmap = u 0 x 5":                   1,
	} {
		var at *LineError
		if err := r.Check(text); !errors.As(err, &at) || at.Line != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, e := range []Environment{{RootFS: "/r"}, {RootFS: "/r", CgroupV2: true, Swap: true, ConsoleLog: "/c", LogFile: log, Hook: []string{"/bin/true"}}} {
		c := full()
		delete(c.Raw, "lxc.sched.core") // not every kernel has it
		text, err := Render(c, e)
		must(t, err)
		must(t, r.Check(text))
		text, err = Render(interfaces(), e)
		must(t, err)
		must(t, r.Check(text))
	}
}
