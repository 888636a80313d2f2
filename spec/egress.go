package spec

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Egress is a list of sites that containers may reach by HTTP and HTTPS, and
// by no other way.
type Egress struct {
	Name     string
	Allow    []string // "deb.debian.org", "*.debian.org", "192.0.2.7"
	Deny     []string // wins over Allow
	Ports    []int    // empty: 80 and 443
	Mode     string   // "enforce" (default) or "report": all passes and is noted
	Upstream string   // address of a proxy to go through; "": none
	Via      string   // "loopback" (default) or "network": where the proxy is for those attached
	Limits   EgressLimits

	UpstreamUser     string // "": it asks for none
	UpstreamPassword Confidential
	Pos              Pos
	At               map[string]Pos // by key
}

// EgressLimits bound what one container may do. Zero is no limit.
type EgressLimits struct {
	Connections int           // at a time
	Rate        int64         // bits per second
	Daily       int64         // bytes a day
	Idle        time.Duration // without a byte, then closed
}

func (e *Egress) place(key string) Pos {
	if p, ok := e.At[key]; ok {
		return p
	}
	return e.Pos
}

func (c *checker) allEgress() {
	for i := range c.stack.Egress {
		e := &c.stack.Egress[i]
		c.egresses[e.Name] = e
		c.name("", e.Pos, "egress", e.Name)
		c.egress(e)
	}
}

// unfit adds a problem of an egress block's setting.
func (c *checker) unfit(e *Egress, key, summary, detail string) {
	_, said := e.At[key]
	c.add(Problem{Path: key, Pos: e.place(key), Summary: "egress " + quote(e.Name) + ": " + summary, Detail: detail, Absent: !said})
}

func (c *checker) egress(e *Egress) {
	c.hosts(e, "allow", e.Allow)
	c.hosts(e, "deny", e.Deny)
	for i, n := range e.Ports {
		switch {
		case !port(n):
			c.unfit(e, "ports", fmt.Sprintf("%d is not a port", n), "Ports go from 1 to 65535.")
		case slices.Contains(e.Ports[:i], n):
			c.unfit(e, "ports", fmt.Sprintf("port %d is there twice", n), "Take one of them out.")
		}
	}
	if _, said := e.At["ports"]; said && len(e.Ports) == 0 {
		c.unfit(e, "ports", "no port is allowed", "Nothing could be reached. Leave ports out: 80 and 443.")
	}
	words := Choices("egress.mode")
	if why := wordFault(e.Mode, words); why != "" {
		c.unfit(e, "mode", "mode "+why, "Write "+either(words)+".")
	}
	ways := Choices("egress.via")
	if why := wordFault(e.Via, ways); why != "" {
		c.unfit(e, "via", "via "+why, "Write "+either(ways)+".")
	}
	c.upstream(e)
	c.upstreamUser(e)
	c.egressLimits(e)
}

func (c *checker) upstream(e *Egress) {
	if _, said := e.At["upstream"]; !said && e.Upstream == "" {
		return
	}
	u, err := url.Parse(e.Upstream)
	switch {
	case err == nil && u.User != nil:
		c.unfit(e, "upstream", "upstream holds a password", "The text is no place for one. Write upstream_user and upstream_password = secret.NAME.")
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.ContainsAny(e.Upstream, " \t") || u.Port() != "" && !portText(u.Port()):
		c.unfit(e, "upstream", "upstream is not the address of a proxy", `Write it with scheme and port: "http://proxy.example.org:3128".`)
	}
}

