package view

import (
	"fmt"
	"strings"

	"strake/reconcile/plan"
)

// named is how many files a plan shows to people.
const named = 10

// dataLines say which files of a container are taken back.
func dataLines(c plan.ContainerPlan) []string {
	d := c.Data
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
