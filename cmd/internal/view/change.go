package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// line is one changed setting, or one interface or mount that comes or goes
// whole.
type line struct {
	symbol string
	path   string
	value  string
	impact string
	pos    string
	notes  []string
}

// unknown stands for the digest of an image that is not in the store yet.
const unknown = "(known after fetch)"

// lines renders changes. from is the generation that they start from.
func lines(changes []plan.Change, from int) []line {
	var list []line
	for len(changes) > 0 {
		if n := whole(changes); n > 1 {
			list = append(list, folded(changes[:n], from))
			changes = changes[n:]
			continue
		}
		list = append(list, single(changes[0], from))
		changes = changes[1:]
	}
	return list
}

// whole counts the changes at the start that together are one interface or
// mount that comes, or goes, for one reason.
func whole(changes []plan.Change) int {
	first := changes[0]
	kind, label, _, ok := resource.Cut(first.Path)
	if !ok || kind != "nic" && kind != "mount" && kind != "secret_file" && kind != "file" || first.Cause == plan.Settled || first.Cause == plan.Conflict {
		return 1
	}
	comes, goes, itself := true, true, false
	n := 0
	for _, c := range changes {
		k, l, rest, _ := resource.Cut(c.Path)
		if k != kind || l != label {
			break
		}
		itself = itself || rest == "mac" || rest == "source" || rest == "content" || kind == "file" && rest == "mode" // what each of them has
		if c.Cause != first.Cause {
			return 1
		}
		comes, goes = comes && c.Old == "", goes && c.New == ""
		n++
	}
	if itself && (comes || goes) {
		return n
	}
	return 1
}

// folded is a whole interface or mount on one line.
func folded(changes []plan.Change, from int) line {
	kind, label, _, _ := resource.Cut(changes[0].Path)
	first := changes[0]
	parts := map[string]string{}
	impact := spec.None
	for _, c := range changes {
		_, _, rest, _ := resource.Cut(c.Path)
		if parts[rest] = c.New; c.New == "" {
			parts[rest] = c.Old
		}
		impact = max(impact, c.Impact)
	}
	l := line{symbol: "+", path: resource.Labelled(kind, label), impact: "[" + impact.String() + "]", pos: first.Pos.String()}
	if first.New == "" {
		l.symbol = "-"
	}
	l.value = summary(kind, parts)
	first.Last, first.Old = had(first.Last), had(first.Old)
	l.notes = notes(first, from)
	if kind == "nic" {
		l.notes = append(l.notes, beside(changes)...)
	}
	return l
}

// beside is what of a whole interface its summary leaves out and somebody has
// to know before it is there: what else it may be, who gets to it, how much.
func beside(changes []plan.Change) []string {
	var list []string
	protocol := "" // of a published port: it comes before the port that it leads to
	for _, c := range changes {
		_, _, rest, _ := resource.Cut(c.Path)
		value := cmp.Or(c.New, c.Old)
		switch kind, label, key, _ := resource.Cut(rest); {
		case kind == "publish" && key == "protocol":
			protocol = value
		case kind == "publish":
			list = append(list, "published: port "+label+" of the host is its "+value+" ("+protocol+")")
		case kind == "route":
			list = append(list, "route: "+label+" via "+value)
		case slices.Contains([]string{"addresses", "prefixes", "parent", "vlan", "limits.ingress", "limits.egress"}, rest), rest == "type" && value != "bridged":
			list = append(list, rest+": "+value)
		}
	}
	return list
}

func had(value string) string {
	if value == "" {
		return "not there"
	}
	return "there"
}

// summary is what people look for first.
func summary(kind string, parts map[string]string) string {
	if kind == "mount" {
		what := parts["source"]
		if parts["volume"] != "" {
			what = "volume." + parts["volume"] + " " + what
		}
		if parts["readonly"] == "true" {
			return what + ", ro"
		}
		return what + ", rw"
	}
	if kind == "secret_file" {
		return parts["from"] + ", " + parts["mode"]
	}
	if kind == "file" {
		return cmp.Or(size(parts["content"]), "empty") + ", " + parts["mode"] + " " + parts["owner"]
	}
	var words []string
	for _, key := range []string{"network", "ipv4", "ipv6", "mac"} {
		if parts[key] != "" {
			words = append(words, parts[key])
		}
	}
	return strings.Join(words, ", ")
}

