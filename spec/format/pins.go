package format

import (
	"cmp"
	"slices"
	"time"

	"strake/spec"
)

const pinNote = `# Written by strake: what the sources of images turned out to be. Commit it.
# "strake lock --upgrade" moves the pins.
`

// Pins is the text of a lock file.
func Pins(pins []spec.Pin) []byte {
	pins = slices.SortedFunc(slices.Values(pins), func(a, b spec.Pin) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), slices.Compare(a.Include, b.Include), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Mirror, b.Mirror))
	})
	var w writer
	w.WriteString(pinNote)
	for _, p := range pins {
		w.open("image", p.Source)
		if len(p.Include) > 0 {
			w.set("include", literals(p.Include))
		}
		w.text("sha256", p.SHA256)
		w.text("mirror", p.Mirror)
		w.text("digest", p.Digest)
		w.number("size", p.Size)
		w.text("time", p.Time.UTC().Format(time.RFC3339))
		w.words("from", p.From)
		w.close()
	}
	return settle([]byte(w.String()))
}
