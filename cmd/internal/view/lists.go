package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"strake/generations/retain"
	"strake/reconcile"
	"strake/reconcile/resource"
)

// Statuses is the table of `strake status`.
func Statuses(list []reconcile.Status) Table {
	t := Table{Head: []string{"NAME", "STATE", "GEN", "STANDING", "HEALTH", "ADDRESSES", "STACK"}}
	for _, s := range list {
		t.Rows = append(t.Rows, []string{
			s.Name, strings.ToLower(string(s.State)), strconv.Itoa(s.Generation), standings(s), health(s.Health), strings.Join(s.Addresses, " "), s.Stack,
		})
	}
	t.Tint = func(row, column int) string {
		switch s := list[row]; {
		case column == 1 && s.State == resource.Running:
			return "good"
		case column == 3 && (s.Standings[0] == reconcile.Drifted || s.Standings[0] == reconcile.Damaged || s.Standings[0] == reconcile.Foreign):
			return "bad"
		case column == 3 && s.Standings[0] != reconcile.InSync:
			return "warn"
		}
		return ""
	}
	return t
}

func standings(s reconcile.Status) string {
	words := make([]string, len(s.Standings))
	for i, w := range s.Standings {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// health is the last verdict, and when it fell. Of what has no checks there is none.
func health(v reconcile.Verdict) string {
	if v.Is == "unchecked" || v.At.IsZero() {
		return "-"
	}
	return v.Is + " " + v.At.Local().Format("2006-01-02 15:04")
}

// History is the table of `strake list-generations`.
func History(list []reconcile.Entry) Table {
	t := Table{Head: []string{"GEN", "DATE", "STATUS", "COMMIT", "BY", "IMPACT", "SIZE", "NOTE"}}
	for _, e := range list {
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(e.Number), e.Created.Local().Format("2006-01-02 15:04:05"), EntryStatus(e), ShortDigest(e.Commit), e.By, e.Impact, Size(e.Size), entryNote(e),
		})
	}
	t.Tint = func(row, column int) string {
		switch {
		case column == 2 && list[row].Current:
			return "good"
		case column == 2 && (list[row].Failed || list[row].Held):
			return "bad"
		}
		return ""
	}
	return t
}

// entryNote says of a generation that is another one once more which one it is.
func entryNote(e reconcile.Entry) string {
	note := fmt.Sprintf("%d again", e.As)
	switch {
	case e.As == 0:
		return e.Message
	case e.Snapshot:
		note = fmt.Sprintf("snapshot of %d", e.As)
	}
	if e.Message != "" {
		note += ": " + e.Message
	}
	return note
}

// EntryStatus is what became of a generation, in words.
func EntryStatus(e reconcile.Entry) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{
		{e.Current, "current"}, {e.Before && !e.Current && !e.Failed, "active before"}, {e.Failed, "failed"}, {e.Held, "held"}, {e.Pinned, "pinned"},
	} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}

