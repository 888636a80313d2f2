//go:build linux && cgo

package lxc

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

// BenchmarkStart compares a start with lxc-start's on the same container, both
// stopped by force.
func BenchmarkStart(b *testing.B) {
	g, name := newGround(b), fresh()
	g.define(container(name))
	for what, start := range map[string]func() error{
		"strake": func() error { return g.Start(context.Background(), name) },
		"lxc-start": func() error {
			cmd := exec.Command("lxc-start", "-P", g.path, "-n", name)
			cmd.Stderr = os.Stderr
			return cmd.Run()
		},
	} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				must(b, start())
				b.StopTimer()
				must(b, g.Kill(context.Background(), name))
				b.StartTimer()
			}
		})
	}
}

// BenchmarkObserve is what a plan asks of one container.
func BenchmarkObserve(b *testing.B) {
	g, name := newGround(b), fresh()
	g.up(container(name))
	b.Run("States", func(b *testing.B) {
		for b.Loop() {
			_, err := g.States(b.Context())
			must(b, err)
		}
	})
	b.Run("Inspect", func(b *testing.B) {
		for b.Loop() {
			_, err := g.Inspect(b.Context(), name, nil)
			must(b, err)
		}
	})
	b.Run("InspectItems", func(b *testing.B) {
		for b.Loop() {
			_, err := g.Inspect(b.Context(), name, []string{"lxc.uts.name", "lxc.idmap", "lxc.mount.entry"})
			must(b, err)
		}
	})
	b.Run("Run", func(b *testing.B) {
		for b.Loop() {
			_, err := g.Runtime.Run(b.Context(), name, Command{Args: []string{"/bin/true"}})
			must(b, err)
		}
	})
}
