package view

import (
	"fmt"
	"strings"

	"strake/reconcile"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// named is how many files a plan shows to people.
const named = 10

// dataLines say which files of a container are taken back.
func dataLines(c plan.ContainerPlan) []string {
	d := c.Data
	if c.Reset != nil {
		return []string{fmt.Sprintf("its own changes of %s are dropped; generation %d keeps them, and --with-data leads back", strings.Join(c.Reset.Paths, ", "), c.From)}
	}
	if c.Point != nil {
		return []string{fmt.Sprintf("snapshot of its data: generation %d", c.Point.Number)}
	}
	if d == nil {
		return nil
	}
	list := []string{
		fmt.Sprintf("data of generation %d: %s change", d.Of, count(d.Count, "file")),
		fmt.Sprintf("what is newer is kept with generation %d: `strake switch-generation --with-data %s %d` brings it back", c.From, c.Name, c.From),
	}
	for _, f := range d.Files[:min(len(d.Files), named)] {
		list = append(list, "  "+pad(f.How, len("changed "))+f.Path)
	}
	if rest := d.Count - named; rest > 0 {
		list = append(list, fmt.Sprintf("  and %d more; --json names them", rest))
	}
	return list
}

// layers is a stack of writable layers, which may be high.
func layers(stack string) string {
	top, below, _ := strings.Cut(stack, " ")
	if below == "" {
		return top
	}
	return fmt.Sprintf("%s on %s", top, count(len(strings.Fields(below)), "other"))
}

// Files is the table of `strake diff-rootfs`.
func Files(list []resource.FileChange) Table {
	t := Table{Head: []string{"CHANGE", "BEFORE", "AFTER", "PATH"}}
	for _, f := range list {
		was, is := Size(f.Was), Size(f.Size)
		switch {
		case strings.HasSuffix(f.Path, "/"):
			was, is = "", ""
		case f.How == "added":
			was = ""
		case f.How == "removed":
			is = ""
		}
		t.Rows = append(t.Rows, []string{f.How, was, is, Safe(f.Path)})
	}
	return t
}

// Attic is the table of `strake list --attic`.
func Attic(list []reconcile.Retired) Table {
	const minute = "2006-01-02 15:04"
	t := Table{Head: []string{"NAME", "DESTROYED", "KEPT UNTIL", "GEN", "STACK"}}
	for _, r := range list {
		t.Rows = append(t.Rows, []string{r.Name, r.At.Local().Format(minute), r.Until.Local().Format(minute), fmt.Sprint(r.Generation), r.Stack})
	}
	return t
}
