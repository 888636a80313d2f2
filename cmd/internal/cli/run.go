package cli

import (
	"context"
	"maps"

	"github.com/urfave/cli/v2"

	"strake/reconcile/host/lxc"
)

func (r *run) runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Category: "running",
		Usage: "run a command in a container; its exit code is passed on", ArgsUsage: "NAME -- CMD...",
		Flags: []cli.Flag{&cli.StringFlag{Name: "dir", Value: "/", Usage: "in this `FOLDER`"}},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME", "CMD...")
			if err != nil {
				return err
			}
			name, words := args[0], args[1:]
			if words[0] == "--" {
				words = words[1:]
			}
			if len(words) == 0 {
				return usage("CMD is missing: strake run NAME -- CMD...")
			}
			return r.inside(c.Context, name, lxc.Command{Args: words, Dir: c.String("dir"), TTY: terminal(r.Stdin) && terminal(r.Stdout)})
		},
	}
}

// inside runs a command with the container's environment and our streams.
func (r *run) inside(ctx context.Context, name string, cmd lxc.Command) error {
	d, err := r.deps()
	if err != nil {
		return err
	}
	declared, err := d.Engine.Variables(name)
	if err != nil {
		return err
	}
	cmd.Env = r.environment(declared)
	cmd.Stdin, _ = isFile(r.Stdin)
	cmd.Stdout, _ = isFile(r.Stdout)
	cmd.Stderr, _ = isFile(r.Stderr)
	code, err := d.Console.Run(ctx, name, cmd)
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}

// environment is what a login of root would have, and what was declared.
func (r *run) environment(declared map[string]string) map[string]string {
	env := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": "/root", "USER": "root", "LOGNAME": "root", "TERM": "dumb",
	}
	if term := r.env("TERM"); term != "" {
		env["TERM"] = term
	}
	maps.Copy(env, declared)
	return env
}
