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

func (l *loader) paths(a *hcl.Attribute, ctx *hcl.EvalContext) []string {
	v, ok := l.headValue(a, ctx)
	if !ok {
		return nil
	}
	list, err := texts(v)
	if err != nil {
		l.fail(a.Expr.Range(), a.Name+" "+err.Error(), `Write paths: `+a.Name+` = ["environment.DEBUG"].`)
		return nil
	}
	paths := list.([]string)
	for i, p := range paths {
		paths[i] = canonical(p)
	}
	return paths
}

// unset takes away what profiles said.
func (l *loader) unset(a *hcl.Attribute, ctx *hcl.EvalContext, s stacked) {
	for _, path := range l.paths(a, ctx) {
		if at, lock := s.locked(path); lock != "" {
			l.fail(a.Expr.Range(), path+" is locked", "A profile forbids to change it, at "+place(at).String()+".")
			continue
		}
		if !s.settings.remove(path) {
			l.fail(a.Expr.Range(), "unset names "+quote(path)+", which no profile sets", "It takes away what profiles set."+didYouMean(path, slices.Sorted(maps.Keys(s.settings))))
		}
	}
}

// lock forbids whatever uses the profile to set these paths.
func (l *loader) lock(a *hcl.Attribute, s *stacked) {
	for _, path := range l.paths(a, l.scope.base) {
		if !knownSetting(path) {
			l.fail(a.Expr.Range(), "locked names "+quote(path)+", which is no setting", `Write paths as plans print them: "limits.memory".`)
			continue
		}
		s.locks = both(map[string]hcl.Range{path: a.Expr.Range()}, s.locks)
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

// checkLocks finds what the upper layer sets and the lower one forbids.
func (l *loader) checkLocks(lower stacked, upper layer[spec.Container]) {
	if len(lower.locks) == 0 {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(upper)) {
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
	case "environment", "raw":
		return labelled(group, rest)
	case "nic":
		name, key, more := strings.Cut(rest, ".")
		if more {
			return labelled(group, name) + "." + key
		}
		return labelled(group, name)
	case "mount":
		for _, key := range []string{".source", ".readonly"} {
			if target, cut := strings.CutSuffix(rest, key); cut {
				return labelled(group, target) + key
			}
		}
		return labelled(group, rest)
	}
	return path
}

// knownSetting says whether a path is a setting or a group of them.
func knownSetting(path string) bool {
	pattern := spec.Pattern(path)
	return slices.ContainsFunc(spec.Keys(), func(k spec.Key) bool { return below(k.Path, pattern) })
}
