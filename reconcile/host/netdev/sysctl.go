package netdev

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// setting is one kernel setting: its path under /proc/sys and its value.
type setting struct{ path, value string }

// read is "" when the kernel has no such setting. /proc/sys/net shows the
// network namespace of whoever opens it.
func read(path string) (string, error) {
	text, err := os.ReadFile("/proc/sys/" + path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read setting: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// ensure writes only what differs.
func (s setting) ensure() error {
	was, err := read(s.path)
	if err != nil || was == s.value {
		return err
	}
	f, err := os.OpenFile("/proc/sys/"+s.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set %s: %w", s.path, err)
	}
	_, err = f.WriteString(s.value)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("set %s to %s: %w", s.path, s.value, err)
	}
	return nil
}
