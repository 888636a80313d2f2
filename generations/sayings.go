package generations

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Pin keeps generation n from being deleted. Errors: ErrNone.
func (b *Book) Pin(n int) error {
	if !b.has(n) {
		return fmt.Errorf("pin generation %d: %w", n, ErrNone)
	}
	pins, err := b.Pins()
	if err != nil || slices.Contains(pins, n) {
		return err
	}
	pins = append(pins, n)
	slices.Sort(pins)
	return b.say("pins.json", pins)
}

// Unpin takes a pin away; none is as good.
func (b *Book) Unpin(n int) error {
	pins, err := b.Pins()
	at := slices.Index(pins, n)
	if err != nil || at < 0 {
		return err
	}
	return b.say("pins.json", slices.Delete(pins, at, at+1))
}

// Pins lists the pinned generations, by number.
func (b *Book) Pins() ([]int, error) {
	var pins []int
	_, err := b.said("pins.json", &pins)
	return pins, err
}

// Hold says that a digest was rejected, by a health check or by hand: it is
// not to be applied again by itself.
type Hold struct {
	Digest     string    `json:"digest"`
	Generation int       `json:"generation"` // the one that was left
	Since      time.Time `json:"since"`
	Run        string    `json:"run,omitempty"`
	Why        string    `json:"why,omitempty"`
	Canary     bool      `json:"canary,omitempty"` // it went first of its group, which waits for it
	Before     []string  `json:"before,omitempty"` // digests rejected before this one, and still
}

// Digests are all that were rejected.
func (h Hold) Digests() []string { return append(slices.Clone(h.Before), h.Digest) }

// Hold puts a hold, in place of an earlier one.
func (b *Book) Hold(h Hold) error {
	if h.Digest == "" {
		return errors.New("hold: empty digest")
	}
	return b.say("hold.json", h)
}

// Reject puts a hold beside what is on hold already. used is the digest of what is
// gone back to, which is none of it any more; "": that stays.
func (b *Book) Reject(h Hold, used string) error {
	old, held, err := b.Held()
	if err != nil {
		return err
	}
	if held {
		h.Before = slices.DeleteFunc(old.Digests(), func(d string) bool { return d == h.Digest || d == used })
		slices.Sort(h.Before)
		h.Before = slices.Compact(h.Before)
	}
	return b.Hold(h)
}

// Held is the hold and whether there is one.
func (b *Book) Held() (Hold, bool, error) {
	var h Hold
	ok, err := b.said("hold.json", &h)
	return h, ok && err == nil, err
}

// Release lifts the hold; none is as good.
func (b *Book) Release() error {
	if err := b.d.unlink(b.path("hold.json")); err != nil {
		return fmt.Errorf("release hold: %w", err)
	}
	return nil
}

func (b *Book) say(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := b.d.makeDirs(b.dir); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := b.d.replace(b.path(name), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (b *Book) said(name string, v any) (bool, error) {
	text, err := ReadFile(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, damaged(b.path(name), err)
	}
	return true, nil
}
