package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/config"
	"strake/cmd/internal/view"
	"strake/reconcile"
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
		noProbeFlag(),
		&cli.BoolFlag{Name: "defer-restart", Usage: "leave what needs a restart to the next start"},
		&cli.StringSliceFlag{Name: "reset-writable", Usage: "drop a container's own changes of `PATH`, at a restart; repeatable"},
		&cli.BoolFlag{Name: "move-stack", Usage: "the stack comes from another place now"},
		&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "why, for the histories"},
		&cli.StringFlag{Name: "commit", Usage: "source revision of the configuration, for the histories"},
	}, v.flags()...)
}

// wish reads the configuration at path and how to take it.
func (r *run) wish(c *cli.Context, path string, v *values) (reconcile.Wish, error) {
	conf, err := r.load(path, v)
	if err != nil {
		return reconcile.Wish{}, err
	}
	if r.g.JSON && len(r.warned) > 0 && !r.g.Quiet {
		_ = view.DiagnosticsJSON(r.Stderr, r.warned) // stdout is the plan's
	}
	w := conf.Wish()
	w.Commit, w.Message = c.String("commit"), c.String("message")
	w.Target, w.Exclude, w.Reset = c.StringSlice("target"), c.StringSlice("exclude"), c.StringSlice("reset-writable")
	w.Prune, w.Defer, w.MoveStack, w.NoProbe = c.Bool("prune"), c.Bool("defer-restart"), c.Bool("move-stack"), c.Bool("no-probe")
	return w, nil
}

// load reads a configuration. Warnings go to stderr; errors are
// spec.Diagnostics.
func (r *run) load(path string, v *values) (config.Config, error) {
	c, err := config.Load(path, lang.Variables{Environment: r.variables(), Given: v.given})
	if err != nil {
		return c, err
	}
	if r.warned = c.Warned; !r.g.Quiet && !r.g.JSON {
		_ = view.Diagnostics(r.Stderr, c.Warned, r.style(r.Stderr))
	}
	return c, nil
}

// variables are those of the environment.
func (r *run) variables() map[string]string { return config.Variables(r.Env) }

// noProbeFlag leaves a question out.
func noProbeFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-probe", Usage: "do not ask the neighbours whether somebody has a new address already"}
}
