package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) listGenerationsCommand() *cli.Command {
	return &cli.Command{
		Name: "list-generations", Category: "generations",
		Usage: "list the generations of a container, or of the stack", ArgsUsage: "[NAME]",
		Flags:  []cli.Flag{&cli.StringFlag{Name: "stack", Usage: "of this stack, `NAME`"}},
		Action: r.listGenerations,
	}
}

func (r *run) listGenerations(c *cli.Context) error {
	args, err := arguments(c, "[NAME]")
	if err != nil {
		return err
	}
	if len(args) > 0 && c.IsSet("stack") {
		return usage("a container and --stack are two different things: name one")
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	list, err := r.history(e, optional(args, 0), c.String("stack"))
	if list == nil {
		return err
	}
	if shown := r.showHistory(list); err == nil {
		err = shown
	}
	return err
}

func (r *run) history(e *reconcile.Engine, container, stack string) ([]reconcile.Entry, error) {
	if container != "" {
		return e.History(container)
	}
	stack, err := onlyStack(e, stack)
	if err != nil {
		return nil, err
	}
	return e.StackHistory(stack)
}

// onlyStack is the stack that is meant where none is named: the only one.
func onlyStack(e *reconcile.Engine, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	list, err := e.State.Stacks()
	switch {
	case err != nil:
		return "", err
	case len(list) == 0:
		return "", fmt.Errorf("%w: there is no stack yet", reconcile.ErrUnknown)
	case len(list) > 1:
		return "", usage("there are several stacks: say --stack %s", strings.Join(list, ", or --stack "))
	}
	return list[0], nil
}

func (r *run) showHistory(list []reconcile.Entry) error {
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version     int               `json:"version"`
			Generations []reconcile.Entry `json:"generations"`
		}{1, list})
	}
	return view.History(list).Write(r.Stdout, r.style(r.Stdout))
}
