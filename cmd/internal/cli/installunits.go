package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/units"
	"strake/reconcile"
)

func (r *run) installUnitsCommand() *cli.Command {
	return &cli.Command{
		Name: "install-units", Category: "agent",
		Usage: "write strake's units for systemd: the agent, what brings containers up at boot, a timer in place of the agent",
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "root", Value: "/", Usage: "`FOLDER` that is the top of the host's files"},
			&cli.BoolFlag{Name: "enable", Usage: "have systemd start the agent and the boot unit, now and at each boot"},
			&cli.BoolFlag{Name: "timer", Usage: "with --enable: the timer in place of the agent"},
			&cli.BoolFlag{Name: "remove", Usage: "disable and remove them; no container is stopped"},
			&cli.PathFlag{Name: "config", Value: agentFile, EnvVars: []string{"STRAKE_AGENT_CONFIG"}, Usage: "the agent's configuration, `FILE`"},
		},
		Action: r.installUnits,
	}
}

// agentFile is where people look for the agent's configuration.
const agentFile = "/etc/strake/agent.hcl"

func (r *run) installUnits(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if err := r.root(); err != nil {
		return err
	}
	root, err := filepath.Abs(c.Path("root"))
	if err != nil {
		return fmt.Errorf("find %s: %w", c.Path("root"), err)
	}
	if c.Bool("timer") && !c.Bool("enable") {
		return usage("--timer says what --enable enables")
	}
	if c.Bool("remove") {
		if c.Bool("enable") {
			return usage("--remove and --enable are two things")
		}
		return r.removeUnits(root)
	}
	list, err := units.For(r.place(c))
	if err != nil {
		return usage("%s", err)
	}
	if err := units.Install(root, list); err != nil {
		if errors.Is(err, units.ErrForeign) {
			err = fmt.Errorf("%w: %w", reconcile.ErrPolicy, err)
		}
		return err
	}
	for _, u := range list {
		r.say("%s", filepath.Join(root, "etc/systemd/system", u.Name))
	}
	if !c.Bool("enable") {
		return units.Reload(root)
	}
	return units.Enable(root, r.toEnable(list, c.Bool("timer")))
}

// place is what units have to know of this installation.
func (r *run) place(c *cli.Context) units.Place {
	self, err := os.Executable()
	if err != nil {
		self = "/usr/local/bin/strake"
	}
	p := units.Place{Strake: []string{self}, StateDir: r.g.StateDir, Config: c.Path("config"), Commands: names(c.App.Commands)}
	if r.g.StateDir != "/var/lib/strake" {
		p.Strake = append(p.Strake, "--state-dir", r.g.StateDir)
	}
	if r.g.LXCPath != "/var/lib/lxc" {
		p.Strake = append(p.Strake, "--lxc-path", r.g.LXCPath)
	}
	if r.g.ImageServer != "" {
		p.Strake = append(p.Strake, "--image-server", r.g.ImageServer)
	}
	return p
}

// toEnable are the units that something is done by: with a timer the agent is
// not one of them. The way out is opened by itself where containers need it.
func (r *run) toEnable(list []units.Unit, timer bool) []string {
	not := []string{"strake-egress.service", "strake-sync.service", "strake-sync.timer"}
	if timer {
		not = []string{"strake-egress.service", "strake-sync.service", "strake-agent.service"}
	}
	var enable []string
	for _, u := range list {
		if !slices.Contains(not, u.Name) {
			enable = append(enable, u.Name)
		}
	}
	return enable
}

func (r *run) removeUnits(root string) error {
	there, err := units.Installed(root)
	if err != nil {
		return err
	}
	disabled := units.Disable(root, there)
	gone, err := units.Remove(root)
	if len(gone) > 0 {
		r.say("removed %s", strings.Join(gone, ", "))
	}
	return errors.Join(disabled, err, units.Reload(root))
}
