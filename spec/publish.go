package spec

import (
	"fmt"
	"strconv"
)

func publishPath(n *NIC, p Publish, key string) string {
	path := nicPath(n, `publish["`+p.Port+`"]`)
	if key == "" {
		return path
	}
	return path + "." + key
}

// HostPort is the port on the host; 0 where the label is none.
func (p Publish) HostPort() int {
	n, err := strconv.Atoi(p.Port)
	if err != nil || strconv.Itoa(n) != p.Port || !port(n) {
		return 0
	}
	return n
}

func port(n int) bool { return n > 0 && n < 1<<16 }

// protocols are those that a published port takes.
func (p Publish) protocols() []string {
	switch p.Protocol {
	case "":
		return []string{"tcp"}
	case "both":
		return []string{"tcp", "udp"}
	}
	return []string{p.Protocol}
}

// allPublished checks the published ports. The host has each of them once.
func (c *checker) allPublished() {
	seen := map[string]string{}
	for i := range c.stack.Containers {
		o := &c.stack.Containers[i]
		for j := range o.NICs {
			for _, p := range o.NICs[j].Publish {
				c.publish(o, &o.NICs[j], p, seen)
			}
		}
	}
}

func (c *checker) publish(o *Container, n *NIC, p Publish, seen map[string]string) {
	bad := func(key, summary, detail string) {
		c.wrong(o, publishPath(n, p, key), "nic "+quote(n.Name)+": publish "+quote(p.Port)+": "+summary, detail)
	}
	if p.HostPort() == 0 {
		bad("", "this is not a port", "The label is the port on the host, from 1 to 65535.")
		return
	}
	if p.To != nil && !port(*p.To) {
		bad("to", fmt.Sprintf("%d is not a port", *p.To), "It is the port in the container, from 1 to 65535.")
	}
	words := Choices("container.nic.publish.protocol")
	if why := wordFault(p.Protocol, words); why != "" {
		bad("protocol", "protocol "+why, "Write "+either(words)+".")
		return
	}
	if n.IPv4 == "none" && n.IPv6 == "none" && len(n.Addresses) == 0 {
		bad("", "the interface has no address to forward to", "Give it one, or leave publish out.")
	}
	for _, protocol := range p.protocols() {
		key := protocol + " port " + p.Port
		if other, taken := seen[key]; taken {
			bad("", key+" of the host is taken", "It is the one of "+other+".")
			continue
		}
		seen[key] = fmt.Sprintf("container %s, nic %s (%s)", quote(o.Name), quote(n.Name), o.place(publishPath(n, p, "")))
	}
}
