package filter

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is what was seen at one moment of the kernel's rules. It holds for as
// long as the kernel gives the moment the same name. Between processes it goes
// by encoding/gob: every command reads it, and JSON takes three times as long.
type memory struct {
	Moment  string
	Entries entries
	Missing []string
	Digest  string
}

func (m memory) sight() sight { return sight{entries: m.Entries, missing: m.Missing, digest: m.Digest} }

// place names the rule sets that are spoken of, for all time: boot, and network
// namespace in it (SO_NETNS_COOKIE, from Linux 5.14, is never given twice).
func place() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%x", strings.TrimSpace(string(boot)), cookie), nil
}

// at is the name of the moment in which the rules have a generation. What was
// right to a version of strake with other rules is not right to this one.
func (f *Filter) at(generation uint32) (string, error) {
	where, err := f.place()
	return fmt.Sprintf("%s/%d/%s", where, generation, f.rules()), err
}

// remembered is what was seen last, by this process or one before it, if
// nothing has changed since.
func (f *Filter) remembered() (sight, uint32, bool) {
	now, err := generation()
	if err != nil {
		return sight{}, 0, false
	}
	moment, err := f.at(now)
	if err != nil {
		return sight{}, now, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memory.Moment != moment {
		f.memory, f.text = f.recall(), nil
	}
	return f.memory.sight(), now, f.memory.Moment == moment && f.memory.Entries != nil
}

// remember keeps what was seen, unless something changed while looking.
func (f *Filter) remember(before uint32, s sight) {
	moment, err := f.at(before)
	if err != nil {
		return
	}
	f.keep(before, memory{moment, s.entries, s.missing, s.digest}, nil)
}

// keep takes m, and what is to be left of it if that is known already, for what
// the rules of a generation are, unless there is another by now.
func (f *Filter) keep(g uint32, m memory, text []byte) {
	now, err := generation()
	if err != nil || now != g {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory, f.text = m, text
}

// written is m for the next process.
func (m memory) written() []byte {
	var text bytes.Buffer
	if gob.NewEncoder(&text).Encode(m) != nil {
		return nil
	}
	return text.Bytes()
}

// recall reads what another process saw. No file, half a file and one of an
// older boot are the same: nothing is known.
func (f *Filter) recall() memory {
	var m memory
	text, err := os.ReadFile(f.lock + ".seen")
	if err != nil || gob.NewDecoder(bytes.NewReader(text)).Decode(&m) != nil {
		return memory{}
	}
	if m.Entries == nil { // gob leaves out what is empty
		m.Entries = entries{}
	}
	f.left = m.Moment
	return m
}

// leave writes down for the next process what this one knows. It is called by
// who holds the lock, after a change: looking alone writes nothing. Only speed
// is lost with it, so nothing is synced and no fault is told.
func (f *Filter) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memory.Moment == "" || f.memory.Moment == f.left {
		return
	}
	if f.text == nil {
		f.text = f.memory.written()
	}
	aside := f.lock + ".seen~"
	if err := os.WriteFile(aside, f.text, 0o600); err == nil && os.Rename(aside, f.lock+".seen") == nil {
		f.left = f.memory.Moment
	}
	f.text = nil
}
