package plan

import (
	"slices"

	"strake/reconcile/resource"
	"strake/spec"
)

// Kind is what a step does. Each is idempotent and has an undo, see package apply.
type Kind string

// The steps, in the order in which a container's plan can have them.
const (
	DoPrepare     Kind = "prepare"     // folders and writable layer
	DoCopy        Kind = "copy"        // the top writable layer, for a snapshot
	DoPoint       Kind = "snapshot"    // the generation that a snapshot is
	DoReset       Kind = "reset"       // a layer without some local changes
	DoRecord      Kind = "record"      // the new generation, not yet current
	DoStop        Kind = "stop"        // gracefully
	DoUnmount     Kind = "unmount"     // the root filesystem
	DoSwitch      Kind = "switch"      // the current pointer
	DoKeep        Kind = "keep"        // the LXC configuration that a container had before it was taken over
	DoConfig      Kind = "config"      // the LXC configuration
	DoRename      Kind = "rename"      // strake's folder and liblxc's
	DoMount       Kind = "mount"       // the root filesystem
	DoStart       Kind = "start"       //
	DoAddNIC      Kind = "add-nic"     // live
	DoChangeNIC   Kind = "change-nic"  // live
	DoRemoveNIC   Kind = "remove-nic"  // live
	DoUnfreeze    Kind = "unfreeze"    // live
	DoLimits      Kind = "limits"      // live
	DoGrow        Kind = "grow"        // file systems that layers and volumes are in; live
	DoHostname    Kind = "hostname"    // live
	DoResolver    Kind = "resolver"    // live
	DoEgress      Kind = "egress"      // live, and after a start: whether its hook could open it shows here
	DoEnvironment Kind = "environment" // live, and after a mount
	DoFiles       Kind = "files"       // live, and after a mount
	DoSecrets     Kind = "secrets"     // live; a start brings them by itself
	DoRetire      Kind = "retire"      // into the attic
)

// Step is one thing to do to one container.
type Step struct {
	Do  Kind   `json:"do"`
	NIC string `json:"nic,omitempty"`
}

// steps lists what brings the container from what is there to what is wanted.
func steps(c ContainerPlan) []Step {
	var s []Step
	do := func(kinds ...Kind) {
		for _, k := range kinds {
			s = append(s, Step{Do: k})
		}
	}
	up := c.Have.State.Up()
	own := c.Want != nil && !c.Want.Image.Adopted() // its root filesystem is strake's
	prepare := func() {
		if own {
			do(DoPrepare)
		}
	}
	start := func() {
		if own {
			do(DoMount, DoEnvironment)
		}
		if own && c.hasFiles() {
			do(DoFiles)
		}
		do(DoStart)
		if c.Want.Attended() {
			do(DoEgress)
		}
	}
	record := func() {
		if c.New {
			do(DoRecord)
		}
	}
	change := func() { // what of the record changes when the container is not up
		record()
		if c.To != c.From {
			do(DoSwitch)
		}
		if c.To != c.From || len(c.Have.Config) > 0 || !c.Have.Defined {
			do(DoConfig)
		}
	}
	if c.Point != nil && c.Point.Live {
		do(DoCopy, DoPoint)
		return s
	}
	if c.Point != nil {
		do(DoPoint)
	}
	switch c.Action {
	case Adopt:
		do(DoRecord, DoKeep, DoSwitch, DoConfig)
		return s
	case Retire:
		if up {
			do(DoStop)
		}
		do(DoUnmount, DoRetire)
		return s
	case Stop:
		prepare()
		change()
		do(DoStop)
		if own && c.changes("file") {
			do(DoFiles)
		}
		return s
	case Restart, Recreate, Rename:
		if c.Reset == nil {
			prepare()
		}
		record()
		if up {
			do(DoStop)
		}
		if rebuilds(c) || c.Was != "" {
			do(DoUnmount)
		}
		if c.Reset != nil { // of what is written to until the stop
			do(DoReset)
			prepare()
		}
		if c.Was != "" {
			do(DoRename)
		}
		if c.To != c.From {
			do(DoSwitch)
		}
		do(DoConfig)
		if up && (c.Want.Running || c.ByHand) || starts(c) {
			start()
		}
		return s
	}
	if !up {
		if (rebuilds(c) || c.changes("rootfs")) && own && c.Last != nil {
			do(DoUnmount) // liblxc leaves it mounted when the container stops
		}
		if c.Reset != nil {
			do(DoReset)
		}
		prepare()
		change()
		switch {
		case starts(c):
			start()
		case own && c.changes("file"):
			do(DoMount, DoFiles)
		}
		return s
	}
	if c.Waits() {
		prepare() // for the start that is waited for
	}
	record()
	s = append(s, liveSteps(c)...)
	if c.To != c.From {
		do(DoSwitch)
	}
	if c.To != c.From || len(c.Have.Config) > 0 {
		do(DoConfig)
	}
	return s
}

