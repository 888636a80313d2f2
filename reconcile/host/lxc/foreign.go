//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strake/reconcile/host/lxc/conf"
	"strake/reconcile/resource"
)

// Foreign reads the configuration of a container that strake did not make,
// with all that it includes, and finds out whose it is. Error: ErrUndefined.
func (r *Runtime) Foreign(name string) (resource.Foreign, error) {
	f, err := r.foreign(name)
	if err != nil {
		return f, fmt.Errorf("read LXC configuration of %s: %w", name, err)
	}
	return f, nil
}

func (r *Runtime) foreign(name string) (resource.Foreign, error) {
	var f resource.Foreign
	if err := checkName(name); err != nil {
		return f, err
	}
	f.Claim = placed(os.DirFS("/"), r.path, name)
	path := filepath.Join(r.path, name, "config")
	text, err := readConf(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, ErrUndefined
	}
	if err != nil {
		return f, err
	}
	f.Text = text
	if f.Lines, err = conf.Flatten(conf.File{Path: path, Text: text}, included); err != nil {
		return f, err
	}
	if f.Claim == nil {
		f.Claim = written(name, f.Lines)
	}
	return f, nil
}

// included is what lxc.include names: a file, or the *.conf of a folder.
func included(path string) ([]conf.File, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) && strings.HasSuffix(path, "/") {
		return nil, nil // liblxc takes a missing folder for an empty one, when it is written as one
	}
	if err != nil {
		return nil, err
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(path, "*.conf")); err != nil {
			return nil, err
		}
		slices.Sort(names)
	}
	var list []conf.File
	for _, name := range names {
		text, err := readConf(name)
		if err != nil {
			return nil, err
		}
		list = append(list, conf.File{Path: name, Text: text})
	}
	return list, nil
}

// readConf opens nothing but a plain file: a pipe would block.
func readConf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: not a plain file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, conf.MostText+1))
	return string(text), err
}
