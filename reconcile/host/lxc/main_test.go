//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const apart = "STRAKE_TEST_APART"

// TestMain runs the tests in a network and mount namespace of their own, so
// that nothing they leave behind is the host's.
func TestMain(m *testing.M) {
	switch os.Getenv(apart) {
	case "":
		os.Exit(again())
	case "unshared": // and not yet settled, as the child of a test is
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, "settle in own namespaces:", err)
			os.Exit(1)
		}
		os.Setenv(apart, "settled")
	}
	os.Exit(m.Run())
}

// settle makes mounts private and gives the network namespace its own sysfs,
// with the host's cgroups in it: liblxc looks for bridges there.
func settle() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	groups, err := unix.OpenTree(unix.AT_FDCWD, "/sys/fs/cgroup", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(groups)
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return err
	}
	if err := unix.MoveMount(groups, "", unix.AT_FDCWD, "/sys/fs/cgroup", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	return grant()
}

// grant gives root the ids of the tests' containers, whatever the host's root
// has: lxc-start asks newuidmap, which allows no others.
func grant() error {
	file, err := os.CreateTemp("", "subid")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := fmt.Fprintln(file, "root:1000000:1000000000"); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	for _, path := range []string{"/etc/subuid", "/etc/subgid"} {
		if err := unix.Mount(file.Name(), path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount over %s: %w", path, err)
		}
	}
	return nil
}

func again() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), apart+"=unshared")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "run in own namespaces (needs root):", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}
