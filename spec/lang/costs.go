package lang

import (
	"math"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// costs says of functions what a call may come to, where that is much more
// than any of its arguments.
func costs() map[string]func(args []cty.Value) int {
	sum := func(args []cty.Value) int { return heft(args...) }
	return map[string]func(args []cty.Value) int{
		"join": joined, "replace": replaced, "regexreplace": replaced, "format": formatted, "formatlist": formatted,
		"indent": indented, "yamlencode": stepped, "concat": sum, "flatten": sum, "merge": sum, "setunion": sum, "jsonencode": sum, "zipmap": sum, "distinct": sum,
	}
}

// price is what a function's result costs. Of a range go-cty computes each
// element, which takes as long as a turn.
func price(name string) func(v cty.Value) int {
	if slices.Contains(free(), name) {
		return func(cty.Value) int { return 0 }
	}
	if name == "range" {
		return func(v cty.Value) int { return heft(v) + turn*countOf(v) }
	}
	return func(v cty.Value) int { return heft(v) }
}

// reading is what it costs to look at a file.
const reading = 5000

// toil is what a call costs besides its result: comparing what go-cty compares
// with one another, and reading.
func toil(name string, f function.Function, args []cty.Value) int {
	n := 0
	for i, a := range args {
		n += comparisons(a, wants(f, i))
	}
	switch name {
	case "coalesce", "coalescelist", "setunion", "setintersection", "setproduct":
		n += times(len(args), 8*len(args))
	case "tolist", "toset":
		n += comparisons(args[0], cty.List(cty.DynamicPseudoType))
	case "tomap":
		n += comparisons(args[0], cty.Map(cty.DynamicPseudoType))
	case "distinct":
		n += repeated(args[0])
	case "jsondecode":
		n += deepened(args[0])
	case "file", "filebase64", "fileexists", "fileset", "templatefile":
		n += reading
	}
	return n
}

// deepened is what reading JSON costs besides its value: of each list and object
// go-cty reads all that is left of the text. Bytes that are only passed over are
// cheap.
func deepened(json cty.Value) int {
	text := textOf(json)
	deep, most, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			deep++
			most = max(most, deep)
		case c == ']' || c == '}':
			deep--
		}
	}
	return times(len(text)/64, most)
}

// repeated is what finding the same elements costs, text aside: each is
// compared with all before it.
func repeated(v cty.Value) int {
	if ty := v.Type(); ty.IsListType() && ty.ElementType() == cty.String {
		return 0
	}
	if ty, same := onlyType(v.Type()); same && ty == cty.String {
		return 0
	}
	return times(countOf(v), 80*countOf(v))
}

// free are the functions that make nothing, but give what is there.
func free() []string {
	return []string{"try", "can", "lookup", "element", "coalesce", "coalescelist", "length", "contains", "index", "templatefile"}
}

// times multiplies, up to what no budget has.
func times(a, b int) int {
	if a > 0 && b > math.MaxInt32/a {
		return math.MaxInt32
	}
	return a * b
}

func textOf(v cty.Value) string {
	v, _ = v.Unmark()
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return ""
	}
	return v.AsString()
}

func countOf(v cty.Value) int {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 0
	}
	return v.LengthInt()
}

// joined is the separator between all elements, and those.
func joined(args []cty.Value) int {
	n := 0
	for _, a := range args[1:] {
		n += countOf(a)
	}
	return times(n, len(textOf(args[0]))) + heft(args[1:]...)
}

// replaced is the most that there can be: each match gives way to the last
// argument, in which a group may stand for a match.
func replaced(args []cty.Value) int {
	in, old, by := textOf(args[0]), textOf(args[1]), textOf(args[2])
	matches := len(in) + 1
	if !strings.ContainsAny(old, `\.[]()*+?{}|^$`) && !strings.Contains(by, "$") {
		matches = strings.Count(in, old)
	}
	return times(matches, len(by)) + len(in)
}

// indented is each line further in; indent itself refuses what is too far.
func indented(args []cty.Value) int {
	n, _ := args[0].Unmark()
	if !n.IsKnown() || n.IsNull() || n.Type() != cty.Number {
		return 0
	}
	spaces, _ := n.AsBigFloat().Int64()
	if spaces > mostIndent {
		return 0
	}
	return times(strings.Count(textOf(args[1]), "\n"), int(spaces)) + len(textOf(args[1]))
}

// stepped is a value with each element on a line of its own, further in than
// what it is an element of. To write one takes as long as two turns of a loop.
func stepped(args []cty.Value) int {
	n := heft(args...)
	if n > mostMade {
		return n
	}
	return n + further(args[0], 0)
}

func further(v cty.Value, deep int) int {
	n := 2*turn + 2*deep
	if v, _ = v.Unmark(); !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return n
	}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if n += further(e, deep+1); n > mostMade {
			break
		}
	}
	return n
}

// mostWidth is what Go takes as the width of a formatted value.
const mostWidth = 1_000_000

// formatted is each verb at its width and with all arguments, for each element
// of a list.
func formatted(args []cty.Value) int {
	form, n := textOf(args[0]), 1
	for _, a := range args[1:] {
		n = max(n, countOf(a))
	}
	return times(n, len(form)+widths(form)) + times(strings.Count(form, "%"), heft(args[1:]...))
}

// widths is the sum of all numbers in a text, each at most mostWidth.
func widths(form string) int {
	total, n := 0, 0
	for _, c := range form + " " {
		switch {
		case c >= '0' && c <= '9':
			n = min(n*10+int(c-'0'), mostWidth)
		case c == '*':
			n = mostWidth
		default:
			total, n = total+n, 0
		}
	}
	return total
}
