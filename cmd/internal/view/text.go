package view

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"strake/reconcile/resource"
)

// isText: the content of a file. It is shown as hunks, not as a value.
func isText(path string) bool {
	return strings.HasSuffix(path, `"].content`) && (strings.HasPrefix(path, "file[") || strings.HasPrefix(path, "system.file["))
}

// size is what a text is told apart by on one line.
func size(text string) string {
	if text == "" {
		return ""
	}
	if short, ok := resource.Short(text); ok {
		return short
	}
	return count(strings.Count(strings.TrimSuffix(text, "\n"), "\n")+1, "line")
}

// mostHunks bounds what one file may take of a screen.
const mostHunks = 40

// hunks are the lines of a unified diff, without its header. What comes or
// goes whole has none.
func hunks(before, after string) []string {
	_, aside := resource.Short(before)
	_, aside2 := resource.Short(after)
	if before == "" || after == "" || aside || aside2 {
		return nil
	}
	_, text, _ := strings.Cut(string(diff.Diff("a", []byte(before), "b", []byte(after))), "\n+++ b\n")
	list := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(list) > mostHunks {
		list = append(list[:mostHunks], "...")
	}
	return list
}

// some are the first of a list, and how many more there are.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}
