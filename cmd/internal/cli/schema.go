package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/schema"
)

func schemas() []string { return []string{"spec", "plan", "event"} }

func (r *run) schemaCommand() *cli.Command {
	return &cli.Command{
		Name: "schema", Category: "about strake",
		Usage: "print the JSON Schema of *.hcl.json, of plan --json, or of events", ArgsUsage: "[spec|plan|event]",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "[spec|plan|event]")
			if err != nil {
				return err
			}
			name := optional(args, 0)
			if name == "" {
				name = "spec"
			}
			if !slices.Contains(schemas(), name) {
				return unknown("schema", name, schemas())
			}
			text, err := schema.Of(name)
			if err != nil {
				return err
			}
			_, err = r.Stdout.Write(text)
			return err
		},
	}
}
