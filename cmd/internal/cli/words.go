package cli

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts options before arguments and global options before the
// command, so that people may write them anywhere: the library stops looking
// for options at the first argument. What follows "--", and what `run` is to
// execute, stays as it is.
func arrange(app *cli.App, args []string) []string {
	var global []string
	for len(args) > 0 && isOption(args[0]) {
		n := min(width(app.Flags, args), len(args))
		global, args = append(global, args[:n]...), args[n:]
	}
	if len(args) > 0 && args[0] == "help" {
		return slices.Concat(global, args[1:min(2, len(args))], []string{"--help"})
	}
	if len(args) == 0 || app.Command(args[0]) == nil {
		return append(global, args...)
	}
	cmd := app.Command(args[0])
	if cmd.SkipFlagParsing {
		return append(global, args...)
	}
	var own, words []string
	args = args[1:]
	for len(args) > 0 {
		switch {
		case args[0] == "--":
			words, args = append(words, args[1:]...), nil
		case !isOption(args[0]):
			words, args = append(words, args[0]), args[1:]
			if cmd.Name == "run" || cmd.Name == "debug" && len(words) == 2 {
				words, args = append(words, args...), nil
			}
		case find(cmd.Flags, args[0]) == nil && find(app.Flags, args[0]) != nil:
			n := width(app.Flags, args)
			if n > len(args) {
				return append(global, args...)
			}
			global, args = append(global, args[:n]...), args[n:]
		default:
			n := width(cmd.Flags, args)
			if n > len(args) {
				return slices.Concat(global, []string{cmd.Name}, own, args) // the library says what is missing
			}
			own, args = append(own, args[:n]...), args[n:]
		}
	}
	return slices.Concat(global, []string{cmd.Name}, own, []string{"--"}, words)
}

func isOption(word string) bool { return len(word) > 1 && word[0] == '-' && word != "--" }

// find is the flag that a word names.
func find(flags []cli.Flag, word string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// width is how many words the option at the start takes, there or not.
func width(flags []cli.Flag, args []string) int {
	f, ok := find(flags, args[0]).(cli.DocGenerationFlag)
	if ok && f.TakesValue() && !strings.Contains(args[0], "=") {
		return 2
	}
	return 1
}

// badFlag turns the library's word about an option into a usage error.
func badFlag(c *cli.Context, err error, _ bool) error {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return usage("%s; see strake %s--help", err, of(c.Command))
	}
	var known []string
	for _, f := range slices.Concat(c.Command.Flags, c.App.Flags) {
		known = append(known, f.Names()...)
	}
	name, _, _ = strings.Cut(strings.TrimLeft(name, "-"), "=")
	if len(name) == 1 { // another letter is another option, and no slip
		return usage("unknown option -%s; see strake %s--help", name, of(c.Command))
	}
	return unknown("option", name, known)
}

// of is the command's name and a space; the program itself has none.
func of(c *cli.Command) string {
	if c.Name == "" || c.Name == "strake" {
		return ""
	}
	return c.Name + " "
}

// unknown is a usage error that says what may have been meant.
func unknown(kind, name string, known []string) error {
	dash := ""
	if kind == "option" {
		dash = "--"
	}
	if best := nearest(name, known); best != "" {
		return usage("unknown %s %s%s; did you mean %s%s?", kind, dash, name, dash, best)
	}
	return usage("unknown %s %s%s; see strake --help", kind, dash, name)
}

// nearest is the known word that is a slip of the pen away; "" for none.
func nearest(word string, known []string) string {
	best, least := "", max(len(word)/3, 1)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with the
// next (Damerau and Levenshtein's, restricted to one edit per place).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// arguments checks how many there are. names say what is required first, and
// what may follow, in brackets; "..." ends a list of any length.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	args := c.Args().Slice()
	least, most := 0, len(names)
	for _, n := range names {
		if !strings.HasPrefix(n, "[") {
			least++
		}
	}
	if most > 0 && strings.Contains(names[most-1], "...") {
		most = len(args)
	}
	switch {
	case len(args) < least:
		return nil, usage("%s is missing: strake %s %s", strings.TrimSuffix(names[len(args)], "..."), c.Command.Name, strings.Join(names, " "))
	case len(args) > most && most >= least:
		return nil, usage("too many arguments, %q: strake %s %s", args[most], c.Command.Name, strings.Join(names, " "))
	}
	return args, nil
}

// number reads a generation's number.
func number(word string) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 {
		return 0, usage("%q is no generation's number", word)
	}
	return n, nil
}

// optional is the argument at i, or "".
func optional(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}
