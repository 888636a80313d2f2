package rootfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	"strake/reconcile/resource"
)

// started runs a process in a mount namespace of its own, with the mounted
// root as its "/" as liblxc does it, after the given shell commands.
func started(t *testing.T, root, script string) int {
	t.Helper()
	cmd := exec.Command("sh", "-ec", script+"\nexec /proc/$PPID/exe", "x", root)
	cmd.Env = append(os.Environ(), "STRAKE_TEST_ROOT="+root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if n, err := out.Read(make([]byte, 3)); err != nil || n != 3 {
		t.Fatalf("not up: %v", err)
	}
	return cmd.Process.Pid
}

func TestMountedAt(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	pid := started(t, r.Path("c1"), "")
	got, ok, err := r.MountedAt(pid)
	if err != nil || !ok || !reflect.DeepEqual(got, root) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if _, ok, err := r.MountedAt(os.Getpid()); ok || err != nil {
		t.Errorf("the host's own root: %v, %v", ok, err)
	}
	if _, _, err := r.MountedAt(1 << 30); err == nil {
		t.Error("no such process, no error")
	}
}

func TestMounts(t *testing.T) {
	r, state := ground(t)
	image := r.images(digest)
	for _, dir := range []string{"a", "b", "gone", "wrong", "run"} {
		mkdir(t, filepath.Join(image, dir))
	}
	write(t, filepath.Join(image, "f"), "")
	must(t, os.Symlink("run", filepath.Join(image, "linked")))
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	data := filepath.Join(state, "da ta")
	mkdir(t, filepath.Join(data, "sub"))
	mkdir(t, filepath.Join(data, "run"))
	write(t, filepath.Join(data, "file"), "x")
	must(t, os.Symlink("sub", filepath.Join(data, "alias")))
	p := r.Path("c1")
	pid := started(t, p, `d="`+data+`"; r="$1"
		mount --bind "$d/sub" "$r/a"; mount --bind "$d" "$r/b"; mount -o remount,bind,ro "$r/b"
		mount --bind "$d/file" "$r/f"; mount -t tmpfs none "$r/wrong"; mount --bind "$d/run" "$r/run"`)
	want := []resource.Mount{
		{Target: "/a", Source: data + "/alias"}, {Target: "/b", Source: data, ReadOnly: true}, {Target: "/f", Source: data + "/file"},
		{Target: "/gone", Source: data}, {Target: "/wrong", Source: data}, {Target: "/linked", Source: data + "/run"}, {Target: "/none", Source: data},
	}
	got, err := r.Mounts(pid, want)
	must(t, err)
	if len(got) != 5 || !reflect.DeepEqual(got[:3], want[:3]) || got[4] != want[5] {
		t.Fatalf("%+v", got)
	}
	if w := got[3]; w.Target != "/wrong" || w.Source == data || w.Source == "" {
		t.Errorf("a mount of something else: %+v", w)
	}
	// Another source wished for at /a, and another mode.
	got, err = r.Mounts(pid, []resource.Mount{{Target: "/a", Source: data + "/run"}, {Target: "/b", Source: data}})
	must(t, err)
	if got[0].Source != data+"/sub" || !got[1].ReadOnly {
		t.Errorf("%+v", got)
	}
	// The wished source is gone, and another is in its place.
	must(t, os.Rename(data+"/run", data+"/old"))
	mkdir(t, data+"/run")
	got, err = r.Mounts(pid, want[5:6])
	must(t, err)
	if got[0].Source != data+"/old" {
		t.Errorf("%+v", got)
	}
}

func TestParseMount(t *testing.T) {
	m, ok := parseMount(`36 35 98:0 /mnt1 /a\040b\134c ro,noatime shared:1 master:2 - ext3 /dev/ro\011ot rw,errors=continue`)
	want := mountpoint{36, "98:0", "/mnt1", `/a b\c`, "ro,noatime", "ext3", "/dev/ro\tot", "rw,errors=continue"}
	if !ok || m != want || !m.readOnly() {
		t.Errorf("%+v, %v", m, ok)
	}
	for _, bad := range []string{"", " - ", "x y z", "a 35 98:0 / / rw - ext3 x rw", "1 2 3:4 / / - ext3 x rw"} {
		if m, ok := parseMount(bad); ok {
			t.Errorf("%q is %+v", bad, m)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte("36 35 98:0 /mnt1 /a\\040b ro shared:1 - overlay strake:1+2:c rw,lowerdir=w-1:i-x,upperdir=w-2/upper\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, m := range parseMounts(text) {
			_, _, _ = m.root()
			_ = m.readOnly()
		}
	})
}
