package view

import "strake/reconcile/host/image"

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
