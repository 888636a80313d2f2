package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"strake/generations"
)

// State is how a source stands, in one word.
type State string

// The states of a source.
const (
	OK          State = "ok"          // the host is as the text says
	Waiting     State = "waiting"     // something needs approval
	Closed      State = "closed"      // something waits for a window
	Differs     State = "differs"     // it is not to be deployed, and there are changes
	Suspended   State = "suspended"   // something is left alone, as somebody said
	Held        State = "held"        // something was rejected before
	Unhealthy   State = "unhealthy"   // something failed, and is not tried again
	Broken      State = "failed"      // the pass could not be done; it is tried again
	Invalid     State = "invalid"     // the text can't be used
	Unreachable State = "unreachable" // the text can't be had
	Rejected    State = "refused"     // the text, or what it would do, is not taken
)

// States lists them.
func States() []State {
	return []State{OK, Waiting, Closed, Differs, Suspended, Held, Unhealthy, Broken, Invalid, Unreachable, Rejected}
}

// Standing is how a source stands. It is kept in a file for commands beside the agent.
type Standing struct {
	Name      string    `json:"name"`
	Origin    string    `json:"origin"`
	Stack     string    `json:"stack,omitempty"`
	State     State     `json:"state,omitempty"`  // "": not looked at yet
	Since     time.Time `json:"since,omitzero"`   // it has this state
	Text      string    `json:"text,omitempty"`   // why
	Head      string    `json:"head,omitempty"`   // newest commit that was seen
	Commit    string    `json:"commit,omitempty"` // the one that was taken last
	Tried     time.Time `json:"tried,omitzero"`
	Succeeded time.Time `json:"succeeded,omitzero"` // last pass that left nothing to do
	Run       string    `json:"run,omitempty"`      // last one that changed something
	Waits     []string  `json:"waiting,omitempty"`  // containers that wait for approval
	Failed    []string  `json:"failed,omitempty"`   // that are not tried again
	Held      []string  `json:"held,omitempty"`
	Next      time.Time `json:"next,omitzero"` // it is looked at again

	Tries map[string]Try `json:"tries,omitempty"` // by container
}

// Try is an attempt to bring a container to a digest, of a commit: there is one.
type Try struct {
	Commit string    `json:"commit,omitempty"`
	Digest string    `json:"digest"`
	Run    string    `json:"run,omitempty"`
	Time   time.Time `json:"time"`
	Times  int       `json:"times"`         // begun
	Why    string    `json:"why,omitempty"` // it failed; "": cut short
}

// folder is where everything of a source lies.
func folder(state, source string) string { return filepath.Join(state, "agent", source) }

// Standings reads how all sources stand that were ever looked at.
func Standings(state string) ([]Standing, error) {
	entries, err := os.ReadDir(filepath.Join(state, "agent"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Standing
	errs := []error{err}
	for _, e := range entries {
		s, err := recall(folder(state, e.Name()))
		if err == nil && s.Name != "" {
			list = append(list, s)
		}
		errs = append(errs, err)
	}
	return list, errors.Join(errs...)
}

// recall reads a standing; an empty one where there is none.
func recall(dir string) (Standing, error) {
	var s Standing
	text, err := generations.ReadFile(filepath.Join(dir, "standing.json"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return Standing{}, fmt.Errorf("read what is known of source %s: %w", filepath.Base(dir), err)
	}
	return s, nil
}

func keep(dir string, s Standing) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return generations.WriteFile(filepath.Join(dir, "standing.json"), append(text, '\n'), 0o600)
}
