package view

import (
	"strings"

	"strake/reconcile/desired"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// Origin is where the value of a setting comes from.
type Origin struct {
	Path   string   `json:"path"`
	Value  string   `json:"value"`
	Origin string   `json:"origin"` // "text", "profile", "ledger", "image", "system", "network", "volume", "egress" or "default"
	Name   string   `json:"name,omitempty"`
	Pos    spec.Pos `json:"pos,omitzero"`
}

// Explain tells of every setting that a plan wants where it comes from.
func Explain(c plan.ContainerPlan, stack spec.Stack, s spec.Container) []Origin {
	var list []Origin
	at := desired.Positions(stack, s)
	for _, set := range c.Want.Settings() {
		o := Origin{Path: set.Path, Value: set.Value}
		o.from(at, stack, s)
		if strings.HasPrefix(o.Path, "resolver.") {
			o.Name = strings.Join(c.Want.Resolver.Search, ", ")
		}
		list = append(list, o)
	}
	return list
}

// from looks for the setting in the text, as itself, and else for who chooses it.
func (o *Origin) from(at map[string]spec.Pos, stack spec.Stack, s spec.Container) {
	pos, said := at[o.Path]
	kind, label, _, _ := resource.Cut(o.Path)
	switch {
	case said && o.written(s) == "auto":
		o.Origin, o.Pos = "ledger", pos
	case said && s.Via[o.Path] != "":
		o.Origin, o.Name, o.Pos = "profile", s.Via[o.Path], pos
	case said && kind == "egress":
		o.Origin, o.Name, o.Pos = "egress", label, pos
	case said:
		o.Origin, o.Pos = "text", pos
	default:
		o.Origin = chooser(o.Path)
	}
	switch {
	case o.Origin == "network":
		o.Name = networkOf(s, o.Path)
	case o.Path == "egress.at":
		o.Origin, o.Name = "egress", strings.Join(s.Egress, ", ")
	case o.Origin == "default" && kind == "mount" && strings.HasSuffix(o.Path, ".source"):
		o.ofVolume(stack, s, label)
	}
}

// ofVolume is for a mount whose folder a volume names.
func (o *Origin) ofVolume(stack spec.Stack, s spec.Container, target string) {
	for _, m := range s.Mounts {
		for _, v := range stack.Volumes {
			if m.Target == target && m.Volume == v.Name {
				o.Origin, o.Name, o.Pos = "volume", v.Name, v.At["path"]
			}
		}
	}
}

// written is what the text says of an interface's address or MAC.
func (o *Origin) written(s spec.Container) string {
	for _, n := range s.NICs {
		switch o.Path {
		case `nic["` + n.Name + `"].ipv4`:
			return n.IPv4
		case `nic["` + n.Name + `"].ipv6`:
			return n.IPv6
		case `nic["` + n.Name + `"].mac`:
			return n.MAC
		}
	}
	return ""
}

func networkOf(s spec.Container, path string) string {
	for _, n := range s.NICs {
		if strings.HasPrefix(path, `nic["`+n.Name+`"].`) {
			return n.Network
		}
	}
	return ""
}

// chooser of a value that no text says: the ledger keeps what strake chose once.
func chooser(path string) string {
	switch spec.Pattern(path) {
	case "idmap.base", "writable", `nic["*"].device`, `nic["*"].mac`, `nic["*"].ipv4`, `nic["*"].ipv6`:
		return "ledger"
	case "image.digest":
		return "image"
	case "layers":
		return "system"
	case `nic["*"].bridge`, `nic["*"].gateway4`, `nic["*"].gateway6`, `nic["*"].mtu`, "resolver.servers", "resolver.search":
		return "network"
	}
	return "default"
}

// Origins is the table of `strake render --explain`.
func Origins(list []Origin) Table {
	t := Table{Head: []string{"SETTING", "VALUE", "ORIGIN"}}
	for _, o := range list {
		t.Rows = append(t.Rows, []string{o.Path, o.Value, o.words()})
	}
	return t
}

func (o Origin) words() string {
	text := o.Origin
	switch {
	case o.Origin == "text":
		return o.Pos.String()
	case o.Origin == "ledger":
		text = "chosen once (ledger)"
	case o.Name != "":
		text += " " + o.Name
	}
	if o.Pos.File != "" {
		text += ", " + o.Pos.String()
	}
	return text
}