// upstreamUser checks who the proxy is to the one that it goes through. A
// secret's value is read only where it is needed.
func (c *checker) upstreamUser(e *Egress) {
	secret := e.UpstreamPassword != (Confidential{})
	switch _, said := e.At["upstream_user"]; {
	case said && e.Upstream == "":
		c.unfit(e, "upstream_user", "upstream_user without an upstream", "It is for the proxy that upstream names. Write that, or leave it out.")
	case said && (e.UpstreamUser == "" || strings.Contains(e.UpstreamUser, ":") || VariableFault(e.UpstreamUser) != ""):
		c.unfit(e, "upstream_user", "upstream_user is no name of a user", "It is one line of text without a colon (RFC 7617).")
	case said && !secret:
		c.unfit(e, "upstream_user", "upstream_user without a password", "Write upstream_password = secret.NAME, or a sensitive variable.")
	case secret && !said:
		c.unfit(e, "upstream_password", "upstream_password without a user", `Write upstream_user = "NAME", too.`)
	}
	if why := VariableFault(e.UpstreamPassword.Text.Reveal()); secret && why != "" {
		c.unfit(e, "upstream_password", "upstream_password "+why, "It is one line of text.")
	}
}

func (c *checker) egressLimits(e *Egress) {
	l := e.Limits
	said := func(key string) bool { _, ok := e.At["limits."+key]; return ok }
	if said("connections") && (l.Connections < 1 || l.Connections > 1_000_000) {
		c.unfit(e, "limits.connections", fmt.Sprintf("connections %d is out of range", l.Connections), "It is between 1 and 1000000. Leave it out for no limit.")
	}
	if said("rate") && (l.Rate < leastRate || l.Rate > mostRate) {
		c.unfit(e, "limits.rate", fmt.Sprintf("rate of %d bits a second is out of range", l.Rate), `Write a rate between "8kbit" and "400Gbit".`)
	}
	if said("daily") && l.Daily < 1 {
		c.unfit(e, "limits.daily", fmt.Sprintf("daily of %d bytes lets nothing through", l.Daily), `Write a size such as "1GiB", or leave it out for no limit.`)
	}
	if said("idle") && (l.Idle < time.Second || l.Idle > 24*time.Hour) {
		c.unfit(e, "limits.idle", fmt.Sprintf("idle %s is out of range", l.Idle), "It is between 1s and 24h.")
	}
}

func (c *checker) hosts(e *Egress, key string, list []string) {
	for i, host := range list {
		if why := patternFault(host); why != "" {
			c.unfit(e, key, quote(host)+" "+why, `Write hosts: "deb.debian.org", all below a domain: "*.debian.org", or an address: "192.0.2.7".`)
		} else if slices.Contains(list[:i], host) {
			c.unfit(e, key, quote(host)+" is there twice", "Take one of them out.")
		}
	}
}

// patternFault says what is wrong with a host, "*.domain" or address, or
// nothing. What looks like a number is one to some resolvers ("127.1", "0x7f"):
// the last part of a name has to have a letter, and not start with 0x.
func patternFault(text string) string {
	if a, err := netip.ParseAddr(text); err == nil {
		switch {
		case a.Zone() != "":
			return "has a zone"
		case a.Is4In6():
			return "is an IPv4 address written as IPv6"
		case a.IsUnspecified() || a.IsMulticast():
			return "is not the address of a host"
		}
		return ""
	}
	name := strings.TrimPrefix(text, "*.")
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	switch {
	case name == "":
		return "is empty"
	case strings.ContainsAny(name, "/:"):
		return "is not a host: leave scheme, port and path out"
	case strings.Contains(name, "*"):
		return `has a "*" that is not the first part`
	case len(name) > 253:
		return fmt.Sprintf("has %d bytes, the most is 253", len(name))
	case strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"):
		return "is neither a name nor an address"
	}
	for _, label := range labels {
		if why := nameFault(strings.ReplaceAll(label, "_", "-")); why != "" {
			return why
		}
	}
	return ""
}

// egressOf checks what a container is attached to.
func (c *checker) egressOf(o *Container) {
	for _, name := range o.Egress {
		if c.egresses[name] == nil {
			c.wrong(o, `egress["`+name+`"]`, "there is no egress "+quote(name), `Define it: egress "`+name+`" { ... }`)
		}
	}
	if len(o.Egress) > 0 && o.Proxy != nil {
		c.wrong(o, "proxy", "a proxy does not go with egress", "With egress the only way out is its own proxy: leave the proxy block out, or name the proxy as upstream of the egress block. See "+o.place(`egress["`+o.Egress[0]+`"]`).String()+".")
	}
}
