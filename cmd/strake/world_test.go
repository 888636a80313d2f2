package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world is a host of its own as far as strake can tell: folders, mounts,
// account files, network, firewall. Only the kernel and its cgroups are shared.
type world struct {
	dir    string // everything is below it
	pid    int    // of the process that holds the namespaces
	self   string // the program
	env    []string
	holder *exec.Cmd
}

// hold makes the mounts of a world. liblxc looks for bridges in /sys, which
// shows the network namespace that it was mounted in. The ids are the same in
// all worlds, whatever the host's root and the host's own containers have.
const hold = `set -e
mkdir "$1/cgroup"
mount --rbind /sys/fs/cgroup "$1/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$1/cgroup" /sys/fs/cgroup
umount --lazy --recursive "$1/cgroup"
for f in subuid subgid; do
	echo root:100000:1000000000 >"$1/$f"
	mount --bind "$1/$f" /etc/$f
done
for d in /var/lib/lxc /var/log/lxd /var/snap/lxd/common/lxd/logs /var/log/incus /run/incus; do
	[ ! -d $d ] || mount -t tmpfs none $d
done
ip link set lo up
echo ready
exec sleep 100000`

// newWorld makes one below dir, which exists.
func newWorld(dir string) (world, error) {
	w := world{dir: dir, self: tools.program()}
	if err := makeTools(); err != nil {
		return w, err
	}
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) { // containers' root passes through
		if err := os.Chmod(d, 0o755); err != nil {
			return w, err
		}
	}
	for _, sub := range []string{"lxc", "state"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o711); err != nil {
			return w, err
		}
	}
	w.holder = exec.Command("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", hold, "sh", dir)
	w.holder.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	w.holder.Stderr = os.Stderr
	out, err := w.holder.StdoutPipe()
	if err != nil {
		return w, err
	}
	if err := w.holder.Start(); err != nil {
		return w, fmt.Errorf("make namespaces (needs root): %w", err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return w, fmt.Errorf("make namespaces (needs root): %w", err)
	}
	w.pid = w.holder.Process.Pid
	goes, err := exec.LookPath("go")
	if err != nil {
		return w, err
	}
	w.env = []string{
		"PATH=" + tools.doors() + ":" + system + ":" + filepath.Dir(goes), "STRAKE_TEST_PROGRAM=" + w.self,
		fmt.Sprintf("%s=%d", hostPID, w.pid),
		"STRAKE_STATE_DIR=" + filepath.Join(dir, "state"),
		"STRAKE_LXC_PATH=" + filepath.Join(dir, "lxc"),
		"STRAKE_TESTING=1", "SUDO_USER=", "USER=root", "STRAKE_NO_IDMAP=" + os.Getenv("STRAKE_NO_IDMAP"),
	}
	return w, nil
}

// system is where the machine's own programs are, and no stand-in of somebody's
// shell for them: a version manager's takes half a second to find a program.
const system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// enter is the command line that runs a command in the world.
func (w world) enter(args ...string) []string {
	return append([]string{filepath.Join(tools.doors(), "enter"), fmt.Sprint(w.pid), w.dir}, args...)
}

func (w world) command(args ...string) *exec.Cmd {
	line := w.enter(args...)
	return exec.Command(line[0], line[1:]...)
}

// end stops whatever was left running. What was left mounted goes with the
// namespace.
func (w world) end() {
	list, _ := w.command("ls", filepath.Join(w.dir, "lxc")).Output() // something may be mounted there
	for _, name := range strings.Fields(string(list)) {
		w.command("lxc-stop", "-k", "-P", filepath.Join(w.dir, "lxc"), "-n", name).Run()
	}
	for _, at := range w.mounts() {
		w.command("umount", "--lazy", at).Run()
	}
	for _, pid := range w.inhabitants() { // monitors, servants, and what a script that failed had begun
		syscall.Kill(pid, syscall.SIGKILL)
	}
	syscall.Kill(-w.pid, syscall.SIGKILL)
	w.holder.Wait()
}

// mounts lists what strake has mounted, the innermost first.
func (w world) mounts() []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", w.pid))
	lines := strings.Split(string(text), "\n")
	var list []string
	for i := len(lines) - 1; i >= 0; i-- {
		if f := strings.Fields(lines[i]); len(f) > 1 && strings.HasPrefix(f[1], filepath.Join(w.dir, "state")+"/") {
			list = append(list, f[1])
		}
	}
	return list
}

