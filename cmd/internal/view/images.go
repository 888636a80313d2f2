package view

import (
	"strings"
	"time"

	"strake/reconcile"
	"strake/reconcile/host/image"
)

// Image is an image in the store.
type Image struct {
	image.Meta
	Read  time.Time       `json:"read"` // when it was found as it was, last
	Used  bool            `json:"used"` // some generation is made of it
	Users []reconcile.Use `json:"users,omitempty"`
}

// Images is the table of `strake images`.
func Images(list []Image) Table {
	t := Table{Head: []string{"DIGEST", "SOURCE", "SIZE", "MADE", "READ", "USED BY"}}
	for _, m := range list {
		t.Rows = append(t.Rows, []string{ShortDigest(m.Digest), m.Source, Size(m.Size), m.Created.Local().Format("2006-01-02 15:04:05"), m.Read.Local().Format("2006-01-02 15:04:05"), users(m.Users)})
	}
	return t
}

// users are containers and their generations.
func users(list []reconcile.Use) string {
	words := make([]string, len(list))
	for i, u := range list {
		words[i] = u.String()
	}
	return strings.Join(words, "; ")
}

// Verified is the table of `strake verify`: what was damaged, or that nothing is.
func Verified(list []reconcile.Checked) Table {
	t := Table{Head: []string{"WHAT", "DIGEST", "STATE", "USED BY"}}
	for _, c := range list {
		state := "ok"
		if c.Damaged != "" {
			state = "damaged: taken out of the store"
		}
		t.Rows = append(t.Rows, []string{c.Kind, ShortDigest(c.Digest), state, users(c.Users)})
	}
	return t
}

// Layers is the table of `strake layers`.
func Layers(list []reconcile.StoredLayer) Table {
	t := Table{Head: []string{"LAYER", "ON", "BRINGS", "SIZE", "USED"}}
	for _, l := range list {
		used := "no"
		if l.Used {
			used = "yes"
		}
		t.Rows = append(t.Rows, []string{ShortDigest(l.Key), ShortDigest(l.Recipe.Parent), l.Recipe.System.Summary(), Size(l.Size), used})
	}
	return t
}
