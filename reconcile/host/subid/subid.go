// Package subid reads and extends root's lines in /etc/subuid and
// /etc/subgid. They say which host ids root may give to containers: not to
// the kernel, which lets root map anything, but to newuidmap, which liblxc
// runs when it is installed. It adds lines and never changes or removes one.
package subid

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"strake/reconcile/idmap"
)

// files are the two, users first.
func files() [2]string { return [2]string{"subuid", "subgid"} }

// Default is the pool of a host where root has no lines at all.
func Default() idmap.Range { return idmap.Range{Base: 1000000, Size: 1000000000} }

// Read is the ids that root may give away both as users and as groups,
// ascending. etc is the folder, "/etc". Where root has no line in either
// file, it is Default without what others have. It is empty where root has
// lines that agree in no id.
func Read(etc string) ([]idmap.Range, error) {
	pools, err := Files(etc)
	if err != nil {
		return nil, err
	}
	if len(pools[0]) == 0 && len(pools[1]) == 0 {
		others, err := Others(etc)
		return idmap.Subtract([]idmap.Range{Default()}, others), err
	}
	return idmap.Intersect(pools[0], pools[1]), nil
}

// Files is root's ranges as the two files have them: users', then groups'.
func Files(etc string) (pools [2][]idmap.Range, err error) {
	for i, name := range files() {
		text, err := read(filepath.Join(etc, name))
		if err != nil {
			return pools, err
		}
		pools[i] = idmap.Union(ranges(text, isRoot))
	}
	return pools, nil
}

// Others is the ids that the files give to anyone but root.
func Others(etc string) ([]idmap.Range, error) {
	var all []idmap.Range
	for _, name := range files() {
		text, err := read(filepath.Join(etc, name))
		if err != nil {
			return nil, err
		}
		all = append(all, ranges(text, func(who string) bool { return !isRoot(who) })...)
	}
	return idmap.Union(all), nil
}

// read takes a file that is not there as an empty one, as newuidmap does.
func read(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read id ranges: %w", err)
	}
	return text, nil
}

// isRoot knows both ways of naming a user, subuid(5): by name and by number.
func isRoot(who string) bool { return who == "root" || who == "0" }

// ranges reads "name:base:count" lines. What is no such line counts for
// nothing, as it does for shadow's own tools.
func ranges(text []byte, whose func(string) bool) []idmap.Range {
	var list []idmap.Range
	for line := range bytes.Lines(text) {
		fields := strings.Split(strings.TrimRight(string(line), "\n"), ":")
		if len(fields) != 3 || fields[0] == "" || !whose(fields[0]) {
			continue
		}
		base, err1 := strconv.ParseUint(fields[1], 0, 32)
		count, err2 := strconv.ParseUint(fields[2], 0, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		size := min(count, math.MaxUint32-base) // the last id is no one's
		list = append(list, idmap.Range{Base: uint32(base), Size: uint32(size)})
	}
	return list
}
