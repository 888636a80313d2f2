package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/spec"
)

func pages() []string { return []string{"strake", "strake.hcl"} }

func (r *run) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Category: "about strake", Usage: "print a manual page, strake(1) or strake.hcl(5); `strake man | man -l -` shows it", ArgsUsage: "[PAGE]",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "[PAGE]")
			if err != nil {
				return err
			}
			var page string
			switch name := optional(args, 0); name {
			case "", "strake":
				page, err = c.App.ToManWithSection(1)
			case "strake.hcl":
				page = languagePage()
			default:
				return unknown("page", name, pages())
			}
			if err != nil {
				return fmt.Errorf("make the manual page: %w", err)
			}
			_, err = fmt.Fprint(r.Stdout, page)
			return err
		},
	}
}

// languagePage is strake.hcl(5): the table of the language as a page.
func languagePage() string {
	var b strings.Builder
	b.WriteString(".TH strake.hcl 5\n.SH NAME\nstrake.hcl \\- what containers there should be\n.SH DESCRIPTION\n" +
		"A configuration is one file or a folder of files, *.hcl or *.hcl.json. A file holds the blocks below. Every key is optional unless it is called required.\n")
	for _, w := range spec.Language().Words {
		word(&b, w)
	}
	b.WriteString(".SH BLOCKS\n")
	for _, in := range spec.Language().Blocks {
		if in.Name != "profile" {
			blockOf(&b, "", in)
			continue
		}
		b.WriteString(".SS profile \\(dqNAME\\(dq\n" + roff(in.Doc+" It holds what a container holds, but for_each, name and hostname. locked, a list of paths, forbids what uses it to set them.") + "\n")
	}
	b.WriteString(".SH SEE ALSO\n.BR strake (1)\n")
	return b.String()
}

func blockOf(b *strings.Builder, outer string, in *spec.Block) {
	head := outer + in.Name
	if in.Label != "" {
		head += ` "` + strings.ToUpper(in.Label) + `"`
	}
	fmt.Fprintf(b, ".SS %s\n%s\n", roff(head), roff(in.Doc))
	for _, w := range in.Words {
		word(b, w)
	}
	for _, n := range in.Blocks {
		blockOf(b, outer+in.Name+".", n)
	}
}

func word(b *strings.Builder, w spec.Word) {
	about := fmt.Sprintf("(%s, default %s)", w.Type, w.Default)
	if w.Required() {
		about = fmt.Sprintf("(%s, required)", w.Type)
	}
	if w.Values != nil {
		about += " One of " + strings.Join(w.Values, ", ") + "."
	}
	if w.Setting != nil && w.Setting.Impact != spec.None {
		about += " Change: " + w.Setting.Impact.String() + "."
	}
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n%s\n", roff(w.Name), roff(about), roff(w.Doc))
}

// roff protects what would be markup.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `"`, `\(dq`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
