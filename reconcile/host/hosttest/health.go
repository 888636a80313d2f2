package hosttest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"strake/reconcile/resource"
)

// Serve has something answer, or not: a page by its address, a port, a path, or
// a command by its words. What was never said does not answer.
func (h *Host) Serve(what string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[what] = err
}

// HTTP asks for a page.
func (h *Host) HTTP(_ context.Context, pid int, _ []netip.Addr, url string, _ int) error {
	return h.answer(pid, url)
}

// TCP asks for a connection.
func (h *Host) TCP(_ context.Context, pid int, _ []netip.Addr, address string) error {
	return h.answer(pid, address)
}

// File looks for a path.
func (h *Host) File(pid int, path string) error {
	if err := h.answer(pid, path); err != nil {
		return &os.PathError{Op: "look for", Path: path, Err: err}
	}
	return nil
}

func (h *Host) answer(pid int, what string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.byPID(pid); err != nil {
		return fmt.Errorf("enter network namespace of process %d: %w", pid, err)
	}
	if err, known := h.answers[what]; known {
		return err
	}
	return errors.New("connection refused")
}

// Exec runs a command: one that is served ends well.
func (h *Host) Exec(_ context.Context, name string, _ map[string]string, args []string) (int, string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.up(name); err != nil {
		return 0, "", err
	}
	err, known := h.answers[strings.Join(args, " ")]
	switch {
	case !known:
		return 127, "", nil
	case err != nil:
		return 1, err.Error(), nil
	}
	return 0, "", nil
}

// Killed counts nothing: memory is never short here.
func (h *Host) Killed(context.Context, string) (int, error) { return 0, nil }

// Ends has an init end by itself.
func (h *Host) Ends(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.running, name)
}

// Reboots has a container reboot from inside.
func (h *Host) Reboots(name string) error {
	return h.change("Reboot", name, func(p *process) error {
		h.ticks, h.pids = h.ticks+1, h.pids+1
		p.started, p.pid, p.state = h.ticks, h.pids, resource.Running
		return nil
	})
}
