package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strake/generations"
	"strake/reconcile/resource"
)

// Stack is what is remembered of a stack besides its generations.
type Stack struct {
	Name   string `json:"name"`
	UUID   string `json:"uuid"`
	Origin string `json:"origin"`           // where its text came from, absolute
	Commit string `json:"commit,omitempty"` // the one that was taken last
}

// StackState is what one generation of a stack says: which generation of each
// container, and the networks and volumes as they were defined.
type StackState struct {
	Containers map[string]int     `json:"containers"`
	IDs        map[string]string  `json:"ids"` // of the containers: another one of the same name is not meant
	Networks   []resource.Network `json:"networks,omitempty"`
	Volumes    []resource.Volume  `json:"volumes,omitempty"`
}

// Same says whether both say the same.
func (s StackState) Same(other StackState) bool {
	return maps.Equal(s.Containers, other.Containers) && maps.Equal(s.IDs, other.IDs) &&
		slices.EqualFunc(s.Networks, other.Networks, func(a, b resource.Network) bool { return resource.Digest(a) == resource.Digest(b) }) &&
		slices.EqualFunc(s.Volumes, other.Volumes, func(a, b resource.Volume) bool { return resource.Digest(a) == resource.Digest(b) })
}

// StackFile is the file of a stack's generation that holds its StackState.
const StackFile = "stack.json"

func (d *Dir) stack(name string) string { return filepath.Join("stacks", name) }

// Stacks lists the names of all stacks.
func (d *Dir) Stacks() ([]string, error) { return folders(filepath.Join(d.path, "stacks")) }

// Stack reads what is remembered of a stack; false where it is new.
func (d *Dir) Stack(name string) (Stack, bool, error) {
	var s Stack
	ok, err := d.read(filepath.Join(d.stack(name), "stack.json"), &s)
	return s, ok, err
}

// SetStack remembers a stack.
func (d *Dir) SetStack(s Stack) error {
	return d.write(filepath.Join(d.stack(s.Name), "stack.json"), s)
}

// StackBook holds the generations of a stack.
func (d *Dir) StackBook(name string) *generations.Book {
	return generations.Open(filepath.Join(d.path, d.stack(name)))
}

// Word is what the operator said about a container by hand.
type Word struct {
	Stopped bool      `json:"stopped,omitempty"` // though it is declared running
	Started bool      `json:"started,omitempty"` // though it is declared stopped
	Frozen  bool      `json:"frozen,omitempty"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

func (d *Dir) word(container string) string {
	return filepath.Join("containers", container, "operator.json")
}

// Word reads the operator's word; the zero Word where none was given.
func (d *Dir) Word(container string) (Word, error) {
	var w Word
	_, err := d.read(d.word(container), &w)
	return w, err
}

// SetWord records the operator's word.
func (d *Dir) SetWord(container string, w Word) error { return d.write(d.word(container), w) }

// ClearWord forgets it.
func (d *Dir) ClearWord(container string) error {
	err := os.Remove(filepath.Join(d.path, d.word(container)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the word about %s: %w", container, err)
	}
	return nil
}

func (d *Dir) away(container string) string { return filepath.Join(d.Folder(container), "away") }

// Away is how long the container was away at its last restart; 0: not known.
func (d *Dir) Away(container string) time.Duration {
	text, err := generations.ReadFile(d.away(container))
	if err != nil {
		return 0
	}
	away, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return away
}

// SetAway notes how long a restart took, for the next plan. Nothing depends on
// it, so no error is told.
func (d *Dir) SetAway(container string, away time.Duration) {
	_ = generations.WriteNote(d.away(container), []byte(away.Round(time.Millisecond).String()+"\n"), 0o644)
}

// SetRun records one attempt to apply, and how it ended: for people, nothing
// depends on it.
func (d *Dir) SetRun(id string, run any) error {
	dir := filepath.Join(d.path, "runs")
	if err := d.make(dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return fmt.Errorf("record run: %w", err)
	}
	return generations.WriteNote(filepath.Join(dir, id+".json"), append(text, '\n'), 0o600)
}

// Run reads the record of one attempt.
func (d *Dir) Run(id string, run any) error {
	if !Plain(id) {
		return fmt.Errorf("read run: bad name %q", id)
	}
	text, err := generations.ReadFile(filepath.Join(d.path, "runs", id+".json"))
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	if err := json.Unmarshal(text, run); err != nil {
		return fmt.Errorf("read run %s: %w", id, err)
	}
	return nil
}

// StackState reads what a generation of a stack says.
func (d *Dir) StackState(name string, generation int) (StackState, error) {
	var s StackState
	text, err := d.StackBook(name).File(generation, StackFile)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read generation %d of stack %s: %w", generation, name, err)
	}
	return s, nil
}
