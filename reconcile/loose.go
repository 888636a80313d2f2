package reconcile

import (
	"slices"
	"strings"

	"strake/reconcile/adopt"
	"strake/reconcile/resource"
)

// variables is the key with the environment that liblxc gives to init.
const variables = "lxc.environment"

// variablesOf reads what the monitor says of it, a line each.
func variablesOf(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			env[name] = value
		}
	}
	return env
}

// overlook leaves out of what an adopted container has all that neither its
// generation nor its text has a word for: a name that it took from the host,
// a lease from DHCP, a MAC that LXC made up. Nor does a setting show twice
// that its text has as a raw key.
func overlook(have *resource.Container, known []resource.Container) {
	said := func(is func(resource.Container) bool) bool { return slices.ContainsFunc(known, is) }
	if !said(func(c resource.Container) bool { return c.Hostname != "" }) {
		have.Hostname = ""
	}
	if !said(func(c resource.Container) bool { return c.IDMap != resource.IDMap{} }) {
		have.IDMap = resource.IDMap{}
	}
	if said(func(c resource.Container) bool { return c.Raw[variables] != "" }) {
		have.Environment = nil
	} else {
		delete(have.Raw, variables)
	}
	for _, l := range []struct {
		group adopt.Group
		value *int64
	}{{adopt.Memory, &have.Limits.Memory}, {adopt.CPU, &have.Limits.CPU}, {adopt.Processes, &have.Limits.Processes}} {
		if said(func(c resource.Container) bool { return inRaw(c, l.group) }) {
			*l.value = 0
		}
	}
	have.NICs = declared(have.NICs, known)
}

func inRaw(c resource.Container, g adopt.Group) bool {
	for key := range c.Raw {
		if adopt.GroupOf(key) == g {
			return true
		}
	}
	return false
}

// declared are the interfaces that have a block, as far as it goes.
func declared(have []resource.NIC, known []resource.Container) []resource.NIC {
	var list []resource.NIC
	for _, n := range have {
		var said resource.NIC
		blocks, raw := 0, false
		for _, c := range known {
			raw = raw || inRaw(c, adopt.NICs)
			for _, k := range c.NICs {
				if k.Name == n.Name {
					said, blocks = said.Or(k), blocks+1
				}
			}
		}
		if blocks > 0 {
			// liblxc makes a broadcast address of its own, and the observer marks the
			// address for it: for this container that is as it should be.
			n.IPv4 = strings.ReplaceAll(n.IPv4, "?", "")
			list = append(list, n.Only(said))
		} else if !raw {
			list = append(list, n)
		}
	}
	return list
}
