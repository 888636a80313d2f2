package spec

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// DidYouMean completes a sentence with the nearest of the words, if one is near.
func DidYouMean(word string, words []string) string {
	best, least := "", 3
	for _, w := range words {
		if d := levenshtein.Distance(word, w, nil); d < least && d < len(word) {
			best, least = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}

// NearSetting completes a sentence with the setting that may be meant by a path.
func NearSetting(path string) string {
	var paths []string
	for _, k := range Keys() {
		if !strings.Contains(k.Path, "*") {
			paths = append(paths, k.Path)
		}
	}
	return DidYouMean(path, paths)
}
