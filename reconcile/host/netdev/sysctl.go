package netdev

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// setting is one kernel setting: its path under /proc/sys and its value.
type setting struct{ path, value string }

// hostSettings are how the host treats what is at one of its interfaces: it learns
// neither routers nor addresses there, and makes no address of its own.
func hostSettings(device string) []setting {
	at := "net/ipv6/conf/" + device + "/"
	return []setting{{at + "accept_ra", "0"}, {at + "autoconf", "0"}, {at + "addr_gen_mode", "1"}}
}

// disabled6 is the setting by which an interface has no IPv6 at all.
func disabled6(device string) string { return "net/ipv6/conf/" + device + "/disable_ipv6" }

// changed tells which of the settings of a device somebody has changed, as
// "ipv6.accept_ra 1". Of one that the kernel does not have it says nothing.
func changed(list []setting) (words []string, err error) {
	for _, s := range list {
		value, err := read(s.path)
		if err != nil {
			return nil, err
		}
		if value != "" && value != s.value {
			parts := strings.Split(s.path, "/")
			words = append(words, parts[1]+"."+parts[len(parts)-1]+" "+value)
		}
	}
	return words, nil
}

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