// Networks is the table of `strake networks`.
func Networks(list []reconcile.NetworkStatus) Table {
	t := Table{Head: []string{"NETWORK", "BRIDGE", "IPV4", "IPV6", "TRAFFIC", "CONTAINER", "NIC", "ADDRESSES", "FILTERS", "DROPPED", "LEASE", "STACK"}}
	for _, n := range list {
		lead := []string{n.Name, n.Bridge, n.IPv4, n.IPv6, traffic(n), "", "", "", "", "", "", n.Stack}
		if len(n.Members) == 0 {
			t.Rows = append(t.Rows, lead)
		}
		for _, m := range n.Members {
			row := append([]string{}, lead...)
			row[5], row[6], row[7], row[8] = m.Container, m.NIC, join2(m.IPv4, m.IPv6), filters(m.Filter)
			row[9], row[10] = strconv.FormatUint(m.Refused.Frames, 10), leased(m.Leases)
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func join2(a, b string) string { return strings.TrimSpace(a + " " + b) }

func traffic(n reconcile.NetworkStatus) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{
		{!n.Present, "bridge missing"}, {n.Damage != "", "firewall " + n.Damage}, {n.NAT, "nat"}, {n.Isolate, "isolate"}, {n.HostAccess, "host"},
		{n.DHCP, "dhcp"}, {n.DNS, "dns"}, {n.RA, "ra"},
	} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}

// leased says what was given by DHCP, and until when.
func leased(list []resource.Lease) string {
	words := make([]string, len(list))
	for i, l := range list {
		words[i] = l.IP + " until " + time.Unix(l.Expires, 0).Format("15:04")
	}
	return strings.Join(words, ", ")
}

func filters(f resource.Filter) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{{f.MAC, "mac"}, {f.IPv4, "ipv4"}, {f.IPv6, "ipv6"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

// Size is bytes for people, with at most one decimal.
func Size(n int64) string {
	if n == 0 {
		return ""
	}
	v, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for v >= 1024 && unit < len(units)-1 {
		v, unit = v/1024, unit+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + units[unit]
}

// Garbage is the table of `strake gc`.
func Garbage(list []reconcile.Garbage) Table {
	t := Table{Head: []string{"REMOVE", "NAME", "WHY"}}
	for _, g := range list {
		t.Rows = append(t.Rows, []string{g.Kind, shortName(g), g.Why})
	}
	return t
}

func shortName(g reconcile.Garbage) string {
	if g.Kind == "image" {
		return ShortDigest(g.Name)
	}
	return g.Name
}

// Numbers joins generation numbers for a sentence.
func Numbers(list []int) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, ", ")
}

// Detail writes what the table has no room for.
func Detail(w io.Writer, s reconcile.Status, st Style) error {
	p := newPrinter(w)
	if list := lines(s.Drift, s.Generation); len(list) > 0 {
		p.f("\ndrift, which `strake apply` mends:\n")
		widths := width{24, 24}
		widths.fit(list)
		st.changes(p, list, widths)
	}
	if len(s.Pending) > 0 {
		p.f("\npending, which `strake restart %s` brings into effect:\n      %s\n", s.Name, strings.Join(s.Pending, "\n      "))
	}
	if slices.Contains(s.Standings, reconcile.Damaged) {
		p.f("\ndamaged: its image, or a system layer, is not what it was; `strake restart %s` starts it on a sound one\n", s.Name)
	}
	if s.Health.Why != "" {
		p.f("\n%s\n", Safe(fmt.Sprintf("generation %d failed: %s", s.Generation, s.Health.Why)))
	}
	if r := s.Rejected; r != nil && r.Generation != s.Generation {
		why, said := r.Why, r.Said
		if rest, ok := strings.CutPrefix(said, why); ok { // no word twice
			before, after, _ := strings.Cut(rest, ": ")
			why, said = why+before, after
		}
		text := fmt.Sprintf("held: generation %d was %s at %s", r.Generation, why, Moment(r.Since))
		if said != "" {
			text += ": " + said
		}
		p.f("\n%s\n`strake show-generation %s %d` shows the evidence, `strake release %s` lets it be tried again\n", Safe(text), s.Name, r.Generation, s.Name)
	}
	if s.Awaiting != nil {
		p.f("\n%s\n", Safe(s.Name+" "+s.Awaiting.Says()))
	}
	if s.Suspended != nil {
		p.f("\n%s\n", Safe(reconcile.Suspended(*s.Suspended)))
	}
	if s.Note != "" {
		p.f("\n%s\n", Safe(s.Note))
	}
	return p.end()
}

// Verdicts is the table of `strake delete-generations`.
func Verdicts(list []retain.Verdict) Table {
	t := Table{Head: []string{"GEN", "VERDICT", "WHY"}}
	for _, v := range list {
		word := "delete"
		if v.Keep {
			word = "keep"
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(v.Number), word, v.Reason})
	}
	t.Tint = func(row, column int) string {
		if column == 1 && !list[row].Keep {
			return "bad"
		}
		return ""
	}
	return t
}
