package adopt

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"strake/spec"
)

var (
	hostForm     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`) })
	variableForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })
	groupForm    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]+$`) })
)

func (r *reader) hostname() error {
	if name := r.last("lxc.uts.name"); !r.raw[Hostname] && hostForm().MatchString(name) {
		r.found.Container.Hostname = name
		r.take("lxc.uts.name")
	}
	return nil
}

// autostart is a setting where LXC starts the container at boot. Else its
// order, delay and groups mean nothing by themselves and stay raw.
func (r *reader) autostart() error {
	if r.last("lxc.start.auto") == "0" {
		r.take("lxc.start.auto")
	}
	if r.raw[Autostart] || r.last("lxc.start.auto") != "1" {
		return nil
	}
	order, ok1 := number(r.last("lxc.start.order"))
	delay, ok2 := number(r.last("lxc.start.delay"))
	groups := r.all("lxc.group")
	if !ok1 || !ok2 || order > math.MaxInt32 || delay > math.MaxInt32 || len(groups) > 1 || len(groups) == 1 && !groupForm().MatchString(groups[0]) {
		return nil
	}
	on := true
	r.found.Container.Autostart = spec.Autostart{Enabled: &on, Order: int(order), Delay: time.Duration(delay) * time.Second, Group: r.last("lxc.group")}
	r.take("lxc.start.auto", "lxc.start.order", "lxc.start.delay", "lxc.group")
	return nil
}

// number reads a count; nothing is 0.
func number(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

// environment becomes variables where each is one. A name without a value is
// taken from the host at each start, and no setting can say that.
func (r *reader) environment() error {
	list := r.all("lxc.environment")
	if r.raw[Environment] || len(list) == 0 {
		return nil
	}
	env := map[string]string{}
	for _, line := range list {
		name, value, ok := strings.Cut(line, "=")
		if _, twice := env[name]; !ok || twice || !variableForm().MatchString(name) {
			return nil
		}
		env[name] = value
	}
	r.found.Container.Environment = env
	r.take("lxc.environment")
	return nil
}

// either is the one of two keys that is there, once; "" where not exactly one.
func (r *reader) either(a, b string) (value string) {
	list := append(append([]string{}, r.all(a)...), r.all(b)...)
	if len(list) != 1 {
		return ""
	}
	return list[0]
}

func (r *reader) memory() error {
	n, ok := bytes(r.either("lxc.cgroup2.memory.max", "lxc.cgroup.memory.limit_in_bytes"))
	if !r.raw[Memory] && ok && n >= 4<<20 {
		r.found.Container.Limits.Memory = n
		r.take(groupKeys(Memory)...)
	}
	return nil
}

// bytes reads a size as the kernel's memparse does: powers of 1024.
func bytes(text string) (int64, bool) {
	if text == "" {
		return 0, false
	}
	shift := 10 * (strings.Index("kmgt", strings.ToLower(text[len(text)-1:])) + 1)
	if shift > 0 {
		text = text[:len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n << shift, err == nil && n > 0 && n <= math.MaxInt64>>shift
}

const period = 100_000 // microseconds, in which strake counts CPU time

func (r *reader) cpu() error {
	milli, ok := cores(r.last("lxc.cgroup2.cpu.max"), r.last("lxc.cgroup.cpu.cfs_quota_us"), r.last("lxc.cgroup.cpu.cfs_period_us"))
	if !r.raw[CPU] && ok && milli >= 10 && milli <= 8192_000 {
		r.found.Container.Limits.CPUs = float64(milli) / 1000
		r.take(groupKeys(CPU)...)
	}
	return nil
}

// cores reads the two forms of a CPU limit, where only one is there.
func cores(v2, quota, length string) (int64, bool) {
	words := strings.Fields(v2)
	if v2 == "" {
		words = []string{quota, length}
	} else if quota != "" || length != "" {
		return 0, false
	}
	if len(words) < 2 {
		words = append(words, strconv.Itoa(period))
	}
	q, ok1 := number(words[0])
	p, ok2 := number(words[1])
	if !ok1 || !ok2 || p != period || q == 0 || q > math.MaxInt32 || q*1000%period != 0 {
		return 0, false
	}
	return q * 1000 / period, true
}

func (r *reader) processes() error {
	n, ok := number(r.either("lxc.cgroup2.pids.max", "lxc.cgroup.pids.max"))
	if !r.raw[Processes] && ok && n > 0 && n <= 1<<22 {
		r.found.Container.Limits.Processes = n
		r.take(groupKeys(Processes)...)
	}
	return nil
}
