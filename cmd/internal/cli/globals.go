package cli

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile/apply"
	"strake/reconcile/event"
)

// Globals are the options of every command.
type Globals struct {
	StateDir    string // absolute
	LXCPath     string // absolute
	ImageServer string // of "images:NAME"; "": the LXC project's
	LockTimeout time.Duration
	Color       string // "auto", "always", "never"
	Plain       bool
	JSON        bool
	Quiet       bool
	Verbose     bool

	Copies bool // tests only: as on a kernel without id-mapped mounts
}

func globalFlags() []cli.Flag {
	env := func(name string) []string { return []string{"STRAKE_" + name} }
	return []cli.Flag{
		&cli.StringFlag{Name: "state-dir", Value: "/var/lib/strake", EnvVars: env("STATE_DIR"), Usage: "strake's own `FOLDER`"},
		&cli.StringFlag{Name: "lxc-path", Value: "/var/lib/lxc", EnvVars: env("LXC_PATH"), Usage: "`FOLDER` that liblxc keeps containers in"},
		&cli.StringFlag{Name: "image-server", EnvVars: env("IMAGE_SERVER"), Usage: "`ADDRESS` of the server of images:NAME, instead of the LXC project's"},
		&cli.DurationFlag{Name: "lock-timeout", Value: 30 * time.Second, EnvVars: env("LOCK_TIMEOUT"), Usage: "how long to wait for another strake"},
		&cli.StringFlag{Name: "color", Value: "auto", EnvVars: env("COLOR"), Usage: "`WHEN` to use colour: auto, always or never"},
		&cli.BoolFlag{Name: "plain", EnvVars: env("PLAIN"), Usage: "tables for scripts: no head, columns parted by tabs"},
		&cli.BoolFlag{Name: "json", EnvVars: env("JSON"), Usage: "print JSON"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, EnvVars: env("QUIET"), Usage: "print no messages but errors"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, EnvVars: env("VERBOSE"), Usage: "print every step"},
		&cli.BoolFlag{Name: "version", Usage: "print the version"},
	}
}

// before reads the global options.
func (r *run) before(c *cli.Context) error {
	r.g = Globals{
		ImageServer: c.String("image-server"), LockTimeout: c.Duration("lock-timeout"), Color: c.String("color"),
		Plain: c.Bool("plain"), JSON: c.Bool("json"), Quiet: c.Bool("quiet"), Verbose: c.Bool("verbose"),
		Copies: r.env("STRAKE_NO_IDMAP") == "1" && r.env("STRAKE_TESTING") == "1",
	}
	if !slices.Contains([]string{"auto", "always", "never"}, r.g.Color) {
		return usage("--color is auto, always or never")
	}
	if u, err := url.Parse(r.g.ImageServer); err != nil || r.g.ImageServer != "" && (u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil) {
		return usage("--image-server is an address such as https://images.example.org")
	}
	var err error
	if r.g.StateDir, err = filepath.Abs(c.String("state-dir")); err != nil {
		return fmt.Errorf("find state folder: %w", err)
	}
	if r.g.LXCPath, err = filepath.Abs(c.String("lxc-path")); err != nil {
		return fmt.Errorf("find LXC path: %w", err)
	}
	return nil
}

// env is one variable of the environment.
func (r *run) env(name string) string {
	for _, v := range slices.Backward(r.Env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// style is how to write to a stream: with colour on a terminal that has some.
func (r *run) style(stream any) view.Style {
	s := view.Style{Plain: r.g.Plain}
	switch r.g.Color {
	case "always":
		s.Color = true
	case "auto", "":
		s.Color = terminal(stream) && r.env("NO_COLOR") == "" && r.env("TERM") != "dumb"
	}
	return s
}

// say is a message for people.
func (r *run) say(format string, args ...any) {
	if !r.g.Quiet {
		fmt.Fprintf(r.Stderr, format+"\n", args...)
	}
}

// progress and event tell what takes time: on a terminal, or when asked to.
func (r *run) progress(line string) {
	if !r.g.Quiet && (r.g.Verbose || terminal(r.Stderr)) {
		fmt.Fprintln(r.Stderr, line)
	}
}

func (r *run) event(e event.Event) {
	if r.g.JSON && r.g.Verbose {
		_ = view.Line(r.Stderr, e)
		return
	}
	switch line := view.Event(e, r.g.Verbose); {
	case line == "":
	case e.Forced():
		r.say("%s", line)
	default:
		r.progress(line)
	}
}

// crash is how tests kill strake at its n-th journalled moment.
func (r *run) crash() *apply.Crash {
	n, err := strconv.ParseInt(r.env("STRAKE_CRASH_AT"), 10, 64)
	if err != nil || r.env("STRAKE_TESTING") != "1" {
		return nil
	}
	return &apply.Crash{At: n}
}
