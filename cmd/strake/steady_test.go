package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// code N [host] COMMAND... runs a command that has to exit with N.
func code(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N [host] COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	line := args[1:]
	if line[0] == "host" {
		line = worldOf(ts).enter(line[1:]...)
	}
	var exit *exec.ExitError
	have := 0
	if err := ts.Exec(line[0], line[1:]...); errors.As(err, &exit) {
		have = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", args[1], err)
	}
	if have != want {
		ts.Fatalf("%s exits %d, not %d", strings.Join(args[1:], " "), have, want)
	}
}

// steady save remembers what strake and liblxc have on disk, the interfaces,
// the firewall, what is mounted and which inits run; steady checks that all of
// it is as it was.
func steady(ts *testscript.TestScript, _ bool, args []string) {
	at := ts.MkAbs(".steady")
	now, err := worldOf(ts).picture()
	ts.Check(err)
	if len(args) == 1 && args[0] == "save" {
		ts.Check(os.WriteFile(at, []byte(now), 0o600))
		return
	}
	was, err := os.ReadFile(at)
	ts.Check(err)
	if now != string(was) {
		ts.Fatalf("changed:\n%s", changed(string(was), now))
	}
}

func (w world) picture() (string, error) {
	var b strings.Builder
	for _, line := range [][]string{
		{"ip", "-o", "link"}, {"ip", "-o", "address"}, {"nft", "--stateless", "list", "ruleset"}, {"cat", "/etc/subuid", "/etc/subgid"},
		{"lxc-ls", "-P", filepath.Join(w.dir, "lxc"), "-f", "-F", "NAME,STATE,PID"},
	} {
		out, err := w.command(line...).Output()
		if err != nil {
			return "", fmt.Errorf("%s: %w", line[0], err)
		}
		b.WriteString(strings.ReplaceAll(string(out), " tentative", "")) // what the kernel gives a port by itself is, for two seconds
	}
	b.WriteString(strings.Join(w.mounts(), "\n"))
	for _, dir := range []string{"state", "lxc"} {
		if err := tree(&b, filepath.Join(w.dir, dir)); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// tree lists a folder with times and contents. What a running container
// itself writes, what says only who had the lock last, and the diary, which tells
// of refusals too, is left out.
func tree(b *strings.Builder, top string) error {
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.Name() == "lock", strings.HasSuffix(d.Name(), ".log"):
			return nil
		case path == filepath.Join(top, "events"), d.IsDir() && (d.Name() == "upper" || d.Name() == "work" || d.Name() == "rootfs"):
			return fs.SkipDir
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(b, "\n%s %v ino %d uid %d mtime %d", path, info.Mode(), st.Ino, st.Uid, info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(b, " sum %x", sha256.Sum256(text))
		}
		return nil
	})
}

// changed lists the lines that only one of the two has.
func changed(was, now string) string {
	var b strings.Builder
	only := func(sign, a, o string) {
		have := map[string]bool{}
		for line := range strings.Lines(o) {
			have[strings.TrimSpace(line)] = true
		}
		for line := range strings.Lines(a) {
			if !have[strings.TrimSpace(line)] {
				b.WriteString(sign + strings.TrimSpace(line) + "\n")
			}
		}
	}
	only("- ", was, now)
	only("+ ", now, was)
	return b.String()
}
