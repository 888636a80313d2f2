//go:build vm

package main

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStockHost boots a stock Debian (systemd, cgroup2 alone, AppArmor, the
// distribution's own kernel) in an emulator and tries strake on it, over a
// reboot. It takes minutes: make test-vm runs it, and with STRAKE_VM_SUITE=trixie
// on that one.
func TestStockHost(t *testing.T) {
	dir := t.TempDir()
	tree, disk, initrd := filepath.Join(dir, "tree"), filepath.Join(dir, "disk"), filepath.Join(dir, "initrd")
	debian(t, tree, filepath.Join(dir, "small"))
	kernel := one(t, filepath.Join(tree, "boot/vmlinuz-*"))
	starter(t, tree, initrd, strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-"))
	furnish(t, tree, filepath.Join(dir, "small"))
	command(t, "mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "3G")

	ctx, cancel := context.WithTimeout(t.Context(), 17*time.Minute)
	defer cancel()
	var console bytes.Buffer
	machine := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048",
		"-nographic", "-nodefaults", "-serial", "stdio", "-nic", "none",
		"-drive", "if=virtio,format=raw,cache=unsafe,file="+disk,
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyS0 quiet systemd.show_status=0")
	machine.Stdout, machine.Stderr = &console, &console
	runtime.LockOSThread() // of which the machine dies
	defer runtime.UnlockOSThread()
	machine.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := machine.Run()
	t.Logf("%s", console.Bytes())
	if err != nil || !bytes.Contains(console.Bytes(), []byte("ALL WENT WELL")) {
		t.Fatalf("the machine ended with %v, and not well", err)
	}
}

// debian makes the tree of a host, and one of a container, which is what the
// host's was before it became one. Its kernel comes without an initrd: to make
// one takes longer than all the rest.
func debian(t *testing.T, host, container string) {
	t.Helper()
	t.Setenv("INITRD", "No") // /etc/kernel/postinst.d/initramfs-tools
	command(t, "mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--format=directory", "--include=systemd-sysv,dbus,iproute2",
		"--customize-hook=cp --archive --one-file-system \"$1\" "+container,
		"--customize-hook=chroot \"$1\" apt-get install -q -y --no-install-recommends udev kmod lxc apparmor nftables uidmap busybox-static iputils-ping lvm2 dnsmasq-base linux-image-amd64",
		cmp.Or(os.Getenv("STRAKE_VM_SUITE"), "bookworm"), host)
}

// starter makes an initrd: what the kernel needs to find its disk.
func starter(t *testing.T, tree, initrd, kernel string) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"dev", "root"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	init := "#!/busybox sh\n/busybox mount -t devtmpfs dev /dev\n"
	command(t, "cp", "/bin/busybox", dir)
	var have []string
	for _, module := range []string{"virtio_pci", "virtio_blk", "ext4"} {
		for line := range strings.Lines(command(t, "chroot", tree, "modprobe", "--set-version", kernel, "--show-depends", module)) {
			f := strings.Fields(line) // insmod FILE
			if len(f) < 2 || slices.Contains(have, f[1]) {
				continue
			}
			have = append(have, f[1])
			command(t, "cp", filepath.Join(tree, f[1]), dir)
			file := filepath.Base(f[1])
			if plain, packed := strings.CutSuffix(file, ".xz"); packed {
				command(t, "unxz", filepath.Join(dir, file))
				file = plain
			}
			init += "/busybox insmod /" + file + "\n"
		}
	}
	init += "/busybox mount -t ext4 /dev/vda /root\nexec /busybox switch_root /root /sbin/init\n"
	if err := os.WriteFile(filepath.Join(dir, "init"), []byte(init), 0o755); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, n := range names {
		list.WriteString(n.Name() + "\n")
	}
	out, err := os.Create(initrd)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	pack := exec.Command("busybox", "cpio", "-o", "-H", "newc")
	pack.Dir, pack.Stdin, pack.Stdout = dir, strings.NewReader(list.String()), out
	if err := pack.Run(); err != nil {
		t.Fatal(err)
	}
}

func one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// furnish puts strake and what is to be tried into the tree.
func furnish(t *testing.T, tree, container string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(tree, "srv/strake"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(container, filepath.Join(tree, "srv/debian")); err != nil {
		t.Fatal(err)
	}
	command(t, "go", "build", "-trimpath", "-o", filepath.Join(tree, "srv/strake/strake"), ".")
	for from, to := range map[string]string{
		"host.sh": "srv/strake/host.sh", "vlan.sh": "srv/strake/vlan.sh", "lvm.sh": "srv/strake/lvm.sh", "dns.sh": "srv/strake/dns.sh", "vlan.hcl": "srv/strake/vlan.hcl",
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

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
