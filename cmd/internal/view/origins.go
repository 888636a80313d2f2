package view

import (
	"strings"

	"strake/reconcile/plan"
	"strake/spec"
)

// Origin is where the value of a setting comes from.
type Origin struct {
	Path   string   `json:"path"`
	Value  string   `json:"value"`
	Origin string   `json:"origin"` // "text", "profile", "ledger", "image", "network" or "default"
	Name   string   `json:"name,omitempty"`
	Pos    spec.Pos `json:"pos,omitzero"`
}

// Explain tells of every setting that a plan wants where it comes from.
func Explain(c plan.ContainerPlan, s spec.Container) []Origin {
	var list []Origin
	for _, set := range c.Want.Settings() {
		o := Origin{Path: set.Path, Value: set.Value}
		o.from(s)
		list = append(list, o)
	}
	return list
}

// from looks for the setting in the text, as itself, and else for who chooses it.
func (o *Origin) from(s spec.Container) {
	pos, said := s.At[o.Path]
	word := o.written(s)
	switch {
	case said && word == "auto":
		o.Origin, o.Pos = "ledger", pos
	case said && s.Via[o.Path] != "":
		o.Origin, o.Name, o.Pos = "profile", s.Via[o.Path], pos
	case said:
		o.Origin, o.Pos = "text", pos
	default:
		o.Origin = chooser(o.Path)
		o.Pos = s.At["proxy"]
		if !strings.HasPrefix(o.Path, "environment") {
			o.Pos = spec.Pos{}
		}
	}
	if o.Origin == "default" && o.Pos.File != "" {
		o.Origin = "text"
	}
	if o.Origin == "network" {
		o.Name = networkOf(s, o.Path)
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
	switch o.Origin {
	case "text":
		return o.Pos.String()
	case "profile":
		return "profile " + o.Name + ", " + o.Pos.String()
	case "ledger":
		if o.Pos.File != "" {
			return "chosen once (ledger), " + o.Pos.String()
		}
		return "chosen once (ledger)"
	case "network":
		return "network " + o.Name
	}
	return o.Origin
}
