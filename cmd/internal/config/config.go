// Package config reads a configuration from where it lies, for commands and
// the agent alike: what can't be used is refused here in one way.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"strake/reconcile"
	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// ErrInvalid: the text can't be used.
var ErrInvalid = errors.New("invalid")

// Config is a text that can be used.
type Config struct {
	Text   source.Text
	Stack  spec.Stack
	Warned spec.Diagnostics
	path   string
}

// Load reads the configuration at path, "" for the current folder. Errors of
// the text are spec.Diagnostics.
func Load(path string, vars lang.Variables) (Config, error) { return LoadAs(path, "", vars) }

// LoadAs is Load of a text whose stack, where it does not name itself, is
// called otherwise than its folder; "" for like that.
func LoadAs(path, name string, vars lang.Variables) (Config, error) {
	if path == "" {
		path = "."
	}
	c := Config{path: path}
	var err error
	if c.Text, err = source.Read(path); err != nil {
		return c, fmt.Errorf("%w configuration: %w", ErrInvalid, Unread(path, err))
	}
	if name != "" {
		c.Text.Name = name
	}
	stack, ds := lang.Load(c.Text, vars)
	c.Stack = stack
	if ds.HasErrors() {
		return c, ds
	}
	c.Warned = ds
	return c, nil
}

// Wish is all of it, to be taken as it is.
func (c Config) Wish() reconcile.Wish {
	return reconcile.Wish{Stack: c.Stack, Source: c.Called(), Root: c.Text.Root, Origin: c.Text.Origin}
}

// Unread says why a path could not be read, with a hint where the current
// folder was taken for want of a path.
func Unread(path string, err error) error {
	if path == "." && errors.Is(err, source.ErrEmpty) {
		return fmt.Errorf("%w; give the path of a file or folder", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no such file or folder", path)
	}
	return err
}

// Called is what people call it.
func (c Config) Called() string {
	if c.path == "." {
		return filepath.Base(c.Text.Root)
	}
	return c.path
}

// Variables are those of an environment, STRAKE_VAR_x being x.
func Variables(env []string) map[string]string {
	found := map[string]string{}
	for _, v := range env {
		if rest, ok := strings.CutPrefix(v, "STRAKE_VAR_"); ok {
			if name, value, ok := strings.Cut(rest, "="); ok {
				found[name] = value
			}
		}
	}
	return found
}
