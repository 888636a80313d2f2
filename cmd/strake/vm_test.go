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
// reboot. It takes minutes: make test-vm runs it. STRAKE_VM_SUITE=trixie takes that
// one; STRAKE_VM_LONG=1 tries VLANs and LVM, too.
//
// What a processor has for speed's sake takes the emulator longest, and nobody is
// to be kept from this one's secrets: so it is an old one, without mitigations.
func TestStockHost(t *testing.T) {
	dir := t.TempDir()
	tree, disk, initrd := filepath.Join(dir, "tree"), filepath.Join(dir, "disk"), filepath.Join(dir, "initrd")
	debian(t, tree, filepath.Join(dir, "small"))
	kernel := one(t, filepath.Join(tree, "boot/vmlinuz-*"))
	starter(t, tree, initrd, strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-"))
	furnish(t, tree, filepath.Join(dir, "small"))
	command(t, "mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "2G")

	ctx, cancel := context.WithTimeout(t.Context(), 17*time.Minute)
	defer cancel()
	var console bytes.Buffer
	machine := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "2048",
		"-nographic", "-nodefaults", "-serial", "stdio", "-nic", "none",
		"-drive", "if=virtio,format=raw,cache=unsafe,file="+disk,
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyS0 quiet systemd.show_status=0 mitigations=off")
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

// long says whether all is to be tried that only such a host has.
func long() bool { return os.Getenv("STRAKE_VM_LONG") != "" }

// debian makes the tree of a host, and one of a container, which is what the
// host's was before it became one. Its kernel comes without an initrd: to make
// one takes longer than all the rest.
func debian(t *testing.T, host, container string) {
	t.Helper()
	t.Setenv("INITRD", "No") // /etc/kernel/postinst.d/initramfs-tools
	packages := "udev kmod lxc apparmor nftables uidmap busybox-static iputils-ping dnsmasq-base linux-image-cloud-amd64"
	if long() {
		packages += " lvm2 e2fsprogs"
	}
	command(t, "mmdebstrap", "--quiet", "--variant=essential", "--mode=root", "--format=directory", "--include=systemd-sysv,dbus,iproute2",
		"--customize-hook=cp --archive --one-file-system \"$1\" "+container,
		"--customize-hook=APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get install -q -y --no-install-recommends -o DPkg::Chroot-Directory=\"$1\" "+packages,
		cmp.Or(os.Getenv("STRAKE_VM_SUITE"), "bookworm"), host)
	for _, idle := range []string{
		"var/cache", "var/lib/apt", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl", "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/gconv",
	} {
		if err := os.RemoveAll(filepath.Join(container, idle)); err != nil {
			t.Fatal(err)
		}
	}
	mask(t, container, "console-getty.service", "systemd-logind.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service")
	mask(t, host, "lxc-net.service", "getty@tty1.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
		"systemd-udev-trigger.service", "e2scrub_reap.service", "systemd-pstore.service", "systemd-random-seed.service", "kmod-static-nodes.service",
		"sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount", "dev-hugepages.mount",
		"serial-getty@ttyS0.service") // this one would hang up on what is tried
}

// mask has a host go without some of its units, which have nothing to do with
// strake and make up half of a boot.
func mask(t *testing.T, tree string, units ...string) {
	t.Helper()
	for _, unit := range units {
		if err := os.Symlink("/dev/null", filepath.Join(tree, "etc/systemd/system", unit)); err != nil {
			t.Fatal(err)
		}
	}
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
			f := strings.Fields(line) // "insmod FILE", or "builtin NAME"
			if len(f) < 2 || f[0] != "insmod" || slices.Contains(have, f[1]) {
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
	wants := filepath.Join(tree, "etc/systemd/system/default.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../try.service", filepath.Join(wants, "try.service")); err != nil {
		t.Fatal(err)
	}
	if long() {
		if err := os.WriteFile(filepath.Join(tree, "srv/strake/long"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Files are copied and hashed twenty times as fast outside of the emulator.
	command(t, "unshare", "--mount", "sh", "-c", `mount -t proc proc "$0/proc" && chroot "$0" /srv/strake/strake lock --file /srv/strake/containers.hcl`, tree)
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
