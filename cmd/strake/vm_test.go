//go:build vm

package main

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestStockHost boots a stock Debian (systemd, cgroup2 alone, AppArmor, the
// distribution's own kernel) in an emulator and tries strake on it, over a
// reboot. It takes minutes: make test-vm runs it, and with STRAKE_VM_SUITE=trixie
// on that one.
func TestStockHost(t *testing.T) {
	dir := t.TempDir()
	tree, disk := filepath.Join(dir, "tree"), filepath.Join(dir, "disk")
	debian(t, tree, "systemd-sysv", "udev", "dbus", "kmod", "lxc", "apparmor", "nftables", "uidmap", "busybox-static", "iproute2", "iputils-ping", "lvm2", "linux-image-amd64")
	debian(t, filepath.Join(tree, "srv/debian"), "systemd-sysv", "dbus", "iproute2")
	furnish(t, tree)
	command(t, "mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "3G")

	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	var console bytes.Buffer
	machine := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048",
		"-nographic", "-nodefaults", "-serial", "stdio", "-nic", "none",
		"-drive", "if=virtio,format=raw,file="+disk,
		"-kernel", filepath.Join(tree, "vmlinuz"), "-initrd", filepath.Join(tree, "initrd.img"),
		"-append", "console=ttyS0 root=/dev/vda rw quiet systemd.show_status=0")
	machine.Stdout, machine.Stderr = &console, &console
	err := machine.Run()
	t.Logf("%s", console.Bytes())
	if err != nil || !bytes.Contains(console.Bytes(), []byte("ALL WENT WELL")) {
		t.Fatalf("the machine ended with %v, and not well", err)
	}
}

// debian makes a Debian tree.
func debian(t *testing.T, tree string, packages ...string) {
	t.Helper()
	args := []string{"--quiet", "--variant=minbase", "--mode=root", "--format=directory"}
	for _, p := range packages {
		args = append(args, "--include="+p)
	}
	command(t, "mmdebstrap", append(args, cmp.Or(os.Getenv("STRAKE_VM_SUITE"), "bookworm"), tree)...)
}

// furnish puts strake and what is to be tried into the tree.
func furnish(t *testing.T, tree string) {
	t.Helper()
	command(t, "go", "build", "-trimpath", "-o", filepath.Join(tree, "srv/strake/strake"), ".")
	for from, to := range map[string]string{
		"host.sh": "srv/strake/host.sh", "vlan.sh": "srv/strake/vlan.sh", "lvm.sh": "srv/strake/lvm.sh", "vlan.hcl": "srv/strake/vlan.hcl",
		"containers.hcl": "srv/strake/containers.hcl", "try.service": "etc/systemd/system/try.service",
	} {
		text, err := os.ReadFile(filepath.Join("../../testdata/vm", from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, to), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	units := filepath.Join(tree, "etc/systemd/system")
	if err := os.MkdirAll(filepath.Join(units, "default.target.wants"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"default.target.wants/try.service": "../try.service",
		"serial-getty@ttyS0.service":       "/dev/null", // it would hang up on what is tried
	} {
		if err := os.Symlink(to, filepath.Join(units, link)); err != nil {
			t.Fatal(err)
		}
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
