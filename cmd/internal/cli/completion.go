package cli

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/reconcile/state"
)

//go:embed completion.bash
var bashScript string

//go:embed completion.zsh
var zshScript string

//go:embed completion.fish
var fishScript string

func (r *run) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: "about strake",
		Usage: "print a completion script for bash, zsh or fish", ArgsUsage: "SHELL",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "SHELL")
			if err != nil {
				return err
			}
			scripts := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
			text, ok := scripts[args[0]]
			if !ok {
				return unknown("shell", args[0], []string{"bash", "zsh", "fish"})
			}
			_, err = fmt.Fprint(r.Stdout, text)
			return err
		},
	}
}

// completeCommand answers the scripts: given the words of the command line
// after "strake", the last one unfinished, it prints what that could become,
// or nothing where it is a file.
func (r *run) completeCommand() *cli.Command {
	return &cli.Command{
		Name: "__complete", Hidden: true, SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			for _, word := range r.candidates(c.App, c.Args().Slice()) {
				fmt.Fprintln(r.Stdout, word)
			}
			return nil
		},
	}
}

func (r *run) candidates(app *cli.App, words []string) []string {
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	for len(words) > 0 && isOption(words[0]) {
		words = words[width(app.Flags, words):]
	}
	var list []string
	switch {
	case len(words) == 0 && isDash(last):
		list = options(app.Flags)
	case len(words) == 0:
		list = names(app.Commands)
	default:
		list = r.within(app, words, last)
	}
	slices.Sort(list)
	return slices.DeleteFunc(list, func(w string) bool { return !strings.HasPrefix(w, last) })
}

func isDash(word string) bool { return strings.HasPrefix(word, "-") }

// within completes behind a command: options, then the container that most
// commands take first.
func (r *run) within(app *cli.App, words []string, last string) []string {
	cmd := app.Command(words[0])
	if cmd == nil {
		return nil
	}
	if isDash(last) {
		return append(options(cmd.Flags), options(app.Flags)...)
	}
	if cmd.Name == "completion" {
		return []string{"bash", "zsh", "fish"}
	}
	n := 0 // arguments so far
	for words = words[1:]; len(words) > 0; {
		step := 1
		if isOption(words[0]) {
			step = width(slices.Concat(cmd.Flags, app.Flags), words)
		} else {
			n++
		}
		words = words[min(step, len(words)):]
	}
	if n > 0 || !strings.HasPrefix(strings.TrimPrefix(cmd.ArgsUsage, "["), "NAME") {
		return nil
	}
	list, _ := state.Open(r.g.StateDir, nil).Containers() // not root: none
	return list
}

func options(flags []cli.Flag) []string {
	var list []string
	for _, f := range flags {
		list = append(list, "--"+f.Names()[0])
	}
	return list
}
