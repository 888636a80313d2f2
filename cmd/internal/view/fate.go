package view

import (
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// fate says what a container keeps and loses when it is made anew, put away
// or deleted.
func fate(c plan.ContainerPlan) [][2]string {
	if c.Last == nil {
		return nil
	}
	switch {
	case c.Action == plan.Recreate:
		return [][2]string{{"KEEPS", keeps(c)}, {"LOSES", fmt.Sprintf(
			"everything written inside; it stays with generation %d, `strake rollback %s` brings it back", c.From, c.Name)}}
	case c.Action == plan.Rename:
		return [][2]string{{"KEEPS", "everything written inside, its generations, ids, addresses and MACs"}}
	case c.Action == plan.Forget:
		return [][2]string{{"KEEPS", "what runs, its files, ids and addresses; its LXC configuration says everything itself"},
			{"LOSES", "its generations: strake knows it no more"}}
	case purges(c):
		return [][2]string{{"KEEPS", either(join(itsOwn(c), hostFolders(left(c))), "nothing")},
			{"LOSES", written(c) + "all its generations, for good" + volumes(c)}}
	case c.Action == plan.Retire:
		return [][2]string{{"KEEPS", join(itsOwn(c), attic(c), hostFolders(c.Last.Mounts))},
			{"LOSES", join(stops(c), "its name, ids and addresses: another container can get them")}}
	}
	return nil
}

// purges says whether all of the container is deleted at once.
func purges(c plan.ContainerPlan) bool { return c.Action == plan.Retire && c.Removed == "purge" }

// left are the mounts whose sources stay.
func left(c plan.ContainerPlan) []resource.Mount {
	var list []resource.Mount
	for _, m := range c.Last.Mounts {
		if m.Volume == "" || len(c.Volumes) == 0 {
			list = append(list, m)
		}
	}
	return list
}

// volumes are those that go too.
func volumes(c plan.ContainerPlan) string {
	text := ""
	for _, v := range c.Volumes {
		text += "; all data of volume " + v.Name + ", " + v.Path
	}
	return text
}

// itsOwn is the root filesystem of a container that was taken over: strake
// never deletes it.
func itsOwn(c plan.ContainerPlan) string {
	if c.Last.Image.Adopted() {
		return "its root filesystem where it is, " + c.Last.Image.RootFS()
	}
	return ""
}

func attic(c plan.ContainerPlan) string {
	if c.Last.Image.Adopted() {
		return "generations, for 7 days in the attic"
	}
	return "root filesystem and generations, for 7 days in the attic"
}

func written(c plan.ContainerPlan) string {
	if c.Last.Image.Adopted() {
		return ""
	}
	return "everything written inside, and "
}

func stops(c plan.ContainerPlan) string {
	if c.Have.State.Up() {
		return "what runs"
	}
	return ""
}

// keeps lists what is the same before and after a recreate.
func keeps(c plan.ContainerPlan) string {
	list := []string{"its name"}
	if m := c.Want.IDMap; m == c.Last.IDMap && !m.Privileged {
		list = append(list, fmt.Sprintf("ids %d-%d", m.Base, m.Base+m.Size-1))
	}
	for _, n := range c.Want.NICs {
		for _, o := range c.Last.NICs {
			if n.Name == o.Name && n.MAC == o.MAC && n.IPv4 == o.IPv4 && n.IPv6 == o.IPv6 {
				list = append(list, strings.TrimSpace(n.Name+" "+either(n.IPv4, n.IPv6)))
			}
		}
	}
	list = append(list, hostFolders(both(c.Want.Mounts, c.Last.Mounts)), fmt.Sprintf("generations up to %d", c.From))
	return join(list...)
}

func both(a, b []resource.Mount) []resource.Mount {
	var list []resource.Mount
	for _, m := range a {
		for _, o := range b {
			if m == o {
				list = append(list, m)
			}
		}
	}
	return list
}

func hostFolders(mounts []resource.Mount) string {
	var list []string
	for _, m := range mounts {
		if !slices.Contains(list, m.Source) {
			list = append(list, m.Source)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "on the host " + strings.Join(list, ", ")
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// join leaves out what is empty.
func join(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, "; ")
}
