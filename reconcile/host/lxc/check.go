//go:build linux && cgo

package lxc

import (
	"fmt"
	"strings"

	golxc "github.com/lxc/go-lxc"

	"strake/reconcile/host/lxc/conf"
)

// LineError is a line of an LXC configuration that liblxc does not take.
type LineError struct {
	Line int    // from 1
	Text string // of the line
	Why  string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("line %d, %q: %s", e.Line, e.Text, e.Why)
}

// Check says whether liblxc takes a configuration, as a *LineError for the
// first line that it does not. Nothing is written: of the keys that open
// files when they are set, only the name is checked.
func (r *Runtime) Check(text string) error {
	c, err := r.scratch()
	if err != nil {
		return fmt.Errorf("check configuration: %w", err)
	}
	defer c.Release()
	number := 0
	for line := range strings.Lines(text) {
		number++
		if why := checkLine(c, strings.TrimSpace(line)); why != "" {
			return &LineError{number, strings.TrimSpace(line), why}
		}
	}
	return nil
}

// Printed tells how liblxc prints the values of keys that it takes from a
// configuration: what Inspect finds where that configuration is running.
// Lines that it does not take are passed over.
func (r *Runtime) Printed(text string, keys []string) (map[string]string, error) {
	c, err := r.scratch()
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer c.Release()
	for line := range strings.Lines(text) {
		checkLine(c, strings.TrimSpace(line))
	}
	found := make(map[string]string, len(keys))
	for _, key := range keys {
		found[key] = strings.Join(c.ConfigItem(key), "\n")
	}
	return found, nil
}

// scratch is a container that is nowhere: nothing is set in it, also where one
// of its name has a configuration.
func (r *Runtime) scratch() (*golxc.Container, error) {
	c, err := r.handle("check")
	if err == nil {
		c.ClearConfig()
	}
	return c, err
}

func checkLine(c *golxc.Container, line string) (why string) {
	if line == "" || strings.HasPrefix(line, "#") {
		return ""
	}
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), conf.Unquote(strings.TrimSpace(value))
	switch {
	case !ok:
		return "not of the form key = value"
	case opens(key):
		return unsupported(key)
	case c.SetConfigItem(key, value) == nil:
		return ""
	case unsupported(key) != "":
		return unsupported(key)
	}
	return "liblxc does not take this value"
}

// unsupported knows the keys in liblxc's table, which has none with an index.
func unsupported(key string) string {
	if golxc.IsSupportedConfigItem(key) || strings.HasPrefix(key, "lxc.net.") {
		return ""
	}
	return "liblxc has no such key"
}

// opens names the keys that do more than remember their value.
func opens(key string) bool {
	return strings.HasPrefix(key, "lxc.log.") || key == "lxc.include"
}
