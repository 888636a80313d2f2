package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// values gathers --var and --var-file in the order of the command line: a
// later one wins.
type values struct{ given []lang.Given }

// one is --var NAME=VALUE.
type one struct{ *values }

func (v one) String() string { return "" }

func (v one) Set(word string) error {
	name, value, ok := strings.Cut(word, "=")
	if !ok || name == "" {
		return fmt.Errorf("--var takes NAME=VALUE, not %q", word)
	}
	v.given = append(v.given, lang.Given{Name: name, Value: value})
	return nil
}

// many is --var-file FILE.
type many struct{ *values }

func (v many) String() string { return "" }

func (v many) Set(path string) error {
	f, err := source.ReadVars(path)
	if err != nil {
		return err
	}
	v.given = append(v.given, lang.Given{File: &f})
	return nil
}

func (v *values) flags() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "var", Value: one{v}, Usage: "value of a variable, `NAME=VALUE`; also STRAKE_VAR_NAME"},
		&cli.GenericFlag{Name: "var-file", Value: many{v}, Usage: "`FILE` of variables' values"},
	}
}

// wishFlags say which part of a configuration to take, and how.
func wishFlags(v *values) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringSliceFlag{Name: "target", Usage: "only this container, `NAME`; repeatable"},
		&cli.StringSliceFlag{Name: "exclude", Usage: "not this container, `NAME`; repeatable"},
		&cli.BoolFlag{Name: "prune", Usage: "retire containers that left the configuration"},
		&cli.BoolFlag{Name: "no-probe", Usage: "do not ask the neighbours whether somebody has a new address already"},
		&cli.BoolFlag{Name: "defer-restart", Usage: "leave what needs a restart to the next start"},
		&cli.StringSliceFlag{Name: "reset-writable", Usage: "drop a container's own changes of `PATH`, at a restart; repeatable"},
		&cli.BoolFlag{Name: "move-stack", Usage: "the stack comes from another place now"},
		&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "why, for the histories"},
		&cli.StringFlag{Name: "commit", Usage: "source revision of the configuration, for the histories"},
	}, v.flags()...)
}

// wish reads the configuration at path and how to take it.
func (r *run) wish(c *cli.Context, path string, v *values) (reconcile.Wish, error) {
	text, stack, err := r.load(path, v)
	if err != nil {
		return reconcile.Wish{}, err
	}
	if r.g.JSON && len(r.warned) > 0 && !r.g.Quiet {
		_ = view.DiagnosticsJSON(r.Stderr, r.warned) // stdout is the plan's
	}
	return reconcile.Wish{
		Stack: stack, Source: called(path, text), Root: text.Root, Origin: text.Origin,
		Commit: c.String("commit"), Message: c.String("message"),
		Target: c.StringSlice("target"), Exclude: c.StringSlice("exclude"),
		Prune: c.Bool("prune"), Defer: c.Bool("defer-restart"), MoveStack: c.Bool("move-stack"), NoProbe: c.Bool("no-probe"), Reset: c.StringSlice("reset-writable"),
	}, nil
}

// load reads a configuration. Warnings go to stderr; errors are
// spec.Diagnostics.
func (r *run) load(path string, v *values) (source.Text, spec.Stack, error) {
	if path == "" {
		path = "."
	}
	text, err := source.Read(path)
	if err != nil {
		return text, spec.Stack{}, fmt.Errorf("%w configuration: %w", errInvalid, named(path, err))
	}
	stack, ds := lang.Load(text, lang.Variables{Environment: r.variables(), Given: v.given})
	if ds.HasErrors() {
		return text, stack, ds
	}
	if r.warned = ds; !r.g.Quiet && !r.g.JSON {
		_ = view.Diagnostics(r.Stderr, ds, r.style(r.Stderr))
	}
	return text, stack, nil
}

// named adds a hint where the current folder was taken for want of a path.
func named(path string, err error) error {
	if path == "." && errors.Is(err, source.ErrEmpty) {
		return fmt.Errorf("%w; give the path of a file or folder", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no such file or folder", path)
	}
	return err
}

// called is what people call a configuration.
func called(path string, text source.Text) string {
	if path == "" || path == "." {
		return filepath.Base(text.Root)
	}
	return path
}

// variables are those of the environment, STRAKE_VAR_x being x.
func (r *run) variables() map[string]string {
	found := map[string]string{}
	for _, v := range r.Env {
		if rest, ok := strings.CutPrefix(v, "STRAKE_VAR_"); ok {
			if name, value, ok := strings.Cut(rest, "="); ok {
				found[name] = value
			}
		}
	}
	return found
}
