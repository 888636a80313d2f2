// Command strake keeps LXC containers in the state that a file declares.
package main

import (
	"context"
	"math"
	"os"
	"os/signal"
	"os/user"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/cmd/internal/cli"
)

func main() { os.Exit(run()) }

// run is the program; it returns the exit code.
func run() int {
	// A command lives for a moment: collecting its garbage eleven times on the
	// way costs a fifth of a plan over 100 containers. 10 MB more are the price.
	debug.SetGCPercent(400)
	keepNothingOpen()
	ctx, stop := interruptible()
	defer stop()
	program := cli.Program{
		Open:  open,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env: os.Environ(), UID: os.Geteuid(), User: who(),
	}
	keepVariables()
	return program.Run(ctx, os.Args[1:])
}

// interruptible is a context that the first signal to end cancels: the step
// under way is finished or undone. The second ends the process at once: the
// journal stays, and the next run recovers.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel()
		if s, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(128 + int(s)) // as a shell reports it
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// keepNothingOpen has no program that outlives this one, as the egress proxy, hold
// what this one was started with: flock(1) leaves its lock to all that come of it.
// Before Linux 5.11 they do.
func keepNothingOpen() { _ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

// keepVariables takes the variables of configurations out of what programs that
// strake runs inherit: one may be a secret.
func keepVariables() {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "STRAKE_VAR_") {
			os.Unsetenv(name)
		}
	}
}

// who is at work, also behind sudo.
func who() string {
	if name := os.Getenv("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}
