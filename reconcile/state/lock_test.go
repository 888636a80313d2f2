package state_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"strake/reconcile/host/hosttest"
	"strake/reconcile/state"
)

// TestOneAgent: a folder has one agent, and the next one may be when it has gone.
func TestOneAgent(t *testing.T) {
	path := t.TempDir()
	unlock, err := state.Open(path, hosttest.Render).LockAgent()
	if err != nil {
		t.Fatal(err)
	}
	_, err = state.Open(path, hosttest.Render).LockAgent()
	if !errors.Is(err, state.ErrBusy) || !strings.Contains(err.Error(), fmt.Sprint("pid ", os.Getpid())) {
		t.Errorf("a second one: %v", err)
	}
	if lost := state.Open(path, hosttest.Render).LostAgent(); lost != "" {
		t.Errorf("it is there, and taken for dead: %s", lost)
	}
	unlock()
	if lost := state.Open(path, hosttest.Render).LostAgent(); lost != "" {
		t.Errorf("it has ended, and is taken for dead: %s", lost)
	}
	unlock, err = state.Open(path, hosttest.Render).LockAgent()
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// TestPassable: whoever made the folder first, containers get to their roots in it.
func TestPassable(t *testing.T) {
	path := t.TempDir()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, _, err := state.Open(path, hosttest.Render).Lock(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if at, err := os.Stat(path); err != nil || at.Mode().Perm() != 0o711 {
		t.Errorf("%v, %v", at.Mode(), err)
	}
}
