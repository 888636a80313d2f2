package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// errAbsent: the kernel has no such table.
var errAbsent = errors.New("no such table")

// run sends one transaction: all of it happens or nothing.
func (f *Filter) run(ctx context.Context, text string) error {
	if err := f.check(); err != nil || text == "" {
		return err
	}
	_, err := f.call(ctx, text, "-f", "-")
	if err != nil {
		return fmt.Errorf("change firewall table %s: %w", f.table, err)
	}
	return nil
}

// environment is what nft runs with: nothing of ours. A long text makes it hold some
// ten megabytes, and half of its time would be page faults: glibc has it take huge
// pages, in few pieces (mallopt(3), M_TOP_PAD; glibc.malloc.hugetlb since 2.35).
func environment(text string) []string {
	env := []string{"LC_ALL=C"}
	if len(text) > 64<<10 {
		env = append(env, "GLIBC_TUNABLES=glibc.malloc.hugetlb=1", "MALLOC_TOP_PAD_=16777216")
	}
	return env
}

// call runs nft.
func (f *Filter) call(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, f.nft, args...)
	cmd.Env = environment(stdin)
	cmd.Stdin = strings.NewReader(stdin)
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("nft: %w: %s", err, firstLines(fault.String()))
	}
	return out.Bytes(), nil
}

// firstLines keeps a message readable: nft repeats the whole line at fault,
// which may be one of a thousand elements.
func firstLines(s string) string {
	const most = 400
	if s = strings.TrimSpace(s); len(s) > most {
		s = s[:most] + " ..."
	}
	return s
}

// table lists one of our tables as JSON.
func (f *Filter) list(ctx context.Context, family string) ([]byte, error) {
	out, err := f.call(ctx, "", "-j", "list", "table", family, f.table)
	if err != nil && strings.Contains(err.Error(), "No such file or directory") {
		return nil, errAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("list firewall table %s %s: %w", family, f.table, err)
	}
	return out, nil
}
