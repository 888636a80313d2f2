package spec

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *checker) allContainers() {
	first := make(map[string]*Container, len(c.stack.Containers))
	images := make(map[*Image]bool) // those without a block, already seen
	for i := range c.stack.Containers {
		o := &c.stack.Containers[i]
		c.name("", o.Pos, "container", o.Name)
		if other := first[o.Name]; other != nil {
			c.wrong(o, "", "there are two of that name", "The other one is at "+other.Pos.String()+". Names are unique in a stack, also those made by for_each.")
			continue
		}
		first[o.Name] = o
		if o.Image != nil && o.Image.Name == "" && !images[o.Image] {
			images[o.Image] = true
			plain := *o.Image
			plain.Pos = o.place("image.source")
			c.image(&plain)
		}
		c.container(o)
	}
}

func (c *checker) container(o *Container) {
	c.hostname(o)
	c.autostart(o)
	c.idmap(o)
	c.limits(o)
	for i := range o.NICs {
		c.nic(o, &o.NICs[i])
	}
	c.environment(o)
	c.hidden(o)
	c.proxy(o)
	c.mounts(o)
	c.files(o)
	c.system(o)
	c.build(o)
	c.rootfs(o)
	c.egressOf(o)
	c.health(o)
	c.update(o)
	c.secretFiles(o)
	c.raw(o)
	c.lifecycle(o)
}

func (c *checker) hostname(o *Container) {
	if o.Hostname == "" && !o.said("hostname") {
		return
	}
	if why := hostnameFault(o.Hostname); why != "" {
		c.wrong(o, "hostname", "hostname "+quote(o.Hostname)+" "+why, "A host name has letters, digits, inner hyphens and dots, at most 63 bytes.")
	}
}

func hostnameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > 63:
		return fmt.Sprintf("has %d bytes, the most is 63", len(name))
	}
	for _, label := range strings.Split(name, ".") {
		if why := nameFault(strings.ToLower(label)); why != "" {
			return why
		}
	}
	return ""
}

func (c *checker) autostart(o *Container) {
	a := o.Autostart
	if a.Delay < 0 || a.Delay%time.Second != 0 {
		c.wrong(o, "autostart.delay", "delay "+a.Delay.String()+" is not a whole number of seconds", `lxc-autostart counts in seconds: delay = "5s".`)
	}
	if a.Order < 0 || a.Order > 1<<30 {
		c.wrong(o, "autostart.order", fmt.Sprintf("order %d is out of range", a.Order), "Write a number from 0; the lowest starts first.")
	}
	if a.Group != "" && strings.ContainsFunc(a.Group, func(r rune) bool { return !interfaceLetter(r) }) {
		c.wrong(o, "autostart.group", "group "+quote(a.Group)+" is not a group name", "A group has letters, digits and the characters - _ . (no commas: one container has one group).")
	}
}

func (c *checker) idmap(o *Container) {
	if o.IDMap.Privileged && o.said("idmap.size") {
		c.wrong(o, "idmap.size", "size does not go with privileged", "A privileged container has the host's own ids. Leave size or privileged out.")
		return
	}
	if o.said("idmap.size") && o.IDMap.Size < 1000 {
		c.wrong(o, "idmap.size", fmt.Sprintf("size %d is too small", o.IDMap.Size), "A system needs its own users: at least 1000 ids; usual are 65536, so that nobody (65534) is one of them.")
	}
}

// Bounds of the limits. The kernel takes no CPU quota below a millisecond in
// the period of 100 ms that liblxc and strake use, and no pids.max above
// PID_MAX_LIMIT.
const (
	leastMemory   = 4 << 20
	leastCPUs     = 0.01
	mostCPUs      = 8192
	mostProcesses = 1 << 22
)

func (c *checker) limits(o *Container) {
	l := o.Limits
	if set := o.said("limits.memory") || l.Memory != 0; set && l.Memory < leastMemory {
		c.wrong(o, "limits.memory", fmt.Sprintf("memory of %d bytes is too small for a system", l.Memory), `The least is 4MiB. A bare number counts bytes: write a unit, such as "512MiB", or leave it out for no limit.`)
	}
	if set := o.said("limits.cpus") || l.CPUs != 0; set && !(l.CPUs >= leastCPUs && l.CPUs <= mostCPUs) {
		c.wrong(o, "limits.cpus", fmt.Sprintf("cpus %v is out of range", l.CPUs), "It counts cores: 0.5 is half a core, 2 are two. The least is 0.01. Leave it out for no limit.")
	}
	if set := o.said("limits.processes") || l.Processes != 0; set && (l.Processes < 1 || l.Processes > mostProcesses) {
		c.wrong(o, "limits.processes", fmt.Sprintf("processes %d is out of range", l.Processes), "It is between 1 and 4194304, threads included. Leave it out for no limit.")
	}
}

func (c *checker) lifecycle(o *Container) {
	words := Choices("container.lifecycle.drift")
	if why := wordFault(o.Drift, words); why != "" {
		c.wrong(o, "lifecycle.drift", "drift "+why, "Write "+either(words)+".")
	}
	for _, path := range o.Ignore {
		if !knownPath(path) {
			c.wrong(o, "lifecycle.ignore_changes", quote(path)+" is not a setting that can be ignored", `Write the path as plans print it: "limits.cpus", "environment[\"LANG\"]", or a whole group: "environment", "nic".`+NearSetting(path))
		}
	}
}

// knownPath accepts the path of a setting, and a group of settings.
func knownPath(path string) bool {
	pattern := Pattern(path)
	return slices.ContainsFunc(Keys(), func(k Key) bool {
		rest, ok := strings.CutPrefix(k.Path, pattern)
		return ok && pattern != "" && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}
