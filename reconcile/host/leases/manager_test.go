package leases

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strake/reconcile/resource"
)

// underSystemd has programs in the place of systemd's that note what they are
// told, and start what they should.
func underSystemd(t *testing.T, l *Leases) (told func() []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	program := func(name, text string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte("#!/bin/sh\necho "+name+" \"$@\" >>"+log+"\n"+text), 0o755))
		return path
	}
	m := manager{
		run: program("systemd-run", `while [ "$1" != -- ]; do case $1 in *StandardError=file:*) faults=${1#*file:} ;; esac; shift; done; shift; exec "$@" 2>"$faults"`),
		ctl: program("systemctl", ""),
	}
	l.manager = func() (manager, bool) { return m, true }
	return func() []string {
		text, _ := os.ReadFile(log)
		_ = os.Remove(log)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// Where systemd runs, dnsmasq is a unit that comes back, and is ended as one.
func TestUnitOfItsOwn(t *testing.T) {
	newBridge(t)
	l := opened(t)
	told := underSystemd(t, l)
	stop := "systemctl stop --quiet strake-dns-" + bridge + ".service"
	check(t, l.Set(t.Context(), guard()))
	if s := seen(t, l); !s.Network.DNS || !s.Intact {
		t.Errorf("seen %+v", s)
	}
	lines := told()
	if len(lines) != 2 || lines[0] != stop {
		t.Fatalf("told %q", lines)
	}
	options, program, _ := strings.Cut(lines[1], " -- ")
	for _, want := range []string{"--unit=strake-dns-" + bridge + ".service", "--collect", "Type=forking", "PIDFile=" + l.folder, "Restart=always"} {
		if !strings.Contains(options, want) {
			t.Errorf("%q is without %s", options, want)
		}
	}
	if !strings.HasPrefix(program, l.dnsmasq+" --pid-file="+l.folder) {
		t.Errorf("it starts %s", program)
	}
	before := l.pids()
	g := guard()
	g.Guests = g.Guests[:1]
	check(t, l.Set(t.Context(), g))
	if lines := told(); len(lines) != 1 || lines[0] != "" || !slices.Equal(before, l.pids()) {
		t.Errorf("to read anew it was told %q, pids %v and %v", lines, before, l.pids())
	}
	check(t, l.Set(t.Context(), resource.Guard{}))
	if lines := told(); !slices.Equal(lines, []string{stop}) {
		t.Errorf("at the end it was told %q", lines)
	}
}

// Why it does not start is dnsmasq's to say, and it is not tried for ever.
func TestUnitThatFails(t *testing.T) {
	newBridge(t)
	l := opened(t)
	told := underSystemd(t, l)
	g := guard()
	g.Networks[0].Upstream = []string{"nowhere"}
	if err := l.Set(t.Context(), g); err == nil || !strings.Contains(err.Error(), "bad address") && !strings.Contains(err.Error(), "bad command line options") {
		t.Errorf("told %v", err)
	}
	if lines := told(); len(lines) != 3 || !strings.HasPrefix(lines[2], "systemctl stop") {
		t.Errorf("told %q", lines)
	}
}

func TestUnitsName(t *testing.T) {
	if got := (place{bridge: "st-a.b+c@d:1"}).unit(); got != `strake-dns-st-a.b\x2bc\x40d\x3a1.service` {
		t.Errorf("unit %s", got)
	}
}
