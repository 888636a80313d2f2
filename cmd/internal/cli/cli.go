// Package cli is the command line: one file for each command, one table of
// exit codes, one set of rules for what has to be approved. It turns words
// into calls of the engine and hands what comes back to package view; it
// decides nothing about containers itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/reconcile/host/image"
	"strake/reconcile/host/lxc"
	"strake/spec"
)

// Program is the outside world of one call of strake.
type Program struct {
	Open   func(Globals) (*Deps, error) // required; called by commands that need the host
	Stdin  io.Reader                    // a terminal only where it is an *os.File
	Stdout io.Writer
	Stderr io.Writer
	Env    []string // "NAME=value"
	UID    int      // effective
	User   string   // who is at work, for histories
}

// Deps is what commands act through.
type Deps struct {
	Engine  *reconcile.Engine // required; By, Wait, Progress, Event and Crash are set here
	Console console           // required: *lxc.Runtime
	Images  images            // required: *image.Store
	Proxy   proxy             // required: *porter.Porter

	Debugger debugger // required
}

// console runs commands inside containers.
type console interface {
	Run(ctx context.Context, name string, c lxc.Command) (exit int, err error)
}

// images is the image store.
type images interface {
	List() ([]image.Meta, error)
	Remove(digest string) error
	Watch(image.Meter)
}

// run is one call under way.
type run struct {
	Program
	g      Globals
	warned spec.Diagnostics // warnings of the configuration, where they go into a document
	aloof  bool             // it is for liblxc, or watches itself
}

// Run does what args (without the program's name) say and returns the exit code.
func (p Program) Run(ctx context.Context, args []string) int {
	r := &run{Program: p}
	app := r.app()
	err := app.RunContext(ctx, append([]string{"strake"}, arrange(app, args)...))
	r.complain(err)
	return Code(err)
}

// complain says on stderr what went wrong; with --json, what is wrong with a
// configuration is the document that was asked for.
func (r *run) complain(err error) {
	var quiet exitCode
	var ds spec.Diagnostics
	switch {
	case err == nil, errors.As(err, &quiet):
	case r.g.JSON && errors.As(err, &ds):
		_ = view.DiagnosticsJSON(r.Stdout, ds)
	case r.g.JSON && Code(err) == invalidCode:
		_ = view.DiagnosticsJSON(r.Stdout, spec.Diagnostics{{Severity: spec.Error, Summary: err.Error()}})
	case errors.As(err, &ds):
		_ = view.Diagnostics(r.Stderr, ds, r.style(r.Stderr))
	default:
		fmt.Fprintf(r.Stderr, "strake: %s\n", strings.TrimPrefix(err.Error(), reconcile.ErrUnknown.Error()+": "))
	}
}

func (r *run) app() *cli.App {
	app := &cli.App{
		Name:            "strake",
		Usage:           "keep LXC containers as a configuration file says",
		UsageText:       "strake [global options] COMMAND [options] [arguments]",
		Description:     "Every change is a numbered generation of its container; `strake rollback NAME` goes back.\n\nExit codes: " + codeHelp(),
		Version:         version(),
		HideVersion:     true,
		HideHelpCommand: true,
		Flags:           globalFlags(),
		Before:          r.before,
		Action:          r.noCommand,
		OnUsageError:    badFlag,
		ExitErrHandler:  func(*cli.Context, error) {}, // Run does it
		Writer:          r.Stdout,
		ErrWriter:       r.Stderr,
		Commands:        r.commands(),
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true // else `strake status help` is no container
		c.OnUsageError = badFlag
	}
	return app
}

// commands is the command tree, in the order in which help shows it.
func (r *run) commands() []*cli.Command {
	return []*cli.Command{
		r.validateCommand(), r.fmtCommand(), r.renderCommand(),
		r.planCommand(), r.applyCommand(), r.createCommand(), r.updateCommand(),
		r.statusCommand(), r.existsCommand(), r.stateCommand(), r.showIPCommand(),
		r.listGenerationsCommand(), r.showGenerationCommand(), r.diffGenerationsCommand(),
		r.rollbackCommand(), r.switchGenerationCommand(), r.deleteGenerationsCommand(),
		r.snapshotCommand(), r.diffRootfsCommand(), r.pinCommand(), r.unpinCommand(), r.releaseCommand(), r.gcCommand(),
		r.confirmCommand(), r.approveCommand(), r.suspendCommand(), r.resumeCommand(),
		r.startCommand(), r.stopCommand(), r.terminateCommand(), r.restartCommand(), r.freezeCommand(), r.unfreezeCommand(), r.bootCommand(),
		r.loginCommand(), r.runCommand(), r.debugCommand(), r.logsCommand(), r.eventsCommand(), r.installUnitsCommand(),
		r.destroyCommand(), r.undestroyCommand(), r.importCommand(), r.forgetCommand(),
		r.agentCommand(), r.syncCommand(),
		r.lockCommand(), r.imagesCommand(), r.layersCommand(), r.verifyCommand(), r.networksCommand(), r.egressCommand(), r.secretCommand(), r.doctorCommand(),
		r.completionCommand(), r.completeCommand(), r.manCommand(), r.schemaCommand(), r.versionCommand(), r.hookCommand(), r.watchCommand(),
	}
}

// noCommand is reached when the first word is no command, or there is none.
func (r *run) noCommand(c *cli.Context) error {
	if c.Bool("version") {
		return r.printVersion()
	}
	if !c.Args().Present() {
		c.App.Writer = r.Stderr
		_ = cli.ShowAppHelp(c)
		return exitCode(usageCode)
	}
	return unknown("command", c.Args().First(), names(c.App.Commands))
}

func names(commands []*cli.Command) []string {
	var list []string
	for _, c := range commands {
		if !c.Hidden {
			list = append(list, c.Names()...)
		}
	}
	return list
}

// root refuses everybody else.
func (r *run) root() error {
	if r.UID != 0 {
		return errNotRoot
	}
	return nil
}

// deps opens the host for root.
func (r *run) deps() (*Deps, error) {
	if err := r.root(); err != nil {
		return nil, err
	}
	d, err := r.Open(r.g)
	if err != nil {
		return nil, err
	}
	e := d.Engine
	e.By, e.Wait, e.Progress, e.Event, e.Crash = r.User, r.g.LockTimeout, r.progress, r.event, r.crash()
	if !r.aloof {
		_ = e.Attend() // that nobody can watch over what waits to be confirmed, is told by who changes something
	}
	if !r.g.Quiet && terminal(r.Stderr) && r.env("TERM") != "dumb" {
		d.Images.Watch(view.Meter(r.Stderr))
	}
	return d, nil
}

// engine is deps for those that need nothing else.
func (r *run) engine() (*reconcile.Engine, error) {
	d, err := r.deps()
	if err != nil {
		return nil, err
	}
	return d.Engine, nil
}

func isFile(v any) (*os.File, bool) {
	f, ok := v.(*os.File)
	return f, ok
}
