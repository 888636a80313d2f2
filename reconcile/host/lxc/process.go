//go:build linux

package lxc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// maxEnviron bounds what is read of an environment: init can make its own as
// large as it likes.
const maxEnviron = 1 << 20

// process is a folder of /proc held open. When the process is gone its files
// answer ESRCH, never with another process's that got the same id.
type process struct {
	dir *os.File
	pid int
}

func openProcess(pid int) (*process, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return &process{dir: os.NewFile(uintptr(fd), "process"), pid: pid}, nil
}

func (p *process) close() { p.dir.Close() }

func (p *process) open(name string) (*os.File, error) {
	fd, err := unix.Openat(int(p.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("open %s of process %d: %w", name, p.pid, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (p *process) read(name string) ([]byte, error) {
	f, err := p.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxEnviron))
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of process %d: %w", name, p.pid, err)
	}
	return text, nil
}

// ending says whether the process is on its way out: a zombie, or one that is
// about to be. Until it is reaped it has files in /proc, but the kernel has
// taken it out of its cgroups.
func (p *process) ending() bool {
	for range 50 {
		text, err := p.read("stat")
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if err != nil || len(fields) == 0 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// stat returns the parent and the start time in clock ticks since boot
// (fields 4 and 22 of proc(5); the name before them may hold anything).
func (p *process) stat() (parent int, started uint64, err error) {
	text, err := p.read("stat")
	if err != nil {
		return 0, 0, err
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("read stat of process %d: %d fields", p.pid, len(fields))
	}
	parent, err = strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0, 0, fmt.Errorf("read stat of process %d: %w", p.pid, err)
	}
	started, err = strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("read stat of process %d: %w", p.pid, err)
	}
	return parent, started, nil
}

func (p *process) environ() (map[string]string, error) {
	text, err := p.read("environ")
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for entry := range strings.SplitSeq(string(text), "\x00") {
		if key, value, ok := strings.Cut(entry, "="); ok {
			env[key] = value
		}
	}
	return env, nil
}

func (p *process) idmap() (resource.IDMap, error) {
	text, err := p.read("uid_map")
	if err != nil {
		return resource.IDMap{}, err
	}
	return parseIDMap(string(text))
}

// parseIDMap takes the extent that holds the container's root: "0 BASE SIZE".
func parseIDMap(text string) (resource.IDMap, error) {
	for line := range strings.Lines(text) {
		var inside, base, size uint32
		if _, err := fmt.Sscan(line, &inside, &base, &size); err != nil {
			return resource.IDMap{}, fmt.Errorf("parse id map %q: %w", line, err)
		}
		if inside != 0 {
			continue
		}
		if base == 0 {
			return resource.IDMap{Privileged: true}, nil
		}
		return resource.IDMap{Base: base, Size: size}, nil
	}
	return resource.IDMap{}, errors.New("parse id map: no root inside")
}

// root is the host's id of the container's root.
func (p *process) root() (uint32, error) {
	m, err := p.idmap()
	return m.Base, err
}
