//go:build linux

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// glance is the pause between two looks at an init that comes up; after calm
// looks at one asleep it is taken to be up.
const (
	glance = 2 * time.Millisecond
	calm   = 20
)

// listening waits until a signal would reach init, or deadline. liblxc says
// RUNNING before init has been executed, and the kernel drops what process 1
// has no handler for: a stop right after a start would be lost.
//
// An init hears by a handler, or by having the signal blocked, for a signalfd.
// One that waits in sigtimedwait(2), as busybox does, has it blocked too, but
// the kernel does not show it: it is known by being asleep and staying so.
func (p *process) listening(ctx context.Context, signal int, deadline time.Time) error {
	for asleep := 0; asleep < calm && time.Now().Before(deadline); {
		a, err := p.attention(signal)
		switch {
		case errors.Is(err, ErrNotRunning) || a == hears:
			return nil
		case err != nil:
			return err
		case a == sleeps:
			asleep++
		default:
			asleep = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(glance):
		}
	}
	return nil
}

// attention is what an init pays to a signal.
type attention int

const (
	busy attention = iota // comes up, or is still liblxc's child before exec
	sleeps
	hears
)

func (p *process) attention(signal int) (attention, error) {
	parent, _, err := p.stat()
	if err != nil {
		return busy, err
	}
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.pid))
	if err != nil {
		return busy, nil // it is about to end
	}
	if monitor, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", parent)); err == nil && own == monitor {
		return busy, nil
	}
	text, err := p.read("status")
	if err != nil {
		return busy, err
	}
	return parseAttention(string(text), signal)
}

// parseAttention reads /proc/PID/status. In its masks bit 0 is signal 1.
func parseAttention(status string, signal int) (attention, error) {
	a := busy
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		if key == "State" && strings.HasPrefix(value, "S") {
			a = sleeps
		}
		if key != "SigBlk" && key != "SigCgt" {
			continue
		}
		mask, err := strconv.ParseUint(value, 16, 64)
		if err != nil {
			return busy, fmt.Errorf("read signals of init: %w", err)
		}
		if mask>>(signal-1)&1 == 1 {
			a = hears
		}
	}
	return a, nil
}
