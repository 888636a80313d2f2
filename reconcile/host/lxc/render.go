package lxc

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"strake/reconcile/host/lxc/conf"
	"strake/reconcile/resource"
)

// Environment is what a rendered configuration needs to know of the host and
// of the place where the container lives.
type Environment struct {
	CgroupV2 bool   // controllers are in cgroup2 alone; else v1 or hybrid
	Swap     bool   // memory cgroups count swap
	AppArmor bool   // the kernel has it enabled
	Seccomp  string // path of a profile, "": none
	Arch     string // "x86_64", as lxc.arch takes it; "": the host's

	RootFS     string          // required: where the root filesystem is mounted
	Hook       []string        // absolute command of strake's hooks; liblxc adds: NAME lxc pre-start
	Late       string          // path of a file that is there when a start has something to bring that liblxc can't make
	LogFile    string          // errors of starts by others (lxc-start, reboots); "": none
	ConsoleLog string          // what the container prints on its console; "": not kept
	Files      map[string]bool // sources of mounts that are files, not folders

	// Staged says where the sources of read-only mounts and of volumes are
	// made ready, by target; where it says nothing, the source itself is bound.
	Staged map[string]string
}

// ErrLineBreak: a value can't be written into an LXC configuration, where a
// line is a setting.
var ErrLineBreak = errors.New("a line break can't be written into an LXC configuration")

// text gathers "key = value" lines and the first thing that is wrong with one.
type text struct {
	strings.Builder
	err error
}

func (t *text) set(key, value string) {
	if strings.ContainsAny(key+value, "\n\r\x00") && t.err == nil {
		t.err = fmt.Errorf("%s: %w", key, ErrLineBreak)
	}
	fmt.Fprintf(t, "%s = %s\n", key, quote(value))
}

func (t *text) number(key string, n int64) { t.set(key, strconv.FormatInt(n, 10)) }

func (t *text) optional(key, value string) {
	if value != "" {
		t.set(key, value)
	}
}

// quote protects what liblxc would strip from a value: blanks at its ends, or
// quotes around all of it.
func quote(value string) string {
	if value != strings.TrimSpace(value) || conf.Unquote(value) != value {
		return `"` + value + `"`
	}
	return value
}

// unlessReady is true when strake itself starts the container and has made
// everything ready before: bringing up a program for nothing would be a tenth
// of a start. A reboot from inside runs the hook of the same monitor again,
// with the same environment, and that one has work to do.
const unlessReady = `-n "$STRAKE_LXC_READY" -a "$LXC_TARGET" != reboot`

// Render is the LXC configuration of a container. It includes nothing:
// LXC's own common.conf brings a hook that sleeps half a second at every stop.
func Render(c resource.Container, e Environment) (string, error) {
	var t text
	if c.Image.Adopted() {
		t.adopted(c, e)
		return t.done(c)
	}
	t.base(c, e)
	t.confine(c, e)
	t.limits(c.Limits, e)
	t.network(c.NICs)
	t.mounts(c.Mounts, e)
	t.autostart(c.Autostart)
	t.init(c)
	t.environment(c.Environment)
	t.raw(c.Raw)
	return t.done(c)
}

func (t *text) done(c resource.Container) (string, error) {
	if t.err != nil {
		return "", fmt.Errorf("render %s: %w", c.Name, t.err)
	}
	return t.String(), nil
}

func (t *text) environment(env map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(env)) {
		t.set("lxc.environment", key+"="+env[key])
	}
}

func (t *text) base(c resource.Container, e Environment) {
	t.set("lxc.uts.name", c.Hostname)
	t.optional("lxc.arch", e.Arch)
	t.set("lxc.rootfs.path", "dir:"+e.RootFS)
	t.hook(e)
	t.leave(c, e)
	t.late(c, e)
	t.set("lxc.mount.auto", "cgroup:mixed proc:mixed sys:mixed")
	t.set("lxc.pty.max", "1024")
	t.set("lxc.tty.max", "1")
	t.optional("lxc.signal.halt", c.Image.Halt)
	if e.LogFile != "" {
		t.set("lxc.log.file", e.LogFile)
		t.set("lxc.log.level", "ERROR")
	}
	if e.ConsoleLog != "" {
		t.set("lxc.console.logfile", e.ConsoleLog)
		t.set("lxc.console.size", "1MB") // or the container fills the host's disk
		t.set("lxc.console.rotate", "1")
	}
}

func (t *text) hook(e Environment) {
	if len(e.Hook) > 0 {
		t.set("lxc.hook.pre-start", unless(unlessReady, e.Hook))
	}
}

// unless is a hook that comes down to a test of the shell where that is true.
// liblxc has /bin/sh run "exec LINE". An exec of a redirection alone runs
// nothing, so the shell goes on by itself; a second one would take a
// millisecond of every start. helper.c knows strake's hooks by how they begin.
func unless(test string, hook []string) string {
	return "</dev/null; test " + test + " || exec " + shell(hook)
}

// unmounted takes a root filesystem away that is mounted, and is content with
// one that is not. A copy of the container has the same hook, and none of the
// original's: liblxc says who is destroyed.
const unmounted = `test "$2" != "$1" || umount -l -R "$0" 2>/dev/null || :`

// copied fails where lxc-copy has copied the empty folder that a root
// filesystem is mounted on, after a boot: it says nothing itself.
const copied = `test "$LXC_SRC_NAME" != "$1" || test -n "$(ls -A "$0" 2>/dev/null)" || { echo "the root filesystem of $1 is not mounted: start it first"; exit 1; }`

