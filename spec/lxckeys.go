package spec

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// What liblxc 5.0 and 6.0 list as their keys, which are the same. "*" stands
// for any name, "#" for a number. A test of the LXC adapter compares it with
// the library that is there.
//
//go:embed lxckeys.txt
var lxcKeys string

// LXCKeys is the table of all keys that an LXC configuration may have. "*"
// stands for any name, "#" for a number.
func LXCKeys() []string { return strings.Fields(lxcKeys) }

var number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^lxc\.net\.[0-9]+\.`) })

// knownLXCKey says whether liblxc has a key.
func knownLXCKey(key string) bool {
	key = number().ReplaceAllString(key, "lxc.net.#.")
	for _, k := range LXCKeys() {
		family, is := strings.CutSuffix(k, "*")
		if key == k || is && len(key) > len(family) && strings.HasPrefix(key, family) {
			return true
		}
	}
	return false
}

// nearLXCKey completes a sentence with the key that may have been meant.
func nearLXCKey(key string) string {
	if family, name, ok := strings.Cut(strings.TrimPrefix(key, "lxc."), "."); ok && (family == "limit" || family == "rlimit") {
		return ` Did you mean "lxc.prlimit.` + name + `"?`
	}
	return DidYouMean(key, LXCKeys())
}
