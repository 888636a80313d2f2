package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// PlanOptions are what a plan alone does not say.
type PlanOptions struct {
	Style
}

// Plan writes a plan for people. One that has nothing to do is one line.
func Plan(w io.Writer, pl plan.Plan, o PlanOptions) error {
	p := newPrinter(w)
	if !pl.Differs() {
		p.f("%s: nothing to do; %d unchanged.\n", title(pl), len(pl.Containers))
		for _, c := range pl.Containers {
			if c.Note != "" {
				p.f("  %s: %s\n", c.Name, Safe(c.Note))
			}
		}
		return p.end()
	}
	p.f("%s\n", o.paint(bold, title(pl)))
	blocks := blocks(pl, o)
	widths := width{24, 24}
	names := 0
	for _, b := range blocks {
		widths.fit(b.lines)
		names = max(names, len(b.name))
	}
	for _, b := range blocks {
		o.block(p, b, widths, names)
	}
	p.f("\n%s\n", o.summary(pl))
	return p.end()
}

func title(pl plan.Plan) string {
	text := "changes"
	if pl.Stack != "" {
		text = "stack " + pl.Stack
	}
	if pl.Source != "" {
		text += "   " + pl.Source
	}
	if pl.Commit != "" {
		text += "@" + pl.Commit[:min(len(pl.Commit), 7)]
	}
	return Safe(text)
}

// block is one container or network.
type block struct {
	symbol, name, action, gen string
	lines                     []line
	tail                      []string // faint lines below
	fate                      [][2]string
}

func blocks(pl plan.Plan, o PlanOptions) []block {
	list := make([]block, 0, len(pl.Networks)+len(pl.Volumes)+len(pl.Containers))
	for _, n := range pl.Networks {
		if n.Action != plan.Keep {
			list = append(list, networkBlock(n))
		}
	}
	for _, v := range pl.Volumes {
		if len(v.Changes) > 0 {
			list = append(list, block{symbol: "~", name: "volume " + v.Want.Name, action: "live", lines: lines(v.Changes, 0)})
		}
	}
	for _, c := range pl.Containers {
		if c.Action != plan.Keep {
			list = append(list, containerBlock(c))
		}
	}
	return list
}

func networkBlock(n plan.NetworkPlan) block {
	b := block{symbol: "~", name: "network " + n.Name, action: "live", lines: lines(n.Changes, 0)}
	switch n.Action {
	case plan.Create:
		b.symbol, b.action = "+", "create"
		unstruck(b.lines)
	case plan.Retire:
		b.symbol, b.action, b.lines = "-", "remove", nil
		b.tail = []string{"nobody is on it any more"}
	}
	for i := range b.lines {
		if b.lines[i].notes != nil {
			b.lines[i].notes = []string{"changed outside"} // networks have no generation of their own
		}
	}
	return b
}

// unstruck takes the impacts off: where nothing is yet, nothing is struck.
func unstruck(list []line) {
	for i := range list {
		list[i].impact = ""
	}
}

func containerBlock(c plan.ContainerPlan) block {
	b := block{symbol: symbol(c.Action), name: c.Name, action: actionText(c), gen: generationText(c), lines: lines(c.Changes, c.From)}
	if c.Action != plan.Held && c.Action != plan.Paused && c.Want != nil && c.Want.Image.Digest == "" && !c.Want.Image.Adopted() {
		b.lines = unfetched(b.lines)
	}
	if c.Action == plan.Create {
		unstruck(b.lines)
	}
	if c.Builds > 0 {
		b.tail = append(b.tail, "builds "+count(c.Builds, "system layer")+" first, while it stays as it is")
	}
	if len(c.Hidden) > 0 {
		b.tail = append(b.tail, "hidden from it, as the container has its own: "+some(c.Hidden, 5), "`--reset-writable PATH` of apply drops what it has there")
	}
	if c.Same > 0 {
		b.tail = append(b.tail, "("+count(c.Same, "setting")+" unchanged)")
	}
	if len(c.Waiting()) > 0 {
		b.tail = append(b.tail, "pending restart: `strake restart "+c.Name+"` brings it into effect")
	}
	if c.Note != "" {
		b.tail = append(b.tail, c.Note)
	}
	if c.Proves() {
		b.tail = append(b.tail, proof(c))
	}
	b.fate, b.tail = fate(c), append(b.tail, dataLines(c)...)
	return b
}

// proof is what the container will have to show, and what comes of it if it
// can't.
func proof(c plan.ContainerPlan) string {
	h := c.Want.Health
	what := make([]string, len(h.Checks))
	for i, k := range h.Checks {
		what[i] = strings.TrimSpace(k.Kind() + " " + k.Object())
	}
	if len(what) == 0 {
		what = []string{"it runs"}
	}
	text := "health: " + strings.Join(what, ", ")
	if h.MinHealthy > 0 {
		text += " for " + resource.Span(h.MinHealthy)
	}
	text += " within " + resource.Span(h.Deadline)
	switch {
	case c.Want.Update.KeepFailed:
		return text + ", else it is left as it is"
	case c.From == 0:
		return text + ", else it is stopped"
	}
	return text + fmt.Sprintf(", else back to generation %d", c.From)
}