// rebuilds says whether the root filesystem is put together in another way.
// Else it stays mounted: unmounting writes back everything that is dirty.
func rebuilds(c ContainerPlan) bool {
	return c.Builds > 0 || c.changes("image") || c.changes("layers") || c.changes("writable") || c.changes("idmap")
}

// changes says whether a setting of this kind is not as wanted.
func (c ContainerPlan) changes(kind string) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return kindOf(ch.Path) == kind })
}

// hasFiles says whether there are files, or were some.
func (c ContainerPlan) hasFiles() bool {
	return len(c.Want.Files) > 0 || c.Last != nil && len(c.Last.Files) > 0
}

// starts says whether the plan has the container started.
func starts(c ContainerPlan) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool {
		return ch.Path == "running" && ch.Old != "true" && ch.Old != frozen && ch.New == "true"
	})
}

// liveSteps changes a running container. Interfaces are removed before others
// are added: the two may have the same address.
func liveSteps(c ContainerPlan) []Step {
	touched := map[string]bool{}
	var nics []string
	var list []Step
	for _, ch := range c.Changes {
		if ch.Impact != spec.Live || ch.Cause == Settled {
			continue
		}
		touched[kindOf(ch.Path)] = true
		if ch.Path == "running" && ch.Old == frozen {
			list = append(list, Step{Do: DoUnfreeze}) // the rest may need processes that go on
		}
		if kind, label, _, ok := resource.Cut(ch.Path); ok && kind == "nic" && !slices.Contains(nics, label) {
			nics = append(nics, label)
		}
	}
	list = append(list, nicSteps(c, nics)...)
	if touched["rootfs"] || touched["mount"] {
		list = append(list, Step{Do: DoGrow})
	}
	for _, do := range []Kind{DoLimits, DoHostname, DoResolver, DoEgress, DoEnvironment, DoSecrets, DoFiles} {
		if touched[string(do)] || do == DoSecrets && touched["secret_file"] || do == DoFiles && touched["file"] || do == DoEgress && touched["publish"] {
			list = append(list, Step{Do: do})
		}
	}
	return list
}

func nicSteps(c ContainerPlan, names []string) []Step {
	var remove, change, add []Step
	for _, name := range names {
		want, have := nicOf(c.Want, name) != nil, nicOf(&c.Have.Have, name) != nil
		switch {
		case want && have:
			change = append(change, Step{DoChangeNIC, name})
		case want:
			add = append(add, Step{DoAddNIC, name})
		case have:
			remove = append(remove, Step{DoRemoveNIC, name})
		}
	}
	return slices.Concat(remove, change, add)
}

func nicOf(c *resource.Container, name string) *resource.NIC {
	if c == nil {
		return nil
	}
	for i := range c.NICs {
		if c.NICs[i].Name == name {
			return &c.NICs[i]
		}
	}
	return nil
}
