package cli

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/config"
	"strake/cmd/internal/view"
	"strake/reconcile/event"
	"strake/spec"
)

func agentFlag() cli.Flag {
	return &cli.PathFlag{Name: "config", Value: "/etc/strake/agent.hcl", EnvVars: []string{"STRAKE_AGENT_CONFIG"}, Usage: "what the agent is to do, `FILE`"}
}

func (r *run) agentCommand() *cli.Command {
	return &cli.Command{
		Name: "agent", Category: "agent",
		Usage:  "follow folders and repositories, and keep the host as they say",
		Flags:  []cli.Flag{agentFlag(), &cli.BoolFlag{Name: "check", Usage: "only say what is wrong with the agent's configuration"}},
		Action: r.agent,
	}
}

func (r *run) agent(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	conf, err := r.agentConfig(c)
	if err != nil {
		return err
	}
	if c.Bool("check") {
		r.say("%s: valid: %s", c.Path("config"), counted(len(conf.Sources), "source"))
		return nil
	}
	opt, err := r.agentOptions(c)
	if err != nil {
		return err
	}
	// It lives for months: memory counts more than the time of a collection.
	debug.SetGCPercent(50)
	opt.Rest = debug.FreeOSMemory
	opt.Engine.Event = r.log
	a, err := agent.New(opt)
	if err != nil {
		return err
	}
	// Everywhere else the end of a session ends strake; here it is a word of the operator's.
	signal.Reset(syscall.SIGHUP)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return a.Run(c.Context, reload)
}

// log writes what happens to stderr, where journald or whoever it is takes it.
func (r *run) log(e event.Event) {
	if r.g.JSON {
		_ = view.Line(r.Stderr, e)
		return
	}
	if e.Kind != event.Step && !r.g.Quiet || r.g.Verbose || e.Error != "" {
		_ = view.Told(r.Stderr, e, r.style(r.Stderr))
	}
}

// agentConfig reads what the agent is to do.
func (r *run) agentConfig(c *cli.Context) (spec.Agent, error) {
	conf, err := agent.Load(c.Path("config"))
	if err != nil && Code(err) == failedCode {
		err = fmt.Errorf("%w %w", errInvalid, err) // not there, no text
	}
	return conf, err
}

func (r *run) agentOptions(c *cli.Context) (agent.Options, error) {
	d, err := r.deps()
	if err != nil {
		return agent.Options{}, err
	}
	d.Engine.By, d.Engine.Event = "agent", nil
	return agent.Options{Config: c.Path("config"), Engine: d.Engine, Env: config.Variables(r.Env)}, nil
}
