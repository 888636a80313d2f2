package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"strake/cmd/internal/cli"
)

// keepWatch starts the process that takes back what nobody confirms. It outlives
// the terminal, having a session of its own, and the login: logind ends what
// is in the cgroup of a session where KillUserProcesses is set (logind.conf(5)), and
// the service manager what is in that of a service. The kept copy of the
// program is the one that made the change.
func keepWatch(g cli.Globals, binary string) error {
	log, err := os.OpenFile(filepath.Join(g.StateDir, "unconfirmed", "watcher.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start watcher: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(binary, "--state-dir", g.StateDir, "--lxc-path", g.LXCPath, "__watch")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start watcher: %w", err)
	}
	leaveSession(cmd.Process.Pid)
	return cmd.Process.Release()
}

// leaveSession puts a process into the uppermost cgroup of each hierarchy that
// a service manager may use. Where that can't be, it stays where it is: the
// deadline is on disk.
func leaveSession(pid int) {
	for _, top := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"} {
		if f, err := os.OpenFile(filepath.Join(top, "cgroup.procs"), os.O_WRONLY, 0); err == nil {
			_, _ = fmt.Fprint(f, pid)
			_ = f.Close()
		}
	}
}
