package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wished is what a text says of one container of the day.
type wished struct {
	mib, files int    // limits: one changes live, the other with a restart
	heal       bool   // drift is mended
	bad        bool   // it will not prove healthy
	was        string // it is renamed
}

// found is how a container is.
type found struct {
	up         bool
	mib, files int
	data       string // what was written into it, never by strake
}

// day is a repository, an agent that follows it, and what has to come of both.
type day struct {
	t     *testing.T
	w     world
	r     *rand.Rand
	agent *exec.Cmd
	text  map[string]wished
	past  []map[string]wished // texts of the commits before
	live  map[string]found
	next  int // a number that was not there yet
	kinds map[string]int
}

// dayTime is how long TestDay may go on, unless STRAKE_DAY says how many commits it has.
const dayTime = 30 * time.Second

// TestDay is a whole day in small: commits that are good, bad, broken, reverting,
// renaming, removing; changes by hand, crashes, the operator's own commands; kills of the agent and of
// passes, and reboots of the host. After each, what runs and the data in it are compared with a model.
// It goes on for as long as there is room for, or for STRAKE_DAY commits; STRAKE_SEED has it
// begin the very same once more.
func TestDay(t *testing.T) {
	seed := uint64(number(t, "STRAKE_SEED", time.Now().UnixNano()))
	count := int(number(t, "STRAKE_DAY", 0))
	t.Logf("STRAKE_SEED=%d", seed)
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	d := &day{t: t, w: w, r: rand.New(rand.NewPCG(seed, 1)), text: map[string]wished{}, live: map[string]found{}, next: 20, kinds: map[string]int{}}
	d.repository()
	for range 5 {
		d.text[d.name()] = d.good(true)
	}
	d.commit("begin", false)
	d.compare("at the beginning")
	d.start()
	t.Cleanup(d.kill)
	commits, begin := 0, time.Now()
	for ; (commits < count || count == 0 && time.Since(begin) < dayTime) && !t.Failed(); commits++ {
		d.once()
	}
	t.Logf("%d commits in %v: %v", commits, time.Since(begin).Round(time.Second), d.kinds)
	d.kill()
	for name := range d.live {
		d.must("destroy", "-y", "--force", "--purge", name)
	}
}

func (d *day) fresh() int { d.next++; return d.next }

func (d *day) name() string { return fmt.Sprintf("day%d", d.fresh()) }

// good is what no container was told before.
func (d *day) good(heal bool) wished {
	c := wished{mib: d.fresh(), files: 1000, heal: heal}
	if d.r.IntN(4) == 0 {
		c.files += c.mib
	}
	return c
}

func (d *day) must(args ...string) {
	d.t.Helper()
	if r := d.w.strake(nil, args...); r.code != 0 {
		d.t.Fatalf("strake %v: exit %d\n%s", args, r.code, r.out)
	}
}

