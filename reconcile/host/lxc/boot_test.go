//go:build linux && cgo

package lxc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"strake/reconcile/resource"
)

// All that Render writes reaches the container, as liblxc and the kernel
// understand it.
func TestRenderedContainer(t *testing.T) {
	g := newGround(t)
	dir := filepath.Join(filepath.Dir(g.path), `a "b' c`) // not t.TempDir: it is 0700, and the container's root mounts
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644))
	ip(t, "link", "add", "stt-br", "type", "bridge")
	ip(t, "link", "set", "stt-br", "up")
	c := container(fresh())
	c.NICs = []resource.NIC{{Name: "eth0", Bridge: "stt-br", Device: "stt-veth", MAC: "02:00:00:aa:bb:cc", MTU: 1400, IPv4: "10.99.1.2/16", IPv6: "fd42::2/64", Gateway4: "10.99.0.1"},
		{Name: "eth1", Bridge: "stt-br", Device: "stt-veth2", MAC: "02:00:00:aa:bb:cd", IPv4: "10.98.0.1/31"}}
	c.Mounts = []resource.Mount{{Target: "/tmp/x y", Source: dir}, {Target: "/tmp/one", Source: dir + "/file", ReadOnly: true}}
	c.Environment = map[string]string{"GAP": " kept ", "Q": `"quoted"`, "HASH": "a # b"}
	c.Raw = map[string]string{"lxc.sysctl.net.core.somaxconn": "256", "lxc.prlimit.nofile": "1000"}
	hook := filepath.Join(dir, "hook")
	must(t, os.WriteFile(hook, []byte("#!/bin/sh\nprintf '%s|' \"$@\" >\"$(dirname \"$0\")/ran\"\n"), 0o755))
	console := filepath.Join(dir, "console")
	g.define(c, func(e *Environment) {
		e.Hook = []string{hook, "hook", "two words"}
		e.ConsoleLog, e.Files = console, map[string]bool{dir + "/file": true}
	})
	if out, err := exec.Command("lxc-start", "-P", g.path, "-n", c.Name).CombinedOutput(); err != nil {
		t.Fatalf("lxc-start: %v: %s", err, out)
	}
	ran, err := os.ReadFile(filepath.Join(dir, "ran"))
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, "ran")))
	must(t, g.Kill(t.Context(), c.Name))
	eventually(t, "the interfaces are gone", func() bool {
		_, err := os.Stat("/proc/sys/net/ipv4/conf/stt-veth")
		_, err2 := os.Stat("/proc/sys/net/ipv4/conf/stt-veth2")
		return err != nil && err2 != nil
	})
	must(t, g.Start(t.Context(), c.Name))
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("our own start, with everything ready, ran the hook")
	}
	if want := "hook|two words|" + c.Name + "|lxc|pre-start|"; string(ran) != want {
		t.Errorf("hook: %q", ran)
	}
	seen, err := g.Inspect(t.Context(), c.Name, nil)
	must(t, err)
	for key, want := range c.Environment {
		if seen.Environ[key] != want {
			t.Errorf("%s is %q", key, seen.Environ[key])
		}
	}
	_, out := g.said(c.Name, script("ip addr; ip route; cat '/tmp/x y/file' /tmp/one; echo; touch /tmp/one; cat /proc/sys/net/core/somaxconn; grep 'open files' /proc/1/limits; echo hello >/dev/console; cat /proc/1/status"))
	for _, want := range []string{
		"inet 10.99.1.2/16 brd 10.99.255.255", "inet6 fd42::2/64", "02:00:00:aa:bb:cc", "mtu 1400", "default via 10.99.0.1",
		"inet 10.98.0.1/31 scope", "contentcontent", "touch: /tmp/one: ", "\n256\n", "1000", "Seccomp:\t2",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	eventually(t, "the console is logged", func() bool {
		text, _ := os.ReadFile(console)
		return strings.Contains(string(text), "hello")
	})
	if ports := ip(t, "-o", "link", "show", "master", "stt-br"); !strings.Contains(ports, "stt-veth@") {
		t.Errorf("ports: %s", ports)
	}
}

// The devices of the host are closed also to a container with its real root.
func TestDevicesAreClosed(t *testing.T) {
	g := newGround(t)
	c := container(fresh())
	c.IDMap = resource.IDMap{Privileged: true}
	g.up(c)
	_, out := g.said(c.Name, script("mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg; head -c 3 /dev/zero | wc -c"))
	if !strings.Contains(out, "/tmp/kmsg: Operation not permitted") || !strings.HasSuffix(out, "\n3\n") {
		t.Errorf("%q", out)
	}
}

func TestNoNICIsANamespaceOfItsOwn(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	_, out := g.said(name, script("ip -o link | cut -d: -f2; ip addr show lo"))
	if !strings.HasPrefix(out, " lo\n") || strings.Count(out, "LOOPBACK") != 1 || !strings.Contains(out, "127.0.0.1/8") {
		t.Errorf("%q", out)
	}
}

func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
	return string(out)
}