// leave has LXC's own tools find what they need: lxc-destroy the bare folder,
// since it would empty the mount through to the writable layer, and then fail
// on the folder; lxc-copy the mount.
func (t *text) leave(c resource.Container, e Environment) {
	if len(e.Hook) > 0 {
		t.set("lxc.hook.destroy", shell([]string{"/bin/sh", "-c", unmounted, e.RootFS, c.Name}))
		t.set("lxc.hook.clone", shell([]string{"/bin/sh", "-c", copied, e.RootFS, c.Name}))
	}
}

// late is a hook that runs when the container is made and its init is not: it
// brings secrets and the rest of interfaces, and has IPv6 addresses work at once. Every container has it:
// liblxc keeps the hooks that it has read over a reboot from inside, and the
// first secret may come to one that runs. The addresses alone helper.c sees to
// by itself, told by unlessReady.
func (t *text) late(c resource.Container, e Environment) {
	if len(e.Hook) == 0 {
		return
	}
	test := "! -e " + shell([]string{e.Late})
	if c.Apart() {
		test += " -a " + unlessReady
	}
	t.set("lxc.hook.start-host", unless(test, e.Hook))
}

// confine separates the container from the host.
func (t *text) confine(c resource.Container, e Environment) {
	t.optional("lxc.seccomp.profile", e.Seccomp)
	t.set("lxc.apparmor.profile", appArmor(e))
	t.devices(e)
	if c.IDMap.Privileged {
		// Without a user namespace these are the host's own capabilities.
		t.set("lxc.cap.drop", "mac_admin mac_override sys_time sys_module sys_rawio")
		return
	}
	// In a user namespace these have no power, but systemd takes them for a
	// sign that debugfs can be mounted and the clock be set, and fails.
	t.set("lxc.cap.drop", "sys_time sys_module sys_rawio")
	t.idmap(c.IDMap)
	if e.AppArmor {
		// From version 254 on systemd makes mounts of its own for nearly each unit,
		// its journal's too. What they show is bounded by the user namespace.
		t.set("lxc.apparmor.allow_nesting", "1")
	}
}

func (t *text) idmap(m resource.IDMap) {
	for _, kind := range []string{"u", "g"} {
		t.set("lxc.idmap", fmt.Sprintf("%s 0 %d %d", kind, m.Base, m.Size))
	}
}

func appArmor(e Environment) string {
	if e.AppArmor {
		return "generated"
	}
	return "unconfined"
}

// devices are those of LXC's own templates: any node may be made, few opened.
func (t *text) devices(e Environment) {
	t.set(e.group("devices.deny"), "a")
	for _, rule := range []string{
		"c *:* m", "b *:* m",
		"c 1:3 rwm",    // null
		"c 1:5 rwm",    // zero
		"c 1:7 rwm",    // full
		"c 1:8 rwm",    // random
		"c 1:9 rwm",    // urandom
		"c 5:0 rwm",    // tty
		"c 5:1 rwm",    // console
		"c 5:2 rwm",    // ptmx
		"c 136:* rwm",  // pts
		"c 10:229 rwm", // fuse
	} {
		t.set(e.group("devices.allow"), rule)
	}
}

// group is the LXC key of a cgroup file.
func (e Environment) group(file string) string {
	if e.CgroupV2 {
		return "lxc.cgroup2." + file
	}
	return "lxc.cgroup." + file
}

func (t *text) limits(l resource.Limits, e Environment) {
	if l.Memory != 0 {
		t.memory(l.Memory, e)
	}
	if l.CPU != 0 && e.CgroupV2 {
		t.set(e.group("cpu.max"), cpuMax(l.CPU))
	}
	if l.CPU != 0 && !e.CgroupV2 {
		t.number(e.group("cpu.cfs_period_us"), period)
		t.number(e.group("cpu.cfs_quota_us"), quota(l.CPU))
	}
	if l.Processes != 0 {
		t.number(e.group("pids.max"), l.Processes)
	}
}

// memory bounds memory and swap together, as a live change does.
func (t *text) memory(n int64, e Environment) {
	switch {
	case e.CgroupV2:
		t.number(e.group("memory.max"), n)
		if e.Swap {
			t.number(e.group("memory.swap.max"), 0)
		}
	default:
		t.number(e.group("memory.limit_in_bytes"), n)
		if e.Swap {
			t.number(e.group("memory.memsw.limit_in_bytes"), n)
		}
	}
}

func (t *text) autostart(a resource.Autostart) {
	if !a.Enabled {
		return
	}
	t.set("lxc.start.auto", "1")
	if a.Order != 0 {
		t.number("lxc.start.order", int64(a.Order))
	}
	if a.Delay != 0 {
		t.number("lxc.start.delay", int64(a.Delay))
	}
	t.optional("lxc.group", a.Group)
}

// raw comes last, so that it wins. Each line of a value is a setting.
func (t *text) raw(raw map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if strings.ContainsAny(key, "= \t#") && t.err == nil {
			t.err = fmt.Errorf("%q is no LXC key", key)
		}
		for value := range strings.SplitSeq(strings.TrimSuffix(raw[key], "\n"), "\n") {
			t.set(key, value)
		}
	}
}

// shell quotes a command for the shell that liblxc gives hooks to, with "exec"
// in front and its own arguments behind.
func shell(args []string) string {
	var words []string
	for _, arg := range args {
		if arg == "" || strings.Trim(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:,@=") != "" {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