func (d *day) git(args ...string) {
	d.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = filepath.Join(d.w.dir, "near")
	cmd.Env = append(os.Environ(), "HOME="+d.w.dir, "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (d *day) repository() {
	d.t.Helper()
	far := filepath.Join(d.w.dir, "far.git")
	if err := os.Mkdir(filepath.Join(d.w.dir, "near"), 0o755); err != nil {
		d.t.Fatal(err)
	}
	d.git("init", "-q", "--bare", "-b", "main", far)
	d.git("init", "-q", "-b", "main", ".")
	d.git("config", "user.name", "Ann")
	d.git("config", "user.email", "ann@example.org")
	d.git("remote", "add", "origin", far)
	conf := fmt.Sprintf("git \"day\" {\n  url   = \"file://%s\"\n  poll  = \"5s\"\n  prune = true\n}\n", far)
	if err := os.WriteFile(filepath.Join(d.w.dir, "agent.hcl"), []byte(conf), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// start begins the agent in the world; nsenter becomes it.
func (d *day) start() {
	d.t.Helper()
	d.agent = d.w.command(d.w.self, "agent", "--config", "agent.hcl")
	d.agent.Env = append(append(os.Environ(), d.w.env...), hostPID+"=")
	if err := d.agent.Start(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *day) kill() {
	if d.agent.ProcessState == nil {
		d.agent.Process.Signal(syscall.SIGKILL)
		d.agent.Wait()
	}
}

// neverWell is a health block that never holds.
const neverWell = `  health {
    interval    = "100ms"
    failures    = 1
    min_healthy = "100ms"
    deadline    = "2s"

    check "exec" {
      command = ["false"]
    }
  }
`

// words are the text as HCL.
func words(text map[string]wished) string {
	var b strings.Builder
	b.WriteString("network \"n\" {\n  bridge = \"st-day\"\n  ipv4   = \"10.79.0.1/16\"\n}\n")
	for _, name := range slices.Sorted(maps.Keys(text)) {
		c := text[name]
		fmt.Fprintf(&b, "container %q {\n  autostart = true\n  raw = { \"lxc.prlimit.nofile\" = \"%d\" }\n  nic \"eth0\" { network = network.n }\n", name, c.files)
		fmt.Fprintf(&b, "  limits {\n    memory = \"%dMiB\"\n  }\n", c.mib)
		if c.heal {
			b.WriteString("  lifecycle { drift = \"strict\" }\n")
		}
		if c.bad {
			b.WriteString(neverWell)
		}
		b.WriteString("}\n")
		if c.was != "" {
			fmt.Fprintf(&b, "moved {\n  from = container.%s\n  to   = container.%s\n}\n", c.was, name)
		}
	}
	return b.String()
}

// once is one commit, and what may happen before it.
func (d *day) once() {
	d.t.Helper()
	before := maps.Clone(d.text)
	for name, c := range d.text {
		c.was = ""
		d.text[name] = c
	}
	names := slices.Sorted(maps.Keys(d.text))
	name := names[d.r.IntN(len(names))]
	d.write(name)
	kind := "good"
	switch n := d.r.IntN(24); {
	case n < 7:
		d.text[name] = d.good(d.text[name].heal)
	case n < 9:
		kind = "unhealthy"
		c := d.good(d.text[name].heal)
		c.bad = true
		d.text[name] = c
	case n < 11:
		kind = "broken"
		d.broken()
	case n < 14 && len(d.past) > 0:
		kind = "reverting"
		d.text = maps.Clone(d.past[max(0, len(d.past)-1-d.r.IntN(3))])
		for name, c := range d.text {
			c.was = ""
			d.text[name] = c
		}
	case n < 16:
		kind = "renaming"
		if c := d.text[name]; d.live[name].up && !c.bad {
			c.was = name
			delete(d.text, name)
			d.text[d.name()] = c
		}
	case n < 17 && len(d.text) > 4:
		kind = "removing"
		delete(d.text, name)
	case n < 18 && len(d.text) < 7:
		kind = "adding"
		c := d.good(d.r.IntN(2) == 0)
		c.bad = d.r.IntN(3) == 0
		d.text[d.name()] = c
	case n < 19:
		kind = "by hand"
		d.byHand(name)
	case n < 20:
		kind = "crash"
		d.crash(name)
	case n < 21:
		kind = "stopped"
		d.stopped(name)
	case n < 22:
		kind = "agent killed"
		d.kill()
		d.start()
		d.text[name] = d.good(d.text[name].heal)
	default:
		kind = "reboot"
		d.reboot()
		d.text[name] = d.good(d.text[name].heal)
	}
	d.kinds[kind]++
	d.past = append(d.past, before)
	d.commit(kind, d.r.IntN(6) == 0)
	d.compare(kind)
}

// commit commits the text, and has it synced as a post-receive hook has. Some of
// those are killed on the way, and come again; the agent looks whenever it likes.
func (d *day) commit(kind string, cut bool) {
	d.t.Helper()
	d.push(words(d.text), kind)
	refused := d.fulfil()
	if cut {
		at := fmt.Sprintf("STRAKE_CRASH_AT=%d", 1+d.r.IntN(20))
		r := d.w.strake([]string{at}, "sync", "--config", "agent.hcl")
		d.t.Logf("%s, %s: exit %d\n%s", kind, at, r.code, r.out)
	}
	r := d.w.strake(nil, "sync", "--config", "agent.hcl")
	d.t.Logf("%s: exit %d\n%s", kind, r.code, r.out)
	if ok := r.code == 0 || r.code == 4 || r.code == 8 && refused; !ok {
		d.t.Errorf("%s: sync: exit %d\n%s", kind, r.code, r.out)
	}
}

func (d *day) push(text, why string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.w.dir, "near", "day.hcl"), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	d.git("add", "-A")
	d.git("commit", "-q", "--allow-empty", "-m", why)
	d.git("push", "-q", "origin", "main")
}

// broken is a commit that can't be used, and changes nothing.
func (d *day) broken() {
	d.t.Helper()
	d.push(words(d.text)+"container \"half", "broken")
	if r := d.w.strake(nil, "sync", "--config", "agent.hcl"); r.code != 3 {
		d.t.Errorf("a text that can't be used: exit %d\n%s", r.code, r.out)
	}
	d.compare("a text that can't be used")
}

// fulfil is the model: what has to come of the text, and whether it is refused.
func (d *day) fulfil() (refused bool) {
	live := maps.Clone(d.live)
	for name, c := range d.text {
		if _, there := live[c.was]; c.was != "" && there {
			live[name] = live[c.was]
			delete(live, c.was)
		}
	}
	members, gone := len(live), 0
	for name := range live {
		if _, stays := d.text[name]; !stays {
			gone++
			delete(live, name)
		}
	}
	if gone > 1 && gone*4 > members {
		return true
	}
	for name, c := range d.text {
		if is := live[name]; !c.bad {
			live[name] = found{true, c.mib, c.files, is.data}
		} else if !is.up {
			live[name] = found{} // there was nothing to go back to: it is kept, and down
		}
	}
	d.live = live
	return false
}

// write adds to the data of a container.
func (d *day) write(name string) {
	d.t.Helper()
	is := d.live[name]
	if !is.up {
		return
	}
	is.data += fmt.Sprintln(d.fresh())
	d.live[name] = is
	if err := os.WriteFile(filepath.Join("/proc", inits(name), "root", "data"), []byte(is.data), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// byHand changes a limit behind strake's back: a pass leaves that alone, until
// the text says something new. (Where drift is healed, a look of the agent would do so within a minute.)
func (d *day) byHand(name string) {
	d.t.Helper()
	c := d.text[name]
	if !d.live[name].up || c.bad || c.heal {
		return
	}
	if err := os.WriteFile(limit(name), []byte(strconv.Itoa(18<<20)), 0o644); err != nil {
		d.t.Fatal(err)
	}
	d.w.strake(nil, "sync", "--config", "agent.hcl")
	if have := look(name).mib; have != 18 {
		d.t.Errorf("%s was changed by hand to 18 MiB, and has %d after a pass", name, have)
	}
	d.text[name] = d.good(false)
}

// crash kills what runs: the agent brings it up by its policy, else the next text does.
func (d *day) crash(name string) {
	d.t.Helper()
	if !d.live[name].up {
		return
	}
	d.w.command("lxc-stop", "-k", "-P", filepath.Join(d.w.dir, "lxc"), "-n", name).Run()
	if c := d.text[name]; !c.heal {
		d.text[name] = d.good(false)
		return
	}
	for end := time.Now().Add(time.Minute); !look(name).up; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("%s crashed, and is not up after a minute\n%s", name, d.w.strake(nil, "status").out)
		}
	}
}

// stopped is the operator's word, which outlives commits.
func (d *day) stopped(name string) {
	d.t.Helper()
	if is := d.live[name]; !is.up || d.text[name].bad {
		return
	}
	d.must("stop", "--timeout", "0s", name)
	d.text[name] = d.good(d.text[name].heal)
	d.commit("while it is stopped", false)
	if look(name).up {
		d.t.Errorf("%s was stopped by its operator, and runs", name)
	}
	d.must("start", name)
	d.compare("started again")
}

// reboot takes away what no reboot leaves, and has the boot bring the containers
// back: strake's own, or that of LXC.
func (d *day) reboot() {
	d.t.Helper()
	d.kill()
	for name := range d.live {
		d.w.command("lxc-stop", "-k", "-P", filepath.Join(d.w.dir, "lxc"), "-n", name).Run()
	}
	for _, at := range d.w.mounts() {
		d.w.command("umount", "--lazy", at).Run()
	}
	d.w.command("nft", "flush", "ruleset").Run()
	d.w.command("ip", "link", "del", "st-day").Run()
	line := []string{d.w.self, "boot"}
	failed := slices.ContainsFunc(slices.Collect(maps.Values(d.live)), func(is found) bool { return !is.up })
	if d.r.IntN(2) == 0 && !failed { // LXC brings up what failed, too
		line = []string{"lxc-autostart", "-P", filepath.Join(d.w.dir, "lxc")}
	}
	cmd := d.w.command(line...)
	cmd.Env = append(append(os.Environ(), d.w.env...), hostPID+"=")
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Errorf("%v: %v\n%s", line, err, out)
	}
	d.compare("after " + line[0])
	if list := d.w.open(d.t); len(list) > 0 {
		d.t.Errorf("after %s nothing holds %v", line[0], list)
	}
	d.start()
}

// folder is the one of a running container's cgroups that has the file; "" for none.
func folder(name, file string) string {
	for _, dir := range cgroups(name) {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err == nil && len(text) > 0 && !strings.Contains(dir, "monitor") && exists(filepath.Join(dir, file)) {
			return dir
		}
	}
	return ""
}

// limit is the file of a running container's memory limit.
func limit(name string) string {
	for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
		if dir := folder(name, file); dir != "" {
			return filepath.Join(dir, file)
		}
	}
	return ""
}

// inits is the pid of a container's init.
func inits(name string) string {
	list, _ := os.ReadFile(filepath.Join(folder(name, "cgroup.procs"), "cgroup.procs"))
	for _, pid := range strings.Fields(string(list)) {
		status, _ := os.ReadFile(filepath.Join("/proc", pid, "status"))
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); f[0] == "NSpid:" && f[len(f)-1] == "1" {
				return pid
			}
		}
	}
	return ""
}