// open lists the ports of bridges whose senders the firewall does not hold to
// their addresses. A filter stands before its interface exists, so there is none at
// any moment, and whether strake runs or not.
func (w world) open(t *testing.T) (list []string) {
	t.Helper()
	out, err := w.command("ip", "-j", "link", "show", "type", "veth").Output()
	if err != nil {
		t.Fatal(err)
	}
	var links []struct{ Ifname string }
	if text := bytes.TrimSpace(out); len(text) > 0 {
		if err := json.Unmarshal(text, &links); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	rules, err := w.command("nft", "list", "ruleset").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		sender := regexp.MustCompile(`"` + l.Ifname + `"( comment "[^"]*")? : goto sender`)
		if !sender.Match(rules) && !held(rules, l.Ifname) {
			list = append(list, l.Ifname)
		}
	}
	return list
}

// held says whether rules hold a routed device to what the host routes to it.
func held(rules []byte, device string) bool {
	return !slices.ContainsFunc([]string{"routed", "rheld", "aheld"}, func(set string) bool {
		return !regexp.MustCompile(`set ` + set + ` \{[^}]*"` + device + `"`).Match(rules)
	})
}

// servants are the processes, of all on the machine, that serve this world, a
// script's own included.
func (w world) servants() (list []int) {
	return append(processes("--pid-file="+w.dir+"/"), processes(w.dir+"/lxc\x00egress\x00serve")...)
}

// inhabitants are the processes that see its mounts.
func (w world) inhabitants() (list []int) {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", w.pid))
	if err != nil {
		return nil
	}
	all, _ := filepath.Glob("/proc/[0-9]*/ns/mnt")
	for _, file := range all {
		space, err := os.Readlink(file)
		pid, err2 := strconv.Atoi(strings.Split(file, "/")[2])
		if err == nil && err2 == nil && space == own && pid != w.pid {
			list = append(list, pid)
		}
	}
	return list
}

// processes are those whose command line has the words, of all on the machine.
func processes(words string) (list []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		line, _ := os.ReadFile(file)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && bytes.Contains(line, []byte(words)) {
			list = append(list, pid)
		}
	}
	return list
}

// left says what of strake is left: an interface, table, mount, container.
func (w world) left() error {
	var errs []error
	links, err := w.command("ip", "-o", "link").Output()
	if n := bytes.Count(links, []byte("\n")); err != nil || n != 1 {
		errs = append(errs, fmt.Errorf("interfaces are left: %w\n%s", err, links))
	}
	tables, err := w.command("nft", "list", "tables").Output()
	if err != nil || len(tables) != 0 {
		errs = append(errs, fmt.Errorf("tables are left: %w\n%s", err, tables))
	}
	pids := w.servants()
	for deadline := time.Now().Add(20 * time.Second); len(pids) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond) // the proxy waits a moment for another container
		pids = slices.DeleteFunc(pids, func(pid int) bool { return syscall.Kill(pid, 0) != nil })
	}
	if len(pids) > 0 {
		errs = append(errs, fmt.Errorf("servants are left: %v", pids))
	}
	if m := w.mounts(); len(m) > 0 {
		errs = append(errs, fmt.Errorf("mounts are left: %v", m))
	}
	for _, dir := range []string{"lxc", "state/containers"} {
		entries, err := os.ReadDir(filepath.Join(w.dir, dir))
		if len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("%s still has %v: %w", dir, entries, err))
		}
	}
	return errors.Join(errs...)
}

// cgroups lists those of a container whose name no other test uses, as all
// worlds share them.
func cgroups(name string) (list []string) {
	for _, pattern := range []string{"lxc.*." + name, "lxc.*." + name + "-*"} {
		for _, top := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
			found, _ := filepath.Glob(filepath.Join(top, pattern))
			list = append(list, found...)
		}
	}
	return list
}

// moreCgroups lists those that were not there before: a run of the tests that
// was killed may have left some. A monitor takes a moment to remove its own.
func moreCgroups(name string, before []string) (list []string) {
	for range 100 {
		list = slices.DeleteFunc(cgroups(name), func(dir string) bool { return slices.Contains(before, dir) })
		if len(list) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return list
}

// result is how a command ended.
type result struct {
	out    string // both streams
	code   int
	killed bool
}

// strake runs the program with more of an environment.
func (w world) strake(env []string, args ...string) result {
	cmd := w.command(append([]string{w.self}, args...)...)
	cmd.Env = append(append(append(os.Environ(), w.env...), env...), hostPID+"=")
	out, err := cmd.CombinedOutput()
	r := result{out: string(out), code: cmd.ProcessState.ExitCode()}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && err != nil {
		r.killed = status.Signaled()
	}
	return r
}
