package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

const program = "strake"

// kit is a folder with the commands of the tests, and with doors: what leads to the
// same in the world that the environment names, and to any other command. The
// program is a binary of its own and not this one: what the tests bring along is a
// third of the time that a command takes to start.
type kit string

var tools = kit(filepath.Join(os.TempDir(), fmt.Sprintf("strake-test-%d", os.Getpid())))

// makeTools makes it once, when the first world needs it.
var makeTools = sync.OnceValue(tools.build)

func (k kit) programs() string { return filepath.Join(string(k), "programs") }
func (k kit) doors() string    { return filepath.Join(string(k), "doors") }

func (k kit) build() error {
	if err := errors.Join(os.Mkdir(string(k), 0o755), os.Mkdir(k.programs(), 0o755), os.Mkdir(k.doors(), 0o755)); err != nil {
		return err
	}
	door := filepath.Join(string(k), "door")
	err := errors.Join(
		quietly("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", k.program(), "."),
		quietly("gcc", "-static", "-Os", "-Wall", "-Werror", fmt.Sprintf("-DHOST=%q", hostPID), fmt.Sprintf("-DPROGRAMS=%q", k.programs()), "-o", door, "../../testdata/door/door.c"),
		os.Symlink(door, filepath.Join(k.doors(), "enter")),
	)
	for name := range commands {
		err = errors.Join(err, os.Symlink(door, filepath.Join(k.doors(), name)))
		if name != program {
			at, err2 := exec.LookPath(name)
			err = errors.Join(err, err2, os.Symlink(at, filepath.Join(k.programs(), name)))
		}
	}
	return err
}

func (k kit) program() string { return filepath.Join(k.programs(), program) }

func (k kit) drop() { os.RemoveAll(string(k)) }

// quietly runs a command that says something only when it fails.
func quietly(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
