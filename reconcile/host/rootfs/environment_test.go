package rootfs

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

var awkward = map[string]string{
	"EMPTY":      "",
	"PLAIN":      "value",
	"SPACES":     "  two  words ",
	"QUOTES":     `it's "so" 'and' so"`,
	"DOLLAR":     "$HOME ${HOME} $(id) `id`",
	"PERCENT":    "100% %H %%",
	"BACK":       `\ \n \" end\`,
	"UNICODE":    "größe ☃",
	"EQUALS":     "a=b=c",
	"SEMI":       "a;b&c|d>e",
	"TAB":        "a\tb",
	"CONTROL":    "a\x1b[1mb",
	"http_proxy": "http://10.0.0.5:3128",
	"_x9":        "x",
}

// full is a mounted root with systemd and apt in its image.
func full(t *testing.T) (*Roots, string, resource.Root) {
	t.Helper()
	r, _ := ground(t)
	image := r.images(digest)
	mkdir(t, filepath.Join(image, "usr/lib/systemd"))
	mkdir(t, filepath.Join(image, "etc/apt/apt.conf.d"))
	write(t, filepath.Join(image, "usr/lib/systemd/systemd"), "")
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	return r, r.Path("c1"), root
}

func set(t *testing.T, r *Roots, root resource.Root, env map[string]string) {
	t.Helper()
	if err := r.SetEnvironment(root.Container, root.IDMap, env); err != nil {
		t.Fatal(err)
	}
}

func wantEnvironment(t *testing.T, r *Roots, want map[string]string) {
	t.Helper()
	got, err := r.Environment("c1")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestEnvironmentComesBack(t *testing.T) {
	r, path, root := full(t)
	wantEnvironment(t, r, map[string]string{})
	set(t, r, root, nil)
	if entries, _ := os.ReadDir(filepath.Join(r.layer("c1", 1), "upper")); len(entries) > 0 {
		t.Errorf("nothing to deliver, yet written: %v", entries)
	}
	set(t, r, root, awkward)
	wantEnvironment(t, r, awkward)
	for _, name := range []string{"etc/environment", "etc/profile.d/strake.sh", "etc/profile.d", "etc/systemd/system.conf.d/90-strake.conf",
		"etc/systemd/user.conf.d/90-strake.conf", "etc/systemd", "etc/apt/apt.conf.d/90strake"} {
		wantOwner(t, filepath.Join(path, name), root.IDMap.Base)
	}
	before := inode(t, filepath.Join(path, "etc/profile.d/strake.sh"))
	set(t, r, root, awkward)
	if inode(t, filepath.Join(path, "etc/profile.d/strake.sh")) != before {
		t.Error("what was right was written again")
	}
	set(t, r, root, map[string]string{"A": "1"})
	wantEnvironment(t, r, map[string]string{"A": "1"})
	if _, err := os.Lstat(filepath.Join(path, "etc/apt/apt.conf.d/90strake")); err == nil {
		t.Error("the proxy stays in apt's files")
	}
	set(t, r, root, nil)
	wantEnvironment(t, r, map[string]string{})
	if text := read(t, filepath.Join(path, "etc/environment")); text != "" {
		t.Errorf("left in /etc/environment: %q", text)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestEnvironmentKeepsOwnLines(t *testing.T) {
	r, path, root := full(t)
	own := "LANG=de\n# mine\n\nX=\"1\""
	file := filepath.Join(path, "etc/environment")
	write(t, file, own)
	set(t, r, root, map[string]string{"A": "1"})
	if got := read(t, file); got != own+"\n# strake: begin\nA=\"1\"\n# strake: end\n" {
		t.Errorf("/etc/environment: %q", got)
	}
	write(t, file, read(t, file)+"AFTER=1\n")
	wantEnvironment(t, r, map[string]string{"A": "1"})
	set(t, r, root, map[string]string{"A": "2"})
	set(t, r, root, nil)
	if got := read(t, file); got != own+"\nAFTER=1\n" {
		t.Errorf("/etc/environment after: %q", got)
	}
	// A block without its end takes nobody's lines with it.
	write(t, file, "# strake: begin\nMINE=1\n")
	set(t, r, root, nil)
	if got := read(t, file); got != "MINE=1\n" {
		t.Errorf("/etc/environment after half a block: %q", got)
	}
}

// TestEnvironmentDrift: a hand edit of any one file shows, and is mended.
func TestEnvironmentDrift(t *testing.T) {
	r, path, root := full(t)
	env := map[string]string{"A": "1", "http_proxy": "http://p:1"}
	files := []string{"/etc/environment", "/etc/profile.d/strake.sh", "/etc/systemd/system.conf.d/90-strake.conf",
		"/etc/systemd/user.conf.d/90-strake.conf", "/etc/apt/apt.conf.d/90strake"}
	for what, edit := range map[string]func(string){
		"value":   func(f string) { write(t, f, strings.ReplaceAll(strings.ReplaceAll(read(t, f), "1", "7"), "p:", "q:")) },
		"missing": func(f string) { must(t, os.Remove(f)) },
		"line": func(f string) {
			write(t, f, strings.ReplaceAll(read(t, f), "# strake: end", "B=\"2\"\n# strake: end")+"# more\n")
		},
		"folder": func(f string) { must(t, os.Remove(f)); must(t, os.Mkdir(f, 0o755)) },
		"pipe":   func(f string) { must(t, os.Remove(f)); must(t, unix.Mkfifo(f, 0o644)) },
		"mode":   func(f string) { must(t, os.Chmod(f, 0o600)) },
	} {
		for _, file := range files {
			if file == files[0] && (what == "folder" || what == "pipe" || what == "mode") {
				continue // people's own file: below
			}
			set(t, r, root, env)
			edit(filepath.Join(path, file))
			got, err := r.Environment("c1")
			if err != nil {
				t.Errorf("%s of %s: %v", what, file, err)
			}
			if file == files[0] && what == "line" {
				delete(got, "B")
			}
			if maps.Equal(got, env) {
				t.Errorf("%s of %s does not show", what, file)
			}
			if what == "folder" {
				must(t, os.Remove(filepath.Join(path, file)))
			}
		}
	}
	set(t, r, root, env)
	wantEnvironment(t, r, env)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEnvironmentStaysInside: whatever a container makes of its /etc, the
// host's files beside its root stay as they are.
func TestEnvironmentStaysInside(t *testing.T) {
	env := map[string]string{"A": "1", "http_proxy": "http://p:1"}
	for name, attack := range map[string]func(path string){
		"etc to root":     func(p string) { must(t, os.Symlink("/", filepath.Join(p, "etc"))) },
		"etc climbs":      func(p string) { must(t, os.Symlink("../../../../../../../../etc", filepath.Join(p, "etc"))) },
		"etc to host etc": func(p string) { must(t, os.Symlink("/etc", filepath.Join(p, "etc"))) },
		"etc to proc":     func(p string) { must(t, os.Symlink("/proc/self/root/etc", filepath.Join(p, "etc"))) },
		"etc is a file":   func(p string) { write(t, filepath.Join(p, "etc"), "") },
		"etc is a pipe":   func(p string) { must(t, unix.Mkfifo(filepath.Join(p, "etc"), 0o666)) },
		"file climbs": func(p string) {
			mkdir(t, filepath.Join(p, "etc"))
			must(t, os.Symlink("../../../../../../../etc/environment", filepath.Join(p, "etc/environment")))
		},
		"folder climbs": func(p string) {
			mkdir(t, filepath.Join(p, "etc"))
			must(t, os.Symlink("../../../../../../../etc/profile.d", filepath.Join(p, "etc/profile.d")))
		},
		"file is a pipe": func(p string) {
			mkdir(t, filepath.Join(p, "etc"))
			must(t, unix.Mkfifo(filepath.Join(p, "etc/environment"), 0o666))
		},
		"file is a device": func(p string) {
			mkdir(t, filepath.Join(p, "etc"))
			must(t, unix.Mknod(filepath.Join(p, "etc/environment"), unix.S_IFCHR|0o666, 1<<8|5)) // /dev/zero never ends
		},
		"temporary is a link": func(p string) {
			mkdir(t, filepath.Join(p, "etc"))
			must(t, os.Symlink("/etc/passwd", filepath.Join(p, "etc/.environment.strake")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, path, root := full(t)
			bait(t)
			must(t, os.RemoveAll(filepath.Join(path, "etc")))
			attack(path)
			done := make(chan error)
			go func() {
				e1 := r.SetEnvironment("c1", root.IDMap, env)
				_, e2 := r.Environment("c1")
				e3 := r.SetEnvironment("c1", root.IDMap, nil)
				done <- errors.Join(e1, e2, e3)
			}()
			select {
			case err := <-done:
				t.Log(err)
			case <-time.After(5 * time.Second):
				t.Fatal("it hangs")
			}
			checkBait(t)
		})
	}
}

// bait puts an /etc of the test's own over the host's.
func bait(t *testing.T) {
	t.Helper()
	must(t, unix.Mount("bait", "/etc", "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount("/etc", unix.MNT_DETACH)) })
	mkdir(t, "/etc/profile.d")
	write(t, "/etc/environment", "host's")
	write(t, "/etc/passwd", "host's")
}

func checkBait(t *testing.T) {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir("/etc", func(path string, _ os.DirEntry, err error) error {
		found = append(found, path)
		return err
	}))
	if want := []string{"/etc", "/etc/environment", "/etc/passwd", "/etc/profile.d"}; !reflect.DeepEqual(found, want) {
		t.Errorf("on the host: %v", found)
	}
	for _, name := range []string{"/etc/environment", "/etc/passwd"} {
		if text := read(t, name); text != "host's" {
			t.Errorf("%s on the host: %q", name, text)
		}
	}
}

// TestEnvironmentRace: a container that swaps its /etc all the time.
func TestEnvironmentRace(t *testing.T) {
	r, path, root := full(t)
	bait(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	must(t, os.Symlink("../../../../../../../../etc", filepath.Join(path, "link")))
	gone := make(chan bool)
	go func() {
		defer close(gone)
		for ctx.Err() == nil {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(path, "link"), unix.AT_FDCWD, filepath.Join(path, "etc"), unix.RENAME_EXCHANGE)
		}
	}()
	for i := 0; ctx.Err() == nil; i++ {
		_ = r.SetEnvironment("c1", root.IDMap, map[string]string{"N": strings.Repeat("x", i%7)})
	}
	<-gone
	checkBait(t)
}

func TestEnvironmentRefusals(t *testing.T) {
	r, _, root := full(t)
	for _, env := range []map[string]string{{"": "x"}, {"1A": "x"}, {"A-B": "x"}, {"A": "a\nb"}, {"A": "a\x00b"}, {"A": "\xff"}, {"Ä": "x"}} {
		if err := r.SetEnvironment("c1", root.IDMap, env); !errors.Is(err, ErrVariable) {
			t.Errorf("%q: %v", env, err)
		}
	}
	wantEnvironment(t, r, map[string]string{})
	if err := r.Unmount(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if err := r.SetEnvironment("c1", root.IDMap, nil); !errors.Is(err, ErrNotMounted) {
		t.Errorf("not mounted: %v", err)
	}
	if _, err := r.Environment("c1"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("not mounted: %v", err)
	}
}

// TestEnvironmentReachesShells asks real shells.
func TestEnvironmentReachesShells(t *testing.T) {
	r, path, root := full(t)
	set(t, r, root, awkward)
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		args := append(shell[1:], "-c", `. "$1"; env -0`, "x", filepath.Join(path, "etc/profile.d/strake.sh"))
		out, err := exec.Command(shell[0], args...).Output()
		if err != nil {
			t.Fatal(shell, err)
		}
		wantVariables(t, strings.Join(shell, " "), out, awkward)
	}
}

func wantVariables(t *testing.T, who string, out []byte, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for entry := range strings.SplitSeq(string(out), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		got[name] = value
	}
	for name, value := range want {
		if have, ok := got[name]; !ok || have != value {
			t.Errorf("%s: %s is %q, want %q", who, name, have, value)
		}
	}
}

// TestEnvironmentReachesPAM has su, whose PAM stack reads /etc/environment,
// read the container's.
func TestEnvironmentReachesPAM(t *testing.T) {
	r, path, root := full(t)
	set(t, r, root, awkward)
	if _, err := os.Stat("/etc/environment"); err != nil {
		write(t, "/etc/environment", "")
		t.Cleanup(func() { must(t, os.Remove("/etc/environment")) })
	}
	must(t, unix.Mount(filepath.Join(path, "etc/environment"), "/etc/environment", "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount("/etc/environment", unix.MNT_DETACH)) })
	cmd := exec.Command("su", "-s", "/bin/sh", "-c", "env -0", "root")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	must(t, err)
	want := maps.Clone(awkward)
	delete(want, "EMPTY") // to PAM an empty value is none
	wantVariables(t, "su", out, want)
}

func TestEnvironmentReachesApt(t *testing.T) {
	r, path, root := full(t)
	set(t, r, root, map[string]string{"http_proxy": "http://[fe80::1%eth0]:3128", "HTTPS_PROXY": `http://u:"p\@h:1`})
	out, err := exec.Command("apt-config", "-c", filepath.Join(path, "etc/apt/apt.conf.d/90strake"), "dump").Output()
	must(t, err)
	for _, want := range []string{`Acquire::http::Proxy "http://[fe80::1%eth0]:3128";`, `Acquire::https::Proxy "http://u:%22p%5C@h:1";`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("apt does not know %s", want)
		}
	}
}

// TestEnvironmentForSystemd: the form that systemd 252 was seen to read back
// as it was meant.
func TestEnvironmentForSystemd(t *testing.T) {
	got, _ := renderSystemd("", map[string]string{"P": "100% %H", "Q": `it's "so" \ $HOME`, "E": "\x1b"})
	want := banner + "[Manager]\nDefaultEnvironment=\"P=100%% %%H\"\nDefaultEnvironment=\"Q=it's \\\"so\\\" \\\\ $HOME\"\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
