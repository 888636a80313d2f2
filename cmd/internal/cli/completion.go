package cli

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
	"strake/reconcile/state"
	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
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
	last, before := "", ""
	words = apart(words)
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	if option, value, ok := strings.Cut(last, "="); ok && isDash(last) {
		words, last, before = append(words, option), value, option+"=" // as zsh and fish say it
	}
	option := ""
	for len(words) > 0 && isOption(words[0]) {
		n := width(app.Flags, words)
		if n > len(words) {
			option = words[0]
		}
		words = words[min(n, len(words)):]
	}
	var list []string
	switch {
	case option != "":
		list = r.valueOf(option)
	case len(words) == 0 && isDash(last):
		list = options(app.Flags)
	case len(words) == 0:
		list = names(app.Commands)
	default:
		list = r.within(app, words, last)
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(w string) bool { return !strings.HasPrefix(w, last) })
	for i := range list {
		list[i] = before + list[i]
	}
	return list
}

// apart mends what bash makes of --target=NAME: three words.
func apart(words []string) []string {
	list := slices.Clone(words[:min(1, len(words))])
	for i := 1; i < len(words); i++ {
		if words[i] == "=" && isDash(words[i-1]) {
			if i == len(words)-1 {
				list = append(list, "")
			}
			continue
		}
		list = append(list, words[i])
	}
	return list
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
	case "target", "exclude":
		return append(r.containers(), r.wished()...)
	case "allow-recreate", "allow-remove":
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
		switch cmd.Name {
		case "import":
			return nil // those are not strake's yet
		case "render":
			return r.wished()
		case "create", "update":
			return append(r.containers(), r.wished()...)
		}
		return r.containers()
	case "RUN":
		return r.asked()
	case "IMAGE":
		return r.wishedImages()
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

// asked are the runs that wait for approval.
func (r *run) asked() []string {
	e := reconcile.Engine{State: state.Open(r.g.StateDir, nil)}
	questions, _ := e.Questions()
	var list []string
	for _, q := range questions {
		list = append(list, q.Run)
	}
	return list
}

// wished are the containers of the configuration in the current folder.
func (r *run) wished() []string {
	var list []string
	for _, c := range r.here().Containers {
		list = append(list, c.Name)
	}
	return list
}

func (r *run) wishedImages() []string {
	var list []string
	for _, i := range r.here().Images {
		if i.Name != "" {
			list = append(list, i.Name)
		}
	}
	return list
}

// here is what the configuration in the current folder says; nothing, or the
// part that can be understood, when it is not valid.
func (r *run) here() spec.Stack {
	text, err := source.Read(".")
	if err != nil {
		return spec.Stack{}
	}
	stack, _ := lang.Load(text, lang.Variables{Environment: r.variables()})
	return stack
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