// look is how a container is, as the kernel says.
func look(name string) (is found) {
	pid := inits(name)
	if pid == "" {
		return is
	}
	is.up = true
	text, _ := os.ReadFile(limit(name))
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	is.mib = n >> 20
	text, _ = os.ReadFile(filepath.Join("/proc", pid, "limits"))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			is.files, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	text, _ = os.ReadFile(filepath.Join("/proc", pid, "root", "data"))
	is.data = string(text)
	return is
}

func (d *day) compare(when string) {
	d.t.Helper()
	entries, err := os.ReadDir(filepath.Join(d.w.dir, "state", "containers"))
	if err != nil {
		d.t.Fatal(err)
	}
	have := map[string]found{}
	for _, e := range entries {
		have[e.Name()] = look(e.Name())
	}
	if maps.Equal(have, d.live) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(d.live)) {
		if is, there := have[name]; !there || is != d.live[name] {
			d.t.Errorf("%s: %s is %+v, it should be %+v", when, name, is, d.live[name])
		}
		delete(have, name)
	}
	for name, is := range have {
		d.t.Errorf("%s: %s is %+v, it should not be there", when, name, is)
	}
	d.t.Log(d.w.strake(nil, "status").out)
	d.t.Log(d.w.strake(nil, "events", "--json", "--since", "20s").out)
}
