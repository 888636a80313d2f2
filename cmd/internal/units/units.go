// Package units has strake's units for systemd, and puts them where systemd
// looks. They are files in this folder; what is filled in is where the program,
// its state and its configuration lie. Nothing of strake needs them.
package units

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"strake/generations"
)

//go:embed systemd
var files embed.FS

// mark begins each file that strake wrote: no other is replaced or removed.
const mark = "# Written by `strake install-units`; put changes into a drop-in (systemctl edit).\n"

// Errors.
var (
	// ErrForeign: a unit of that name is somebody else's.
	ErrForeign = errors.New("is there and not strake's; move it away first")
	// ErrNoSystemd: there is nobody to tell.
	ErrNoSystemd = errors.New("systemd does not run here; without --enable the files alone are written")
)

// Place is what a unit has to know of an installation.
type Place struct {
	Strake   []string // required: the program and its global options
	StateDir string   // required
	Config   string   // required: the agent's
	Commands []string // required: those of the program; a unit that needs another one is left out
}

// Unit is one file.
type Unit struct {
	Name string
	Text string
}

var plain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9/._+:@,=-]+$`) })

// For are the units of an installation.
func For(p Place) ([]Unit, error) {
	for _, word := range append([]string{p.StateDir, p.Config}, p.Strake...) {
		if !plain().MatchString(word) {
			return nil, fmt.Errorf("write units: %q is no path for a unit: letters, digits and /._+:@,=- alone", word)
		}
	}
	entries, err := files.ReadDir("systemd")
	if err != nil {
		return nil, fmt.Errorf("read units: %w", err)
	}
	var list []Unit
	fill := strings.NewReplacer("@STRAKE@", strings.Join(p.Strake, " "), "@STATE@", p.StateDir, "@CONFIG@", p.Config)
	for _, e := range entries {
		text, err := files.ReadFile("systemd/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read units: %w", err)
		}
		if c := command(text); c != "" && !slices.Contains(p.Commands, c) {
			continue
		}
		list = append(list, Unit{e.Name(), mark + fill.Replace(string(text))})
	}
	return list, nil
}

var runs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^ExecStart=@STRAKE@ ([a-z-]+)`) })

// command is what of strake a unit runs; "" for a timer.
func command(text []byte) string {
	if m := runs().FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// folder is where an administrator's units are.
func folder(root string) string { return filepath.Join(root, "etc/systemd/system") }

// Install writes the units below root, "/" for this host. It writes all or, where
// one is somebody else's, none.
func Install(root string, list []Unit) error {
	for _, u := range list {
		if err := ours(filepath.Join(folder(root), u.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.MkdirAll(folder(root), 0o755); err != nil {
		return fmt.Errorf("write units: %w", err)
	}
	for _, u := range list {
		if err := generations.WriteFile(filepath.Join(folder(root), u.Name), []byte(u.Text), 0o644); err != nil {
			return fmt.Errorf("write units: %w", err)
		}
	}
	return nil
}

// Remove removes all of strake's units that there are below root, and names them.
func Remove(root string) ([]string, error) {
	there, err := Installed(root)
	if err != nil {
		return nil, err
	}
	for _, name := range there {
		if err := os.Remove(filepath.Join(folder(root), name)); err != nil {
			return nil, fmt.Errorf("remove units: %w", err)
		}
	}
	return there, nil
}

// Installed names strake's units below root.
func Installed(root string) ([]string, error) {
	entries, err := files.ReadDir("systemd")
	if err != nil {
		return nil, fmt.Errorf("read units: %w", err)
	}
	var list []string
	for _, e := range entries {
		switch err := ours(filepath.Join(folder(root), e.Name())); {
		case err == nil:
			list = append(list, e.Name())
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrForeign):
			return nil, err
		}
	}
	return list, nil
}

// ours says whether a file is one that strake wrote; nil: it is.
func ours(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("read unit: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s %w", path, ErrForeign)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read unit: %w", err)
	}
	if !bytes.HasPrefix(text, []byte(mark)) {
		return fmt.Errorf("%s %w", path, ErrForeign)
	}
	return nil
}

// Enable has systemd start units now and at each boot; below another root than
// "/" only at each boot.
func Enable(root string, names []string) error {
	if filepath.Clean(root) != "/" {
		return systemctl(append([]string{"--root=" + root, "enable"}, names...)...)
	}
	if err := running(); err != nil {
		return err
	}
	return errors.Join(systemctl("daemon-reload"), systemctl(append([]string{"enable", "--now"}, names...)...))
}

// Disable takes that back. It stops the agent, and no container.
func Disable(root string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if filepath.Clean(root) != "/" {
		return systemctl(append([]string{"--root=" + root, "disable"}, names...)...)
	}
	if running() != nil {
		return nil // nobody has them enabled
	}
	return systemctl(append([]string{"disable", "--now"}, names...)...)
}

// Reload has systemd read its units again, where there is one.
func Reload(root string) error {
	if filepath.Clean(root) != "/" || running() != nil {
		return nil
	}
	return systemctl("daemon-reload")
}

// running is as sd_booted(3) has it.
func running() error {
	if info, err := os.Lstat("/run/systemd/system"); err != nil || !info.IsDir() {
		return ErrNoSystemd
	}
	return nil
}

func systemctl(args ...string) error {
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
