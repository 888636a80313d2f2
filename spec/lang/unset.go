package lang

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

// headValue evaluates a head attribute, if it is there.
func (l *loader) headValue(a *hcl.Attribute, ctx *hcl.EvalContext) (cty.Value, bool) {
	if a == nil {
		return cty.NilVal, false
	}
	var see []string
	if ctx != l.scope.base {
		see = []string{"each"}
	}
	if diags := l.scope.check(a.Expr, see...); diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return cty.NilVal, false
	}
	return l.evaluate(a.Expr, ctx)
}

// pointed is a path that unset or locked names, and where.
type pointed struct {
	path string
	at   hcl.Range
}

func (l *loader) paths(a *hcl.Attribute, ctx *hcl.EvalContext) []pointed {
	v, ok := l.headValue(a, ctx)
	if !ok {
		return nil
	}
	list, err := texts(v)
	if err != nil {
		l.fail(a.Expr.Range(), a.Name+" "+err.Error(), `Write paths: `+a.Name+` = ["environment.DEBUG"].`)
		return nil
	}
	written, diags := hcl.ExprList(a.Expr)
	var paths []pointed
	for i, p := range list.([]string) {
		at := a.Expr.Range()
		if !diags.HasErrors() && len(written) == len(list.([]string)) {
			at = written[i].Range()
		}
		paths = append(paths, pointed{canonical(p), at})
	}
	return paths
}

// unset takes away what profiles said.
func (l *loader) unset(a *hcl.Attribute, ctx *hcl.EvalContext, s stacked) {
	for _, n := range l.paths(a, ctx) {
		path := n.path
		if at, lock := s.locked(path); lock != "" {
			l.fail(n.at, path+" is locked", "A profile forbids to change it, at "+place(at).String()+".")
			continue
		}
		if !s.settings.remove(path) {
			l.fail(n.at, "unset names "+quote(path)+", which no profile sets", "It takes away what profiles set."+spec.DidYouMean(path, slices.Sorted(maps.Keys(s.settings))))
		}
	}
}

// lock forbids whatever uses the profile to set these paths.
func (l *loader) lock(a *hcl.Attribute, s *stacked) {
	for _, n := range l.paths(a, l.scope.base) {
		path := n.path
		if !knownSetting(path) {
			l.fail(n.at, "locked names "+quote(path)+", which is no setting", `Write paths as plans print them: "limits.memory".`+spec.NearSetting(path))
			continue
		}
		s.locks = both(map[string]hcl.Range{path: n.at}, s.locks)
	}
}

// locked finds the lock that covers a path, or that something in it has.
func (s stacked) locked(path string) (hcl.Range, string) {
	for p, at := range s.locks {
		if below(path, p) || below(p, path) {
			return at, p
		}
	}
	return hcl.Range{}, ""
}

// checkLocks finds what the upper layer sets and the lower one forbids. What
// both have of one profile, which stands below each of them, is set once.
func (l *loader) checkLocks(lower stacked, upper layer[spec.Container]) {
	if len(lower.locks) == 0 {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(upper)) {
		if had, ok := lower.settings[path]; ok && had.at == upper[path].at {
			continue
		}
		for _, lock := range slices.Sorted(maps.Keys(lower.locks)) {
			if below(path, lock) {
				l.fail(upper[path].at, path+" is locked", "A profile forbids to set it: "+place(lower.locks[lock]).String()+".")
				break
			}
		}
	}
}

// canonical makes `environment["LANG"]` of `environment.LANG`. An LXC key and
// a mount target have dots of their own.
func canonical(path string) string {
	group, rest, ok := strings.Cut(path, ".")
	if !ok || strings.Contains(group, "[") {
		return path
	}
	switch group {
	case "environment", "raw", "egress":
		return labelled(group, rest)
	case "nic":
		return nested(group, rest, "publish", "route")
	case "health", "system", "build":
		kind, more, ok := strings.Cut(rest, ".")
		switch {
		case ok && (kind == "check" || kind == "user" || kind == "egress"):
			return nested(group+"."+kind, more)
		case ok && kind == "file":
			return keyed(group+"."+kind, more, ".content", ".mode", ".owner")
		case ok && kind == "service": // units have dots of their own
			return keyed(group+"."+kind, more, ".enabled")
		}
	case "publish":
		return keyed(group, rest, ".to")
	case "mount":
		return keyed(group, rest, ".source", ".readonly", ".volume")
	case "secret_file":
		return keyed(group, rest, ".from", ".mode", ".owner", ".group")
	case "file":
		return keyed(group, rest, ".content", ".mode", ".owner", ".on_change")
	}
	return path
}

// nested makes `nic["eth0"].publish["80"].to` of `eth0.publish.80.to`, where
// publish is one of the labelled blocks within.
func nested(group, rest string, within ...string) string {
	name, key, more := strings.Cut(rest, ".")
	if !more {
		return labelled(group, name)
	}
	kind, inner, deeper := strings.Cut(key, ".")
	if deeper && kind == "publish" && slices.Contains(within, kind) {
		return nested(labelled(group, name)+"."+kind, inner)
	}
	if deeper && slices.Contains(within, kind) { // prefixes have dots of their own
		return keyed(labelled(group, name)+"."+kind, inner, ".via")
	}
	return labelled(group, name) + "." + key
}

// keyed cuts one of the keys off a label that may have dots itself.
func keyed(group, rest string, keys ...string) string {
	for _, key := range keys {
		if label, cut := strings.CutSuffix(rest, key); cut {
			return labelled(group, label) + key
		}
	}
	return labelled(group, rest)
}

// knownSetting says whether a path is a setting or a group of them.
func knownSetting(path string) bool {
	pattern := spec.Pattern(path)
	return slices.ContainsFunc(spec.Keys(), func(k spec.Key) bool { return below(k.Path, pattern) })
}
