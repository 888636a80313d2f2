package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/generations"
	"strake/reconcile"
	"strake/reconcile/plan"
	"strake/spec"
	"strake/spec/format"
	"strake/spec/lang"
	"strake/spec/source"
)

func (r *run) importCommand() *cli.Command {
	return &cli.Command{
		Name: "import", Category: "configuration",
		Usage: "print LXC containers that strake did not make as a configuration; with -o write it and take them over as they are", ArgsUsage: "NAME...",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "all LXC containers that nobody manages"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the configuration to `FILE`, a new one, and take the containers over"},
			&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "why, for the histories"},
		},
		Action: r.importThem,
	}
}

func (r *run) importThem(c *cli.Context) error {
	names := c.Args().Slice()
	if c.Bool("all") == (len(names) > 0) {
		return usage("say which containers, or --all: strake import NAME... | --all")
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	stack, err := r.found(c, e, names)
	if err != nil {
		return err
	}
	if len(stack.Containers) == 0 {
		r.say("there is no LXC container to take over")
		return nil
	}
	file := c.String("output")
	if file == "" {
		return r.importPrint(c, e, stack)
	}
	return r.importInto(c, e, stack, file)
}

// found describes the containers. Of all there are, those that somebody else
// manages are passed over, and said so.
func (r *run) found(c *cli.Context, e *reconcile.Engine, names []string) (spec.Stack, error) {
	if !c.Bool("all") {
		return e.Describe(c.Context, names)
	}
	all, err := e.Strangers(c.Context)
	if err != nil {
		return spec.Stack{}, err
	}
	var fit []string
	for _, name := range all {
		if _, err := e.Describe(c.Context, []string{name}); errors.Is(err, reconcile.ErrPolicy) {
			r.say("%s: left out: %v", name, err)
			continue
		} else if err != nil {
			return spec.Stack{}, err
		}
		fit = append(fit, name)
	}
	return e.Describe(c.Context, fit)
}

// importPrint prints the text, with the blocks that let apply do the rest.
func (r *run) importPrint(c *cli.Context, e *reconcile.Engine, stack spec.Stack) error {
	w := reconcile.Wish{Source: "import", Origin: "-", MoveStack: true}
	stack, err := r.settle(c, e, &w, stack, source.Text{Name: "import", Files: []source.File{{Name: "import.hcl"}}})
	if err != nil {
		return err
	}
	_, err = r.Stdout.Write(format.Write(stack))
	return err
}

// importInto writes the text to a new file and takes the containers over. The
// file is there only once all is approved, and not when nothing came of it.
func (r *run) importInto(c *cli.Context, e *reconcile.Engine, stack spec.Stack, file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("find %s: %w", file, err)
	}
	if !strings.HasSuffix(path, ".hcl") {
		return usage("-o takes the name of a new file that ends in .hcl")
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already; strake import writes a new file", file)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("write %s: there is no folder %s", file, filepath.Dir(path))
	}
	text := source.Text{Name: source.StackName(filepath.Base(path)), Root: filepath.Dir(path), Origin: path, Files: []source.File{{Name: filepath.Base(path)}}}
	w := reconcile.Wish{Source: file, Origin: path, Message: c.String("message")}
	if stack, err = r.settle(c, e, &w, stack, text); err != nil {
		return err
	}
	wrote := false
	err = r.carry(c, deed{
		check: func(p plan.Plan) error {
			if err := onlyAdopts(p); err != nil {
				return err
			}
			err := generations.WriteFile(path, format.Write(stack), 0o644)
			wrote = err == nil
			return err
		},
		do: func(how reconcile.How) (reconcile.Outcome, error) { return e.Apply(c.Context, w, how) },
	})
	if err != nil && wrote {
		return errors.Join(err, os.Remove(path))
	}
	return err
}

// settle reads the stack's own text again, and sees to it that its plan does
// nothing but take over. What a running container differs in from its
// configuration is left alone, and said so.
func (r *run) settle(c *cli.Context, e *reconcile.Engine, w *reconcile.Wish, stack spec.Stack, text source.Text) (spec.Stack, error) {
	for range 2 {
		text.Files[0].Bytes = format.Write(stack)
		read, ds := lang.Load(text, lang.Variables{})
		if ds.HasErrors() {
			_ = view.Diagnostics(r.Stderr, ds, r.style(r.Stderr))
			return stack, fmt.Errorf("%w: what these containers come to is no configuration that strake takes", reconcile.ErrPolicy)
		}
		w.Stack = read
		left, err := e.Leave(c.Context, w)
		if err != nil {
			return stack, err
		}
		if len(left) == 0 {
			break
		}
		for _, l := range left {
			r.say("%s: the running container has %s, its configuration %s; left alone", l.Path, something(l.Old), something(l.New))
		}
		for i := range stack.Containers {
			stack.Containers[i].Ignore = w.Stack.Containers[i].Ignore
		}
	}
	p, err := e.Plan(c.Context, *w)
	if err != nil {
		return stack, err
	}
	return stack, onlyAdopts(p)
}

func something(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// onlyAdopts refuses a plan that changes anything.
func onlyAdopts(p plan.Plan) error {
	for _, c := range p.Acting() {
		if c.Action != plan.Adopt || len(c.Changes) > 0 {
			return fmt.Errorf("%w: the plan would change container %s (%s)", reconcile.ErrPolicy, c.Name, c.Action)
		}
	}
	return nil
}
