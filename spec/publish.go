package spec

import (
	"fmt"
	"net/netip"
	"strconv"
)

// published is one of a container's published ports: of an interface, or, where
// nic is nil, of its own.
type published struct {
	of  *Container
	nic *NIC
	Publish
}

func (p published) path(key string) string {
	path := `publish["` + p.Port + `"]`
	if p.nic != nil {
		path = nicPath(p.nic, path)
	}
	if key == "" {
		return path
	}
	return path + "." + key
}

// name is how messages call what has it.
func (p published) name(before string) string {
	if p.nic == nil {
		return ""
	}
	return before + "nic " + quote(p.nic.Name)
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
		for _, p := range o.Publish {
			c.publish(published{o, nil, p}, seen)
		}
		for j := range o.NICs {
			for _, p := range o.NICs[j].Publish {
				c.publish(published{o, &o.NICs[j], p}, seen)
			}
		}
	}
}

// leads says whether an interface may have an address that is valid beyond
// its link. What one on a network of others gets is not known here.
func (c *checker) leads(n *NIC) bool {
	given := func(written string, own netip.Prefix) bool {
		switch network := c.networks[n.Network]; {
		case written == "none":
			return false
		case written != "" && written != "auto", network == nil, network.External != "":
			return true
		}
		return own.IsValid() && (own.Addr().Is4() || own.Bits() <= 64)
	}
	var four, six netip.Prefix
	if network := c.networks[n.Network]; network != nil {
		four, six = network.ipv4(), network.ipv6()
	}
	return given(n.IPv4, four) || given(n.IPv6, six) || len(n.Addresses) > 0
}

func (c *checker) publish(p published, seen map[string]string) {
	bad := func(key, summary, detail string) {
		where := p.name("")
		if where != "" {
			where += ": "
		}
		c.wrong(p.of, p.path(key), where+"publish "+quote(p.Port)+": "+summary, detail)
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
	if p.nic != nil && !c.leads(p.nic) {
		bad("", "the interface has no address to forward to", "Give it or its network one that is not link-local, or publish without an interface: a publish block of the container's own leads to its loopback.")
	}
	for _, protocol := range p.protocols() {
		key := protocol + " port " + p.Port
		if other, taken := seen[key]; taken {
			bad("", key+" of the host is taken", "It is the one of "+other+".")
			continue
		}
		seen[key] = fmt.Sprintf("container %s%s (%s)", quote(p.of.Name), p.name(", "), p.of.place(p.path("")))
	}
}
