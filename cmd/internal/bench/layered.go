package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// layered is row 8: a container on a system layer that is built already,
// beside one without.
func (y *yard) layered() ([]row, error) {
	s, err := y.ship()
	if err != nil {
		return nil, err
	}
	if _, err := s.apply(stack{}); err != nil {
		return nil, err
	}
	if _, err := s.raise(wish{name: prefix + "seed", debian: true, system: true}); err != nil {
		return nil, err
	}
	built, err := s.layers()
	if err != nil || len(built) != 1 {
		return nil, fmt.Errorf("system layers: %v, %w", built, err)
	}
	with := figure{What: "`strake apply` with a system layer that is there", Unit: "s"}
	without := figure{What: "`strake apply` without", Unit: "s"}
	err = y.repeat(func(i int) error {
		name := fmt.Sprintf("%sl%d", prefix, i)
		err := y.sample(&without, func() (time.Duration, error) { return s.raise(wish{name: name, debian: true}) })
		if err != nil {
			return err
		}
		return y.sample(&with, func() (time.Duration, error) { return s.raise(wish{name: name, debian: true, system: true}) })
	})
	if err != nil {
		return nil, err
	}
	if now, err := s.layers(); err != nil || !slices.Equal(now, built) {
		return nil, errors.Join(fmt.Errorf("a layer was built meanwhile: %v, and before %v", now, built), err)
	}
	return []row{{
		Number: 8, Work: "create and start one Debian-sized container on a system layer that is built already",
		Must: "no build; the same time as without one (<= 1.1 x)", Strake: []figure{with}, Beside: []figure{without},
		Checks: []check{ratio("of without", with, without, 1.1)},
	}}, s.sink()
}

// layers lists the system layers with the time at which each was made.
func (s *ship) layers() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(s.state(), "layers", "sha256-*"))
	for i, path := range found {
		at, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		found[i] += " " + at.ModTime().String()
	}
	return found, err
}
