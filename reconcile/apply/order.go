package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"strake/reconcile/event"
	"strake/reconcile/plan"
)

// all runs the containers, as many at a time as Parallel says, each after
// those that it needs.
func (r *runner) all(ctx context.Context, acting []plan.ContainerPlan) {
	done := make(map[string]chan struct{}, len(acting))
	for _, c := range acting {
		done[c.Name] = make(chan struct{})
	}
	r.slots = make(chan struct{}, r.opt.Parallel)
	var group sync.WaitGroup
	first := predecessors(acting)
	r.canaries = canaries(acting, first)
	turns, waves := turns(acting), wavesOf(acting, first)
	for _, c := range acting {
		group.Go(func() {
			defer close(done[c.Name])
			defer waves.over(c.Name)
			for _, name := range first[c.Name] {
				<-done[name]
			}
			waves.wait(c.Name)
			if turn := turns[c.Group]; turn != nil {
				turn <- struct{}{}
				defer func() { <-turn }()
			}
			r.slots <- struct{}{}
			defer func() { <-r.slots }()
			r.finish(r.one(ctx, c, first[c.Name]))
		})
	}
	group.Wait()
}

// one runs a container unless something it needs has failed.
func (r *runner) one(ctx context.Context, c plan.ContainerPlan, first []string) Result {
	if c.Want != nil {
		for _, name := range first {
			if out := r.outcome(name); out != "applied" {
				r.event(c.Name, "", event.Skipped, nil)
				return Result{Name: c.Name, From: c.From, To: c.From, Outcome: "skipped",
					Err: fmt.Errorf("%s: skipped: %s, which %s, was not applied", c.Name, name, need(c, name))}
			}
		}
	}
	if err := canceled(ctx); err != nil {
		return Result{Name: c.Name, From: c.From, To: c.From, Outcome: "skipped", Err: fmt.Errorf("%s: skipped: %w", c.Name, err)}
	}
	return r.container(ctx, c)
}

// need says in what way a container comes after another.
func need(c plan.ContainerPlan, name string) string {
	if slices.Contains(c.Want.DependsOn, name) {
		return "it depends on"
	}
	return "goes first of its group"
}

func (r *runner) finish(res Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[res.Name] = res
}

func (r *runner) outcome(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.results[name].Outcome
}

// predecessors says after which others each container's turn comes: after
// what it depends on when it comes up, after what depends on it when it goes.
// The configuration has no cycles; two generations of it together might, so a
// container that goes waits only for others that go.
func predecessors(acting []plan.ContainerPlan) map[string][]string {
	byName := map[string]plan.ContainerPlan{}
	for _, c := range acting {
		byName[c.Name] = c
	}
	first := map[string][]string{}
	for _, c := range acting {
		if c.Want != nil {
			for _, dep := range c.Want.DependsOn {
				if d, ok := byName[dep]; ok && d.Want != nil {
					first[c.Name] = append(first[c.Name], dep)
				}
			}
			continue
		}
		for _, dep := range c.Last.DependsOn {
			if d, ok := byName[dep]; ok && d.Want == nil && !slices.Contains(first[dep], c.Name) {
				first[dep] = append(first[dep], c.Name)
			}
		}
	}
	return first
}

// canceled is why the work is to end, in the words of whoever ended it where it is
// no signal; nil while it is not.
func canceled(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return cause
	}
	return ctx.Err()
}
