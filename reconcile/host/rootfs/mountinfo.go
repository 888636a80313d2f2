package rootfs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

// mountpoint is one line of mountinfo, see proc_pid_mountinfo(5).
type mountpoint struct {
	id      int
	device  string // "8:1"
	dir     string // folder of the filesystem that is shown
	at      string // where it is
	options string // of this mount
	kind    string
	source  string
	super   string // options of the filesystem
}

func (m mountpoint) String() string { return m.kind + " " + m.source + " at " + m.at }

func (m mountpoint) readOnly() bool {
	return m.options == "ro" || strings.HasPrefix(m.options, "ro,")
}

// mounts reads the mounts that a process sees; pid 0 is this one.
func mounts(pid int) ([]mountpoint, error) {
	path := "/proc/self/mountinfo"
	if pid > 0 {
		path = fmt.Sprintf("/proc/%d/mountinfo", pid)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseMounts(text), nil
}

func parseMounts(text []byte) []mountpoint {
	list := make([]mountpoint, 0, bytes.Count(text, []byte("\n")))
	for line := range strings.Lines(string(text)) {
		if m, ok := parseMount(strings.TrimSuffix(line, "\n")); ok {
			list = append(list, m)
		}
	}
	return list
}

// parseMount reads "36 35 98:0 /dir /at rw,noatime shared:1 - ext3 /dev/root rw".
// Between the options and the dash are any number of words.
func parseMount(line string) (mountpoint, bool) {
	left, right, ok := strings.Cut(line, " - ")
	if !ok {
		return mountpoint{}, false
	}
	l, r := strings.SplitN(left, " ", 7), strings.SplitN(right, " ", 3)
	if len(l) < 6 || len(r) < 3 {
		return mountpoint{}, false
	}
	id, err := strconv.Atoi(l[0])
	if err != nil {
		return mountpoint{}, false
	}
	return mountpoint{
		id: id, device: l[2], dir: unescape(l[3]), at: unescape(l[4]), options: l[5],
		kind: r[0], source: unescape(r[1]), super: r[2],
	}, true
}

// unescape undoes the kernel's \040 for space, tab, newline, # and backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// root reads our own mount's names back: what it is, but for its writable
// layers, and the names of the pieces that hold them.
func (m mountpoint) root() (root resource.Root, pieces []string, ours bool) {
	words := strings.SplitN(m.source, ":", 3)
	if m.kind != "overlay" || len(words) != 3 || words[0] != "strake" {
		return root, nil, false
	}
	ids, ok := parseIDs(words[1])
	if !ok {
		return root, nil, false
	}
	root.IDMap, root.Container = ids, words[2]
	pieces, ok = parseLayers(&root, m.super)
	return root, pieces, ok
}

// parseLayers reads what overlayOptions wrote. Kernels differ in how they
// list lowers: one lowerdir=a:b, or lowerdir+=a once for each.
func parseLayers(root *resource.Root, options string) (pieces []string, ok bool) {
	var top string
	var lower []string
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "lowerdir", "lowerdir+":
			lower = append(lower, strings.Split(value, ":")...)
		case "upperdir":
			top = strings.TrimSuffix(value, "/upper")
		}
	}
	if len(lower) == 0 {
		return nil, false
	}
	root.Digest, ok = strings.CutPrefix(lower[len(lower)-1], "i-")
	for _, name := range append([]string{top}, lower[:len(lower)-1]...) {
		if key, system := strings.CutPrefix(name, "l-"); system {
			root.Layers = append(root.Layers, key)
			continue
		}
		piece, writable := strings.CutPrefix(name, "w-")
		ok = ok && writable
		pieces = append(pieces, piece)
	}
	return pieces, ok
}

func parseIDs(word string) (resource.IDMap, bool) {
	if word == "privileged" {
		return resource.IDMap{Privileged: true}, true
	}
	first, count, _ := strings.Cut(word, "+")
	base, err := strconv.ParseUint(first, 10, 32)
	size, err2 := strconv.ParseUint(count, 10, 32)
	return resource.IDMap{Base: uint32(base), Size: uint32(size)}, err == nil && err2 == nil
}
