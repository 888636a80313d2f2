package adopt

import (
	"slices"
	"strings"
)

// Restore is the configuration that a container had before it was taken over,
// with what has changed since. before and now are how strake rendered it then
// and renders it now. Lines that did not change stay as they were, comments
// and includes with them. It is false where a line that has changed or gone is
// not in the text itself, but in what that includes.
func Restore(original, before, now string) (string, bool) {
	gone, fresh := apart(lines(before), lines(now))
	if len(gone) == 0 && len(fresh) == 0 {
		return original, true
	}
	text := strings.SplitAfter(original, "\n")
	for _, line := range gone {
		i := slices.IndexFunc(text, func(t string) bool { return sameLine(t, line) })
		if i < 0 {
			return "", false
		}
		text[i] = ""
		if j := slices.IndexFunc(fresh, func(f string) bool { return keyOf(f) == keyOf(line) }); j >= 0 {
			text[i] = fresh[j] + "\n"
			fresh = slices.Delete(fresh, j, j+1)
		}
	}
	result := strings.Join(text, "")
	if result != "" && !strings.HasSuffix(result, "\n") {
		result += "\n"
	}
	for _, line := range fresh {
		result += line + "\n"
	}
	return result, true
}

// apart lists what only the one has, and only the other.
func apart(a, b []string) (onlyA, onlyB []string) {
	onlyB = slices.Clone(b)
	for _, line := range a {
		if i := slices.Index(onlyB, line); i >= 0 {
			onlyB = slices.Delete(onlyB, i, i+1)
			continue
		}
		onlyA = append(onlyA, line)
	}
	return onlyA, onlyB
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return l == "" })
}

func keyOf(line string) string {
	key, _, _ := strings.Cut(line, "=")
	return strings.TrimSpace(key)
}

// sameLine compares a line that people wrote with one that strake did.
func sameLine(theirs, ours string) bool {
	key, value, _ := strings.Cut(theirs, "=")
	_, mine, _ := strings.Cut(ours, "=")
	plain := func(v string) string { return plainly(keyOf(ours), strings.Trim(strings.TrimSpace(v), `"'`)) }
	return strings.TrimSpace(key) == keyOf(ours) && plain(value) == plain(mine)
}
