//go:build linux && cgo

package lxc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// said is how much of what a command says is kept, in bytes.
const said = 16 << 10

// Exec runs a command of the container's as root there and returns its exit
// code, as Run does, and the first 16 KiB of what it said. What it leaves
// running in the background is not waited for.
func (r *Runtime) Exec(ctx context.Context, name string, env map[string]string, args []string) (int, string, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return 0, "", fmt.Errorf("run in %s: %w", name, err)
	}
	defer ours.Close()
	heard := make(chan string, 1)
	go func() {
		var text bytes.Buffer
		_, _ = io.CopyN(&text, ours, said)
		_, _ = io.Copy(io.Discard, ours) // so that it never waits for us
		heard <- text.String()
	}()
	exit, err := r.Run(ctx, name, Command{Args: args, Env: env, Stdout: theirs, Stderr: theirs})
	theirs.Close()
	_ = ours.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // somebody else may hold the other end
	return exit, <-heard, err
}
