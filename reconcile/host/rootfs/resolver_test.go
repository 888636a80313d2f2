package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"strake/reconcile/resource"
)

// TestResolver: whatever the image has in the place of resolv.conf, the
// container's resolver knows whom to ask, and what a DHCP client writes is no
// difference.
func TestResolver(t *testing.T) {
	want := resource.Resolver{Servers: []string{"10.9.0.1", "fd09::1"}, Search: []string{"lan"}}
	for name, c := range map[string]struct {
		image func(root string)
		file  string
	}{
		"nothing": {func(string) {}, resolvConf},
		"a file": {func(root string) {
			mkdir(t, filepath.Join(root, "etc"))
			write(t, filepath.Join(root, resolvConf), "nameserver 192.0.2.1\n")
		}, resolvConf},
		"a dangling link": {func(root string) {
			mkdir(t, filepath.Join(root, "etc"))
			symlink(t, "/run/resolvconf/resolv.conf", filepath.Join(root, resolvConf))
		}, resolvConf},
		"a link to the host": {func(root string) {
			mkdir(t, filepath.Join(root, "etc"))
			symlink(t, "../../../../../../../../../../etc/hostname", filepath.Join(root, resolvConf))
		}, resolvConf},
		"systemd-resolved": {func(root string) {
			mkdir(t, filepath.Join(root, "etc"))
			mkdir(t, filepath.Join(root, "usr/lib/systemd"))
			write(t, filepath.Join(root, "usr/lib/systemd/systemd-resolved"), "")
			symlink(t, "../run/systemd/resolve/stub-resolv.conf", filepath.Join(root, resolvConf))
		}, resolvedConf},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := ground(t)
			c.image(r.images(digest))
			root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
			mount(t, r, root)
			file := filepath.Join(r.Path("c1"), c.file)
			for range 2 {
				if err := r.SetResolver("c1", root.IDMap, want); err != nil {
					t.Fatal(err)
				}
				if have, err := r.Resolver("c1"); err != nil || !have.Equal(want) {
					t.Errorf("%+v, %v, want %+v", have, err, want)
				}
			}
			if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s: %v, %v", c.file, info, err)
			}
			none := resource.Resolver{}
			if err := r.SetResolver("c1", root.IDMap, none); err != nil {
				t.Fatal(err)
			}
			if have, err := r.Resolver("c1"); err != nil || !have.Equal(none) {
				t.Errorf("%+v, %v, want none", have, err)
			}
		})
	}
	if err := (&Roots{}).SetResolver("c2", ids(1), want); !errors.Is(err, ErrNotMounted) {
		t.Errorf("not mounted: %v", err)
	}
}

func symlink(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// TestResolverOfOthers: a DHCP client's file is kept as it is where it says
// the same, and where strake has nothing to say.
func TestResolverOfOthers(t *testing.T) {
	r, _ := ground(t)
	mkdir(t, filepath.Join(r.images(digest), "etc"))
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	file := filepath.Join(r.Path("c1"), resolvConf)
	const theirs = "search lan # eth0\nnameserver 10.9.0.1 # eth0\nnameserver 10.9.0.1 # eth1\n"
	write(t, file, theirs)
	for _, want := range []resource.Resolver{{Servers: []string{"10.9.0.1"}, Search: []string{"lan"}}, {}} {
		if err := r.SetResolver("c1", root.IDMap, want); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != theirs {
			t.Errorf("%v: %q", err, text)
		}
	}
}
