package cli

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
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
	var args []string // so far
	for words = words[1:]; len(words) > 0; {
		step := 1
		if isOption(words[0]) {
			step = width(slices.Concat(cmd.Flags, app.Flags), words)
			if step > len(words) {
				return r.valueOf(words[0])
			}
		} else {
			args = append(args, words[0])
		}
		words = words[min(step, len(words)):]
	}
	return r.argument(cmd, args)
}

// valueOf completes what an option takes.
func (r *run) valueOf(option string) []string {
	switch strings.TrimLeft(option, "-") {
	case "target", "exclude", "allow-recreate", "allow-remove":
		return r.containers()
	case "stack":
		list, _ := state.Open(r.g.StateDir, nil).Stacks()
		return list
	case "format":
		return []string{"spec", "desired", "lxc"}
	case "color":
		return []string{"auto", "always", "never"}
	}
	return nil
}

// argument completes by what the command's usage calls it.
func (r *run) argument(cmd *cli.Command, args []string) []string {
	if cmd.Name == "man" && len(args) == 0 {
		return pages()
	}
	names := strings.Fields(strings.NewReplacer("[", "", "]", "", "...", "").Replace(cmd.ArgsUsage))
	if len(names) == 0 || len(args) > 0 && len(args) >= len(names) && !strings.Contains(cmd.ArgsUsage, "...") {
		return nil
	}
	switch names[min(len(args), len(names)-1)] {
	case "NAME":
		if cmd.Name == "import" {
			return nil // those are not strake's yet
		}
		return r.containers()
	case "N", "A", "B", "SPEC":
		return r.numbers(args[0])
	case "spec|plan|event":
		return schemas()
	}
	return nil
}

// containers are those that strake knows; not root: none.
func (r *run) containers() []string {
	list, _ := state.Open(r.g.StateDir, nil).Containers()
	return list
}

// numbers are those of a container's generations.
func (r *run) numbers(name string) []string {
	list, _ := state.Open(r.g.StateDir, nil).Book(name).Numbers()
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.Itoa(n)
	}
	return words
}

func options(flags []cli.Flag) []string {
	var list []string
	for _, f := range flags {
		list = append(list, "--"+f.Names()[0])
	}
	return list
}
