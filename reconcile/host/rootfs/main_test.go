package rootfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain runs the tests in mount and network namespaces of their own, so
// that nothing they leave can reach the host.
func TestMain(m *testing.M) {
	if root := os.Getenv("STRAKE_TEST_ROOT"); root != "" {
		os.Exit(pivot(root))
	}
	if os.Getenv("STRAKE_TEST_APART") != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "STRAKE_TEST_APART=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:    syscall.SIGKILL,
	}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// pivot makes root this process's "/", as liblxc does, and stays until its
// input ends.
func pivot(root string) int {
	err := errors.Join(
		unix.Mount(root, root, "", unix.MS_BIND|unix.MS_REC, ""),
		unix.Chdir(root),
		unix.PivotRoot(".", "."),
		unix.Unmount(".", unix.MNT_DETACH),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("up")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}
