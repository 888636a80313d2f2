package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
)

// release is the version that is being worked on.
const release = "0.1.0"

// version is the release and the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	rev, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", changed"
		}
	}
	if rev == "" {
		return release
	}
	return release + " (" + rev + changed + ")"
}

func (r *run) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Category: "about strake", Usage: "print the version",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return r.printVersion()
		},
	}
}

func (r *run) printVersion() error {
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version int    `json:"version"`
			Strake  string `json:"strake"`
		}{1, version()})
	}
	_, err := fmt.Fprintln(r.Stdout, "strake "+version())
	return err
}
