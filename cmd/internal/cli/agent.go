package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/api"
	"strake/cmd/internal/config"
	"strake/cmd/internal/footprint"
	"strake/cmd/internal/hugeheap"
	"strake/cmd/internal/parts"
	"strake/cmd/internal/service"
	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/reconcile/event"
	"strake/spec"
)

func agentFlag() cli.Flag {
	return &cli.PathFlag{Name: "config", Value: agentFile, EnvVars: []string{"STRAKE_AGENT_CONFIG"}, Usage: "what the agent is to do, `FILE`"}
}

func (r *run) agentCommand() *cli.Command {
	return &cli.Command{
		Name: "agent", Category: "agent",
		Usage:  "follow folders and repositories, and keep the host as they say",
		Flags:  []cli.Flag{agentFlag(), &cli.BoolFlag{Name: "check", Usage: "only say what is wrong with the agent's configuration"}},
		Action: r.agent,
	}
}

// restsAfter is how long the agent keeps the memory of its last work: what follows on
// a save, and the next save, come sooner. At rest it holds no more than restsWith, which
// is what a look at a hundred containers needs of the program, and then some.
const (
	restsAfter = 2 * time.Second
	restsWith  = 36 << 20
)

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
	unlock, err := opt.Engine.State.LockAgent()
	if err != nil {
		return err
	}
	defer unlock()
	// It lives for months: memory counts more than the time of a collection.
	debug.SetGCPercent(50)
	hugeheap.Small()
	opt.Rest = footprint.Later(restsAfter, restsWith)
	opt.Engine.Event, opt.Engine.Sight = r.logger(), &reconcile.Sight{}
	// Everywhere else the end of a session ends strake; here it is a word of the operator's.
	signal.Reset(syscall.SIGHUP)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	opt.Parts = parts.Parts(parts.Options{
		Engine: opt.Engine, Socket: api.Socket(r.g.StateDir), Version: version(), Rest: opt.Rest,
		Secret: func(file string) ([]byte, error) { return opt.Engine.Host.Vault.Read("/", file) },
		Reload: func() {
			select {
			case hangup <- syscall.SIGHUP:
			default: // there is one already
			}
		},
	})
	a, err := agent.New(opt)
	if err != nil {
		return err
	}
	return a.Run(c.Context, reloads(c.Context, hangup))
}

// reloads passes on that the configuration is to be read again, and tells the
// service manager.
func reloads(ctx context.Context, hangup <-chan os.Signal) <-chan os.Signal {
	to := make(chan os.Signal)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-hangup:
				service.Reloading()
				select {
				case to <- s:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return to
}

// logger writes what happens: into the journal with fields, where there is one.
func (r *run) logger() func(event.Event) {
	h, ok := service.Journal(slog.LevelInfo)
	if !ok {
		return r.log
	}
	journal := slog.New(h)
	return func(e event.Event) {
		if e.Kind == event.Step && !r.g.Verbose && e.Error == "" {
			return
		}
		var line strings.Builder
		_ = view.Told(&line, e, view.Style{Bare: true})
		journal.LogAttrs(context.Background(), severity(e), strings.TrimSpace(line.String()),
			slog.String("kind", string(e.Kind)), slog.String("outcome", string(e.Outcome)), slog.String("source", e.Source), slog.String("state", e.State), slog.String("stack", e.Stack),
			slog.String("commit", e.Commit), slog.String("run", e.Run), slog.String("container", e.Container), slog.String("step", e.Step))
	}
}

func severity(e event.Event) slog.Level {
	switch e.Outcome {
	case event.Failed, event.Stuck, event.Kept, event.Damaged:
		return slog.LevelError
	case event.Undone, event.Refused, event.Flapping, event.Found, event.Crashed:
		return slog.LevelWarn
	}
	return slog.LevelInfo
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
