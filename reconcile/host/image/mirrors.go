package image

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// mirror is one entry of the machine's package sources.
type mirror struct {
	uri, suite string
	components []string
	signedBy   string // path of a keyring
}

// snapshot is how archives of what an archive was name the moment. That they
// are out of date is why they are asked.
var snapshot = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`/[0-9]{8}T[0-9]{6}Z(/|$)`) })

// line is the entry as in sources.list(5). A folder of this host needs no
// signature: "copy" because apt would look for it inside of the tree else.
func (m mirror) line() string {
	var options []string
	uri := m.uri
	if m.signedBy != "" {
		options = append(options, "signed-by="+m.signedBy)
	}
	if snapshot().MatchString(uri) {
		options = append(options, "check-valid-until=no")
	}
	if filepath.IsAbs(uri) {
		uri, options = "copy:"+uri, append(options, "trusted=yes")
	}
	if len(options) > 0 {
		uri = "[" + strings.Join(options, " ") + "] " + uri
	}
	return "deb " + uri + " " + m.suite + " " + strings.Join(m.components, " ")
}

// mirrors are the machine's own sources of the suite, its updates and security
// fixes. A machine of another suite lends the address of its archive; where it
// has none of that kind there is none, and the tool takes its default.
func (s *Store) mirrors(suite string) ([]mirror, error) {
	all, err := s.machineMirrors()
	if err != nil {
		return nil, err
	}
	var found, lent []mirror
	for _, m := range all {
		switch {
		case m.suite == suite || m.suite == suite+"-updates" || m.suite == suite+"-security":
			found = append(found, m)
		case len(lent) == 0 && strings.HasSuffix(strings.TrimRight(m.uri, "/"), "/debian") && debian(suite):
			lent = []mirror{{m.uri, suite, []string{"main"}, m.signedBy}}
		}
	}
	if slices.ContainsFunc(found, func(m mirror) bool { return m.suite == suite }) {
		slices.SortStableFunc(found, func(a, b mirror) int { return len(a.suite) - len(b.suite) })
		return found, nil
	}
	return lent, nil
}

// debian: these are on every mirror of Debian's archive.
func debian(suite string) bool {
	return slices.Contains([]string{"bullseye", "bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable"}, suite)
}

func (s *Store) machineMirrors() ([]mirror, error) {
	files := []string{filepath.Join(s.apt, "sources.list")}
	parts, err := filepath.Glob(filepath.Join(s.apt, "sources.list.d", "*"))
	if err != nil {
		return nil, err
	}
	var all []mirror
	for _, name := range append(files, parts...) {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		switch filepath.Ext(name) {
		case ".list":
			all = append(all, parseList(string(text))...)
		case ".sources":
			all = append(all, parseSources(string(text))...)
		}
	}
	return all, nil
}

// parseList reads one-line entries: "deb [options] URI SUITE COMPONENT...".
func parseList(text string) []mirror {
	var list []mirror
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		m := mirror{}
		if options, after, ok := strings.Cut(rest, "]"); ok {
			rest = after
			for o := range strings.FieldsSeq(strings.TrimPrefix(strings.TrimSpace(options), "[")) {
				if by, ok := strings.CutPrefix(o, "signed-by="); ok {
					m.signedBy = by
				}
			}
		}
		if words := strings.Fields(rest); len(words) >= 3 {
			m.uri, m.suite, m.components = words[0], words[1], words[2:]
			list = append(list, m)
		}
	}
	return list
}

// parseSources reads deb822 stanzas, sources.list(5).
func parseSources(text string) []mirror {
	var list []mirror
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := fields(stanza)
		if strings.EqualFold(fields["enabled"], "no") || !slices.Contains(strings.Fields(fields["types"]), "deb") {
			continue
		}
		by := fields["signed-by"]
		if !filepath.IsAbs(by) {
			by = "" // the key itself
		}
		for _, uri := range strings.Fields(fields["uris"]) {
			for _, suite := range strings.Fields(fields["suites"]) {
				list = append(list, mirror{uri, suite, strings.Fields(fields["components"]), by})
			}
		}
	}
	return list
}

// fields are those of a stanza that are in one line, by their names in lower
// case.
func fields(stanza string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(stanza) {
		key, value, ok := strings.Cut(line, ":")
		if ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, " ") {
			found[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	return found
}
