package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"strake/reconcile/host/lxc"
	"strake/reconcile/resource"
)

// debugger runs commands in what a generation wrote.
type debugger interface {
	Debug(ctx context.Context, c resource.Container, written []string, cmd lxc.Command) (exit int, err error)
}

func (r *run) debugCommand() *cli.Command {
	return &cli.Command{
		Name: "debug", Category: "running",
		Usage: "a shell, or a command, in a copy of what a generation wrote, without network", ArgsUsage: "NAME N [-- CMD...]",
		Action: r.debug,
	}
}

func (r *run) debug(c *cli.Context) error {
	args, err := arguments(c, "NAME", "N", "[CMD...]")
	if err != nil {
		return err
	}
	words := args[2:]
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	n, err := number(args[1])
	if err != nil {
		return err
	}
	d, err := r.deps()
	if err != nil {
		return err
	}
	made, written, err := d.Engine.Wrote(args[0], n)
	if err != nil {
		return err
	}
	cmd := lxc.Command{Args: words, Env: r.environment(made.Environment), TTY: terminal(r.Stdin) && terminal(r.Stdout)}
	if len(cmd.Args) == 0 {
		cmd.Args = []string{"sh", "-c", shell}
	}
	cmd.Stdin, _ = isFile(r.Stdin)
	cmd.Stdout, _ = isFile(r.Stdout)
	cmd.Stderr, _ = isFile(r.Stderr)
	code, err := d.Debugger.Debug(c.Context, made, written, cmd)
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}
