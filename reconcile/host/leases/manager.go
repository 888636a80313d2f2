package leases

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// manager is systemd, by its programs. Where it runs the host, each dnsmasq is a
// unit of its own: it comes back when it ends, whether or not an agent runs, and
// stands in nobody's session.
type manager struct {
	run string // systemd-run
	ctl string // systemctl
}

// systemd is the manager of this host. What it starts is in its own namespaces,
// so it is none of those who are in others.
func systemd() (manager, bool) {
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return manager{}, false
	}
	for _, kind := range []string{"net", "mnt"} {
		if !together(1, kind) {
			return manager{}, false
		}
	}
	m := manager{lookUp("systemd-run"), lookUp("systemctl")}
	return m, m.run != "" && m.ctl != ""
}

// unit is the name of the place's dnsmasq. Of what an interface may be called, a
// unit's name has the rest in numbers (systemd.unit(5)).
func (p place) unit() string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	var name strings.Builder
	for _, c := range []byte(p.bridge) {
		if strings.IndexByte(plain, c) >= 0 {
			name.WriteByte(c)
		} else {
			fmt.Fprintf(&name, `\x%02x`, c)
		}
	}
	return "strake-dns-" + name.String() + ".service"
}

// command is what starts dnsmasq as a unit, and returns when it serves. What
// dnsmasq says until then goes into a file, as systemd has no word of it.
func (m manager) command(ctx context.Context, p place, pidFile, faults string, program []string) *exec.Cmd {
	return exec.CommandContext(ctx, m.run, append([]string{
		"--quiet", "--collect", "--unit=" + p.unit(), "--description=strake: services of network bridge " + p.bridge,
		"--property=Type=forking", "--property=PIDFile=" + pidFile, "--property=Restart=always", "--property=RestartSec=200ms",
		"--property=StandardError=file:" + faults, "--setenv=LC_ALL=C", "--",
	}, program...)...)
}

// stop ends the unit, and what systemd means to do about one that has failed. It
// is no error that there is none.
func (m manager) stop(ctx context.Context, p place) {
	_ = exec.CommandContext(ctx, m.ctl, "stop", "--quiet", p.unit()).Run()
}

// within says that the process is the unit's, so that to end it is systemd's.
func (p place) within(pid int) bool {
	text, _ := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "cgroup"))
	return strings.Contains(string(text)+"\n", "/"+p.unit()+"\n")
}
