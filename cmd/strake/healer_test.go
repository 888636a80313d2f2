package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"strake/cmd/internal/cli"
	"strake/cmd/internal/healer"
	"strake/reconcile"
	"strake/reconcile/apply"
)

// serveHealer is the agent's healing alone, as a command: healer [EVERY]. It
// tells what it finds, line by line.
func serveHealer() int {
	d, err := open(cli.Globals{StateDir: os.Getenv("STRAKE_STATE_DIR"), LXCPath: os.Getenv("STRAKE_LXC_PATH")})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	d.Engine.Wait = time.Minute
	if n, err := strconv.ParseInt(os.Getenv("STRAKE_CRASH_AT"), 10, 64); err == nil {
		d.Engine.Crash = &apply.Crash{At: n}
	}
	every := time.Hour
	if len(os.Args) > 1 {
		if every, err = time.ParseDuration(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 64
		}
	}
	ctx, stop := interruptible()
	defer stop()
	h := healer.Healer{
		Engine: d.Engine, Every: every,
		Told:   func(h reconcile.Healed) { tellHealed(h) },
		Failed: func(err error) { fmt.Println("failed:", err) },
	}
	if err := h.Run(ctx); err != nil && ctx.Err() != context.Canceled {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func tellHealed(h reconcile.Healed) {
	for _, f := range h.Found {
		fmt.Println(f.Container+f.Network, f.Do, f.News, "mended:", f.Mended, f.Error)
	}
}
