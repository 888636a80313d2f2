// Package generations keeps numbered, immutable records in a folder, a
// pointer to the current one, and the history of what was activated when.
// Everything is a plain file. A record is whole or not there, at whatever
// instant the process dies. The package does not know what the records are
// about, never asks for the time, and takes no lock: one writer at a time is
// the caller's promise; readers need none.
//
// A book's folder:
//
//	uuid                  whose book it is
//	current               symlink to generations/N
//	generations/N/        generation.json and what came with it; never changed
//	activations.jsonl     one line for each activation, only ever appended
//	highest               highest number ever used by a record that is gone
//	pins.json hold.json   what people said about the records
package generations

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

// Version of the form of generation.json that this package writes.
const Version = 1

// RecordFile is the name of the record among a generation's files.
const RecordFile = "generation.json"

// The refusals.
var (
	// ErrNone says that there is no generation of that number.
	ErrNone = errors.New("no such generation")
	// ErrUsed says that the number is, or once was, another generation's.
	ErrUsed = errors.New("generation number was used before")
	// ErrForeign says that the book or record is of another uuid: of a dead
	// namesake, most likely.
	ErrForeign = errors.New("record is of another uuid")
	// ErrCurrent says that the current generation can't be deleted.
	ErrCurrent = errors.New("generation is the current one")
	// ErrPinned says that a pinned generation can't be deleted.
	ErrPinned = errors.New("generation is pinned")
	// ErrActivated says that a generation that was in use is no one's to discard.
	ErrActivated = errors.New("generation was active before")
	// ErrDamaged says that a file is not as it was written.
	ErrDamaged = errors.New("damaged")
	// ErrNewer says that a newer strake wrote the record.
	ErrNewer = errors.New("written by a newer version")
	// ErrNoWayBack says that nothing healthy was active before.
	ErrNoWayBack = errors.New("no earlier healthy generation")
)

// Record is what generation.json holds. It never changes once written.
type Record struct {
	Version int       `json:"version"`
	Number  int       `json:"number"` // from 1
	ID      string    `json:"id"`     // uuid of what this is a generation of
	Created time.Time `json:"created"`
	Stack   string    `json:"stack,omitempty"`
	Origin  string    `json:"origin,omitempty"` // where the stack's text came from
	Commit  string    `json:"commit,omitempty"`
	By      string    `json:"by,omitempty"`
	Run     string    `json:"run,omitempty"`
	Impact  string    `json:"impact,omitempty"`
	Message string    `json:"message,omitempty"`
	Digest  string    `json:"digest,omitempty"`  // of the desired state
	Parent  int       `json:"parent,omitempty"`  // the current generation when this was made; 0: none
	Pending []string  `json:"pending,omitempty"` // settings that waited for a restart when this was made
	Name    string    `json:"name,omitempty"`    // what the thing was called when this was made
	As      int       `json:"as,omitempty"`      // the generation that this one is again, under another name or with other data; 0: none

	Snapshot bool `json:"snapshot,omitempty"` // made by hand for its data, of As; never put to use itself

	// Files are the SHA-256 sums of the other files, by name. Write fills it.
	Files map[string]string `json:"files,omitempty"`
}

// Book is one thing's generations.
type Book struct {
	dir string
	d   disk
}

// Open names the book in a folder. It does no I/O: the folder is made by the
// first write.
func Open(dir string) *Book { return &Book{dir: dir} }

// Dir is the book's folder.
func (b *Book) Dir() string { return b.dir }

// Path is the folder of generation n, there or not.
func (b *Book) Path(n int) string { return b.path("generations", strconv.Itoa(n)) }

func (b *Book) path(parts ...string) string {
	return filepath.Join(append([]string{b.dir}, parts...)...)
}

// parseNumber reads a generation number in its one spelling: "7", not "07".
func parseNumber(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n > 0 && strconv.Itoa(n) == name
}

func damaged(what string, err error) error {
	return fmt.Errorf("read %s: %w: %w", what, ErrDamaged, err)
}
