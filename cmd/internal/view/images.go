package view

import (
	"strake/reconcile"
	"strake/reconcile/host/image"
)

// Image is an image in the store.
type Image struct {
	image.Meta
	Used bool `json:"used"` // some generation is made of it
}

// Images is the table of `strake images`.
func Images(list []Image) Table {
	t := Table{Head: []string{"DIGEST", "SOURCE", "SIZE", "MADE", "USED"}}
	for _, m := range list {
		used := "no"
		if m.Used {
			used = "yes"
		}
		t.Rows = append(t.Rows, []string{ShortDigest(m.Digest), m.Source, Size(m.Size), m.Created.Local().Format("2006-01-02 15:04:05"), used})
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