func single(c plan.Change, from int) line {
	l := line{path: c.Path, impact: "[" + c.Impact.String() + "]", pos: c.Pos.String(), notes: notes(c, from)}
	before, after := c.Old, c.New
	if c.Cause == plan.Conflict || c.Cause == plan.Settled {
		before = c.Last // what the text changed from
	}
	if isConfig(c) {
		after = "as generated"
	}
	switch {
	case c.Path == "image.digest" && c.New == "":
		before, after = ShortDigest(before), unknown
	case c.Path == "writable":
		before, after = layers(before), layers(after)
	case c.Path == "layers":
		before, after = shortDigests(before), shortDigests(after)
	case c.Path == "image.digest":
		before, after = ShortDigest(before), ShortDigest(after)
	}
	if isText(c.Path) {
		l.notes = append(l.notes, hunks(before, after)...)
		before, after = size(before), size(after)
	}
	switch {
	case after == resource.Rotated:
		l.symbol, l.value = "~", after
	case before == "":
		l.symbol, l.value = "+", after
	case after == "":
		l.symbol, l.value = "-", before
	default:
		l.symbol, l.value = "~", before+" -> "+after
	}
	return l
}

// shortDigests shortens several.
func shortDigests(list string) string {
	words := strings.Fields(list)
	for i, w := range words {
		words[i] = ShortDigest(w)
	}
	return strings.Join(words, " ")
}

// isConfig: a line of the configuration on disk that strake did not write.
func isConfig(c plan.Change) bool {
	kind, _, _, ok := resource.Cut(c.Path)
	return ok && kind == "config"
}

// notes say why a setting is in the plan, where the text does not.
func notes(c plan.Change, from int) []string {
	live := func(s string) string {
		if s == "" {
			return "none"
		}
		if c.Path == "image.digest" {
			return ShortDigest(s)
		}
		if isText(c.Path) {
			return size(s)
		}
		if c.Path == "layers" {
			return shortDigests(s)
		}
		return s
	}
	switch {
	case isConfig(c), c.Cause == plan.Drift && from == 0: // a network has no generation of its own
		return []string{"changed outside"}
	case c.Cause == plan.Drift, c.Cause == plan.Conflict:
		return []string{fmt.Sprintf("changed outside: %s in generation %d, %s live", live(c.Last), from, live(c.Old))}
	case c.Cause == plan.Waiting:
		return []string{"takes effect at the next start"}
	case c.Cause == plan.Settled:
		return []string{"live already"}
	}
	return nil
}

// changes writes settings that differ, in columns.
func (s Style) changes(p *printer, list []line, w width) {
	for _, l := range list {
		value := pad(Safe(l.value), w.value)
		if l.pos == "" && l.impact == "" {
			value = Safe(l.value)
		}
		impact := pad(l.impact, len("[recreate]"))
		if l.pos == "" {
			impact = l.impact
		}
		p.f("      %s %s%s%s%s\n", s.paint(symbolTint(l.symbol), l.symbol), pad(Safe(l.path), w.path), value, s.paint(impactTint(l.impact), impact), s.paint(faint, l.pos))
		for _, n := range l.notes {
			p.f("          %s\n", s.paint(yellow, Safe(n)))
		}
	}
}

// width is the room for the columns of changes.
type width struct{ path, value int }

func (w *width) fit(list []line) {
	for _, l := range list {
		w.path = min(max(w.path, len(l.path)), 40)
		w.value = min(max(w.value, len(l.value)), 48)
	}
}

func symbolTint(symbol string) tint {
	switch symbol {
	case "+":
		return green
	case "~":
		return yellow
	case "!", ">":
		return magenta
	case "-", "-/+":
		return red
	}
	return ""
}

func impactTint(impact string) tint {
	switch impact {
	case "[restart]":
		return magenta
	case "[stop]", "[recreate]":
		return red
	}
	return ""
}