// unfetched adds what a fetch will tell, behind what else is said of the image.
func unfetched(list []line) []line {
	at := 0
	for i, l := range list {
		if l.path == "image.digest" {
			return list
		}
		if strings.HasPrefix(l.path, "image.") {
			at = i + 1
		}
	}
	return slices.Insert(list, at, line{symbol: "+", path: "image.digest", value: unknown})
}

func symbol(a plan.Action) string {
	switch a {
	case plan.Create:
		return "+"
	case plan.Adopt:
		return "="
	case plan.Update, plan.Record:
		return "~"
	case plan.Rename:
		return ">"
	case plan.Restart, plan.Stop:
		return "!"
	case plan.Recreate:
		return "-/+"
	case plan.Retire, plan.Forget:
		return "-"
	}
	return "*"
}

func actionText(c plan.ContainerPlan) string {
	switch {
	case c.Action == plan.Pending:
		return "pending restart"
	case purges(c):
		return "destroy"
	case c.Action == plan.Rename && c.Impact > spec.Live:
		return "rename, " + c.Impact.String() + absence(c)
	}
	return string(c.Action) + absence(c)
}

// absence is the downtime to expect, where it is known.
func absence(c plan.ContainerPlan) string {
	if c.Away == 0 {
		return ""
	}
	return fmt.Sprintf(", about %.1fs", max(c.Away.Seconds(), 0.1))
}

func generationText(c plan.ContainerPlan) string {
	switch {
	case c.To == 0:
		return ""
	case c.From == c.To:
		return fmt.Sprintf("gen %d", c.To)
	case c.From == 0:
		return fmt.Sprintf("gen %d", c.To)
	}
	text := fmt.Sprintf("gen %d -> %d", c.From, c.To)
	if c.As > 0 && c.As != c.From {
		text += fmt.Sprintf(" (%d again)", c.As)
	}
	return text
}

func (o PlanOptions) block(p *printer, b block, w width, names int) {
	room := len("      ~ ") + w.path + 2 + w.value + 2 + len("[recreate]") + 2
	head := "  " + b.symbol + " " + pad(b.name, names) + b.action
	lead := "  " + o.paint(symbolTint(b.symbol), b.symbol) + " " + o.paint(bold, b.name)
	rest := strings.TrimPrefix(head, "  "+b.symbol+" "+b.name)
	if b.gen != "" {
		rest += strings.Repeat(" ", max(room-len(head), 2)) + b.gen
	}
	p.f("\n%s%s\n", lead, rest)
	o.changes(p, b.lines, w)
	for _, f := range b.fate {
		p.f("        %s  %s\n", o.paint(bold, f[0]), Safe(f[1]))
	}
	for _, t := range b.tail {
		p.f("        %s\n", o.paint(faint, Safe(t)))
	}
}

// summary counts what happens, from the least to the most destructive.
func (o PlanOptions) summary(pl plan.Plan) string {
	networks, containers, destroyed := map[plan.Action]int{}, map[plan.Action]int{}, 0
	for _, n := range pl.Networks {
		networks[n.Action]++
	}
	for _, c := range pl.Containers {
		if purges(c) {
			destroyed++
			continue
		}
		containers[c.Action]++
	}
	acts := tally(networks, []word{{plan.Create, "network create"}, {plan.Update, "network live"}, {plan.Retire, "network remove"}})
	if n := changed(pl.Volumes); n > 0 {
		acts = append(acts, fmt.Sprintf("%d volume live", n))
	}
	acts = append(acts, tally(containers, []word{
		{plan.Record, "record"}, {plan.Adopt, "adopt"}, {plan.Create, "create"}, {plan.Update, "live"}, {plan.Rename, "rename"},
		{plan.Forget, "forget"}, {plan.Restart, "restart"}, {plan.Stop, "stop"}, {plan.Recreate, "recreate"}, {plan.Retire, "retire"},
	})...)
	acts = append(acts, tally(map[plan.Action]int{plan.Retire: destroyed}, []word{{plan.Retire, "destroy"}})...)
	if len(acts) == 0 {
		acts = []string{"nothing to do"}
	}
	text := "Summary: " + strings.Join(acts, ", ")
	rest := tally(containers, []word{{plan.Keep, "unchanged"}, {plan.Pending, "pending restart"}, {plan.Held, "held"}, {plan.Paused, "suspended"}, {plan.Orphan, "orphan"}})
	if len(rest) > 0 {
		text += "; " + strings.Join(rest, ", ")
	}
	return text + "."
}

func changed(list []plan.VolumePlan) (n int) {
	for _, v := range list {
		if len(v.Changes) > 0 {
			n++
		}
	}
	return n
}

// word is what a summary calls an action.
type word struct {
	action plan.Action
	text   string
}

func tally(counts map[plan.Action]int, words []word) []string {
	var list []string
	for _, w := range words {
		if n := counts[w.action]; n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, w.text))
		}
	}
	return list
}
