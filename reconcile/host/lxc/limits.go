//go:build linux

package lxc

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// change writes the limits that differ, on the cgroups that /proc/PID/cgroup
// of init shows.
func (c cgroups) change(text string, from, to resource.Limits) error {
	if from.Memory != to.Memory {
		if err := c.of("memory", text).setMemory(to.Memory); err != nil {
			return fmt.Errorf("limit memory to %s: %w", orNone(resource.Bytes(to.Memory)), err)
		}
	}
	if from.CPU != to.CPU {
		if err := c.of("cpu", text).setCPU(to.CPU); err != nil {
			return fmt.Errorf("limit cpu to %s: %w", orNone(resource.Cores(to.CPU)), err)
		}
	}
	if from.Processes != to.Processes {
		if err := c.of("pids", text).set("pids.max", to.Processes); err != nil {
			return fmt.Errorf("limit processes to %d: %w", to.Processes, err)
		}
	}
	return nil
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// set writes one number; 0 is no limit.
func (c control) set(file string, n int64) error {
	switch {
	case c.dir == "":
		return errors.New("the host has no such cgroup controller")
	case n != 0:
		return c.write(file, strconv.FormatInt(n, 10))
	case c.v2 || file == "pids.max":
		return c.write(file, "max")
	}
	return c.write(file, "-1")
}

func (c control) setCPU(milli int64) error {
	if c.v2 {
		return c.write("cpu.max", cpuMax(milli))
	}
	if err := c.set("cpu.cfs_period_us", period); err != nil {
		return err
	}
	return c.set("cpu.cfs_quota_us", quota(milli))
}

// setMemory bounds memory and swap together, so that a container at its limit
// is not swapped out to get around it.
func (c control) setMemory(n int64) error {
	if c.v2 {
		return c.setMemoryV2(n)
	}
	if !c.has("memory.memsw.limit_in_bytes") {
		return c.set("memory.limit_in_bytes", n)
	}
	now, err := c.number("memory.limit_in_bytes")
	if err != nil {
		return err
	}
	order := []string{"memory.memsw.limit_in_bytes", "memory.limit_in_bytes"} // v1 wants memsw >= memory at every moment
	if lowers(now, n) {
		order[0], order[1] = order[1], order[0]
	}
	for i, file := range order {
		if err := c.set(file, n); err != nil {
			return c.backTo(order[:i], now, err)
		}
	}
	return nil
}

// backTo undoes what was written before cause: half a limit is no limit.
func (c control) backTo(files []string, before int64, cause error) error {
	if errors.Is(cause, unix.EBUSY) {
		cause = fmt.Errorf("more than that is in use: %w", cause)
	}
	for _, file := range files {
		cause = errors.Join(cause, c.set(file, before))
	}
	return cause
}

func lowers(now, to int64) bool { return to != 0 && (now == 0 || to < now) }

// setMemoryV2 refuses a limit below what is in use, as v1 does by itself:
// cgroup2 would kill processes until the rest fits.
func (c control) setMemoryV2(n int64) error {
	now, err := c.number("memory.max")
	if err != nil {
		return err
	}
	if lowers(now, n) {
		if err := c.makeRoom(n); err != nil {
			return err
		}
	}
	if err := c.set("memory.max", n); err != nil {
		return err
	}
	if !c.has("memory.swap.max") {
		return nil
	}
	if n == 0 {
		return c.write("memory.swap.max", "max")
	}
	return c.write("memory.swap.max", "0")
}

func (c control) makeRoom(n int64) error {
	used, err := c.number("memory.current")
	if err != nil || used <= n {
		return err
	}
	// It reclaims what it can and answers EAGAIN if that was less; before
	// kernel 5.19 there is no such file.
	_ = c.write("memory.reclaim", strconv.FormatInt(used-n, 10))
	if used, err = c.number("memory.current"); err != nil {
		return err
	}
	if used > n {
		return fmt.Errorf("%d bytes are in use: %w", used, unix.EBUSY)
	}
	return nil
}
