package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/spec"
)

// answers are approvals given beforehand.
type answers struct {
	Yes      bool     // to restarts and stops
	Prune    bool     // to retiring what left the configuration
	Recreate []string // to recreating these
	Remove   []string // to what removed blocks say of these
	Named    bool     // the container was named on the command line, and Yes answers for it
}

// demand is one thing that somebody has to agree to.
type demand struct {
	what string // "restart web1"
	name string // to be typed; "": y will do
	flag string // that answers it beforehand
}

// demands lists what has to be approved: nothing that is reversible at once.
func demands(p plan.Plan, a answers) []demand {
	var list []demand
	var calm []string // restarts and stops: one question for all
	for _, c := range p.Acting() {
		if c.Data != nil {
			calm = append(calm, fmt.Sprintf("take the data of %s back to generation %d", c.Name, c.Data.Of))
		}
		if c.Reset != nil {
			calm = append(calm, fmt.Sprintf("drop what %s has changed of %s", c.Name, strings.Join(c.Reset.Paths, ", ")))
		}
		switch c.Action {
		case plan.Rename:
			if c.Impact > spec.Live {
				calm = append(calm, "rename "+c.Was+" to "+c.Name+" ("+c.Impact.String()+")")
			}
		case plan.Restart, plan.Stop:
			calm = append(calm, string(c.Action)+" "+c.Name)
		case plan.Recreate:
			if !slices.Contains(a.Recreate, c.Name) {
				list = append(list, demand{"recreate " + c.Name, c.Name, "--allow-recreate=" + c.Name})
			}
		case plan.Retire:
			if d := a.farewell(c); d.what != "" {
				list = append(list, d)
			}
		}
	}
	if len(calm) > 0 && !a.Yes {
		list = slices.Insert(list, 0, demand{strings.Join(calm, ", "), "", "--yes"})
	}
	return list
}

// farewell is what has to be agreed to before a container goes.
func (a answers) farewell(c plan.ContainerPlan) demand {
	switch {
	case a.Named && !a.Yes:
		return demand{"destroy " + c.Name, c.Name, "--yes"}
	case a.Named:
		return demand{}
	case c.Removed != "" && !a.Prune && !slices.Contains(a.Remove, c.Name):
		return demand{c.Removed + " " + c.Name, c.Name, "--allow-remove=" + c.Name}
	case c.Removed == "" && !a.Prune:
		return demand{"retire " + c.Name, c.Name, "--prune"}
	}
	return demand{}
}

// approve asks for what was not answered beforehand.
func (r *run) approve(ctx context.Context, list []demand) error {
	if len(list) == 0 {
		return nil
	}
	if !terminal(r.Stdin) || !terminal(r.Stderr) {
		return missing(list)
	}
	in := bufio.NewReader(r.Stdin)
	for _, d := range list {
		if err := r.ask(ctx, in, d); err != nil {
			return err
		}
	}
	return nil
}

// missing names the options that would have answered.
func missing(list []demand) error {
	var what, flags []string
	for _, d := range list {
		what = append(what, d.what)
		if !slices.Contains(flags, d.flag) {
			flags = append(flags, d.flag)
		}
	}
	return fmt.Errorf("%w: to %s add %s", errApproval, strings.Join(what, ", "), strings.Join(flags, " "))
}

// ask waits for an answer, or for ctx.
func (r *run) ask(ctx context.Context, in *bufio.Reader, d demand) error {
	if d.name == "" {
		fmt.Fprintf(r.Stderr, "\n%s? [y/N] ", d.what)
	} else {
		fmt.Fprintf(r.Stderr, "\nTo %s, type its name: ", d.what)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := in.ReadString('\n') // what was typed before the end is the answer
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: interrupted", errApproval)
	case line := <-answer:
		if !agrees(d, line) {
			return fmt.Errorf("%w: %s", errApproval, d.what)
		}
		return nil
	}
}

func agrees(d demand, line string) bool {
	if d.name != "" {
		return line == d.name
	}
	return strings.EqualFold(line, "y") || strings.EqualFold(line, "yes")
}
