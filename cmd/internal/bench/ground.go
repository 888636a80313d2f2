package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// Variables that tell a process of the benchmark what it is.
const (
	stage  = "STRAKE_BENCH_STAGE" // "reaper", "worker", "planner"
	orders = "STRAKE_BENCH_ORDERS"
)

// prefix begins the name of every container of a benchmark, so that what the
// kernel keeps beyond the namespaces, cgroups, can be told from others' own.
const prefix = "stbench"

// task is what the worker is told.
type task struct {
	Options options
	Dir     string // everything is below it
	Debian  resource.Image
	Busybox resource.Image
}

// outside is the part that touches the host: it fetches images, which needs
// the network, and then does the rest in a world of its own. Whatever happens,
// killing the first process of a process namespace ends all in it.
func outside(o options) error {
	dir, err := os.MkdirTemp("", prefix+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // containers' root passes through
		return err
	}
	t, err := fetch(o, dir)
	if err != nil {
		return err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // a death signal comes when the thread ends
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), stage+"=reaper", orders+"="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Setpgid:    true, Pdeathsig: syscall.SIGKILL,
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case s := <-signals:
		_ = cmd.Process.Kill()
		<-ended
		err = fmt.Errorf("ended by %s", s)
	}
	return errors.Join(err, sweepCgroups())
}

// sweepCgroups removes the groups of containers that were killed with their
// monitors. They are empty, or the kernel would refuse.
func sweepCgroups() error {
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/lxc.*." + prefix + "*", "/sys/fs/cgroup/*/lxc.*." + prefix + "*"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		found = append(found, list...)
	}
	for _, top := range found {
		var dirs []string
		_ = filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			_ = os.Remove(dirs[i])
		}
	}
	return nil
}

// reap is the first process of the namespaces: it makes the world, starts the
// worker, and takes in whoever loses a parent, as monitors do.
func reap() error {
	var t task
	if err := json.Unmarshal([]byte(os.Getenv(orders)), &t); err != nil {
		return err
	}
	if err := makeWorld(t.Dir); err != nil {
		return fmt.Errorf("make a world: %w", err)
	}
	if err := os.Setenv(stage, "worker"); err != nil {
		return err
	}
	worker, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
	if err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if pid == worker.Pid && (status.Exited() || status.Signaled()) {
			os.Exit(status.ExitStatus() & 0x7f)
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("wait: %w", err)
		}
	}
}

// makeWorld makes mounts that fit the namespaces. liblxc looks for bridges in
// /sys, which shows the network namespace that it was mounted in.
func makeWorld(dir string) error {
	groups := filepath.Join(dir, "cgroup")
	if err := os.Mkdir(groups, 0o755); err != nil {
		return err
	}
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"/sys/fs/cgroup", groups, "", unix.MS_BIND | unix.MS_REC},
		{"sysfs", "/sys", "sysfs", 0},
		{groups, "/sys/fs/cgroup", "", unix.MS_BIND | unix.MS_REC},
		{"tmpfs", "/run", "tmpfs", 0}, // liblxc's and strake's locks
	} {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := unix.Unmount(groups, unix.MNT_DETACH); err != nil {
		return err
	}
	if err := os.Mkdir("/run/lock", 0o755); err != nil { // where /var/lock leads
		return err
	}
	return grantIDs(dir)
}

// ids is what root may give away here, whatever the machine's files say.
const ids = "root:1000000:1000000000\n"

func grantIDs(dir string) error {
	for _, name := range []string{"subuid", "subgid"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(ids), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(path, "/etc/"+name, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount /etc/%s: %w", name, err)
		}
	}
	return nil
}

// unmountBelow unmounts everything below a folder, the innermost first.
func unmountBelow(dir string) error {
	list, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if err := unix.Unmount(list[i], unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", list[i], err)
		}
	}
	return nil
}

func mountsBelow(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			list = append(list, f[1])
		}
	}
	return list, nil
}

// until waits for something that another process brings about.
func until(what string, patience time.Duration, done func() bool) error {
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: waited %s in vain", what, patience)
		}
	}
	return nil
}
