package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The table stands between these lines; the rest of the file is people's.
const (
	beginMark = "<!-- bench: begin -->"
	endMark   = "<!-- bench: end -->"
)

// publish prints the table and puts it where it is wanted.
func publish(o options, machine string, rows []row) error {
	slices.SortFunc(rows, func(a, b row) int { return a.Number - b.Number })
	text := table(machine, rows)
	fmt.Print(text)
	if o.Raw != "" {
		raw, err := json.MarshalIndent(map[string]any{"machine": machine, "rows": rows}, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.Raw, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.Table == "" {
		return nil
	}
	return insert(o.Table, text)
}

// insert replaces what is between the marks; a file without marks gets them at
// its end.
func insert(path, text string) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = []byte("# reconcile\n"), nil
	}
	if err != nil {
		return err
	}
	block := beginMark + "\n" + text + endMark
	before, rest, begun := strings.Cut(string(old), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	switch {
	case begun && ended:
		block = before + block + after
	case begun:
		return fmt.Errorf("%s has %q without %q", path, beginMark, endMark)
	default:
		block = strings.TrimRight(before, "\n") + "\n\n## Speed\n\n" + block + "\n"
	}
	return os.WriteFile(path, []byte(block), 0o644)
}

func table(machine string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", machine)
	b.WriteString("| work | must | strake | floor and peer | measured against the must | verdict |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Work, r.Must, join(r.Strake), join(r.Beside), join(r.Checks), r.verdict())
	}
	b.WriteString("\nFloor: LXC's own tools on containers that were prepared for them. Peer: LXD with a `dir` pool and the same images, limits and bridge; of the egress proxy, Squid with the same list.\n")
	return b.String()
}

func join[T fmt.Stringer](list []T) string {
	var words []string
	for _, one := range list {
		word := one.String()
		if f, ok := any(one).(figure); ok {
			word = f.What + ": " + word
			if f.Note != "" && f.measured() {
				word += " (" + f.Note + ")"
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, "<br>")
}

func (r row) verdict() string {
	known := true
	for _, c := range r.Checks {
		if c.Known && !c.passed() {
			return "**fail**"
		}
		known = known && c.Known
	}
	if !known {
		return "pass, as far as measured"
	}
	return "pass"
}

// machine says where and when this was.
func (y *yard) machine() string {
	var name unix.Utsname
	_ = unix.Uname(&name)
	words := []string{
		fmt.Sprintf("%d cores", runtime.NumCPU()), "kernel " + unix.ByteSliceToString(name.Release[:]),
		"liblxc " + version("lxc-start", "--version"),
	}
	if y.peer != nil {
		words = append(words, "LXD "+version("lxd", "--version"))
	}
	if store, err := y.Options.store(); err == nil {
		list, _ := store.List()
		for _, m := range list {
			if m.Digest == y.Debian.Digest {
				words = append(words, fmt.Sprintf("Debian image %d MB", m.Size/1e6))
			}
		}
	}
	words = append(words, "load "+y.load+" before", fmt.Sprintf("medians of %d", y.Options.Runs), time.Now().UTC().Format(time.DateOnly))
	return "Measured by `make bench`: " + strings.Join(words, ", ") + "."
}

func version(args ...string) string {
	out, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		return "of unknown version (" + filepath.Base(args[0]) + ")"
	}
	return strings.TrimSpace(string(out))
}
