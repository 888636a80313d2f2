package lang

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/go-cty-funcs/cidr"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"strake/spec/source"
)

// library is what expressions can call: go-cty's own, under the names that
// people know from Terraform and Nomad, and the files beside the text. All of
// them are pure: no clock, no randomness, no environment.
func library(folder *source.Folder) map[string]function.Function {
	all := map[string]function.Function{
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
		"cidrhost": cidr.HostFunc, "cidrnetmask": cidr.NetmaskFunc, "cidrsubnet": cidr.SubnetFunc, "cidrsubnets": cidr.SubnetsFunc,
	}
	for _, group := range []map[string]function.Function{numbers(), texting(), collections(), conversions(), encodings(), files(folder)} {
		for name, f := range group {
			all[name] = f
		}
	}
	all["templatefile"] = templateFile(folder, maps.Clone(all), &budget{mostMade})
	return all
}

// functions are the library, within a budget.
func functions(folder *source.Folder, b *budget) map[string]function.Function {
	all := library(folder)
	delete(all, "templatefile")
	for name, f := range all {
		if name != "try" && name != "can" { // they take expressions
			all[name] = b.paid(name, f)
		}
	}
	all["templatefile"] = b.paid("templatefile", templateFile(folder, all, b))
	return all
}

func numbers() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,
	}
}

func texting() map[string]function.Function {
	asks := func(f func(text, part string) bool) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
			},
		})
	}
	return map[string]function.Function{
		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc, "indent": indent(),
		"join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"regexreplace": stdlib.RegexReplaceFunc, "replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc, "strlen": stdlib.StrlenFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,
		"startswith": asks(strings.HasPrefix), "endswith": asks(strings.HasSuffix), "strcontains": asks(strings.Contains),
		"basename": stringFunction(func(s string) (string, error) { return path.Base(s), nil }),
		"dirname":  stringFunction(func(s string) (string, error) { return path.Dir(s), nil }),
	}
}

func collections() map[string]function.Function {
	return map[string]function.Function{
		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": distinct(),
		"element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "index": stdlib.IndexFunc, "keys": stdlib.KeysFunc,
		"length": length(), "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "range": stdlib.RangeFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc, "setproduct": setProduct(),
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc,
		"values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
	}
}

func conversions() map[string]function.Function {
	return map[string]function.Function{
		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
		"tolist": quick(cty.List), "toset": quick(cty.Set), "tomap": quick(cty.Map),
	}
}

// mostElements bounds what one call of a function makes.
const mostElements = 1_000_000

// setProduct is go-cty's own up to a bound: of three lists with a thousand
// elements each it would take all memory that there is.
func setProduct() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "sets", Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			product := 1
			for _, a := range args {
				a, _ = a.Unmark()
				if ty := a.Type(); a.IsNull() || !a.IsKnown() || !ty.IsCollectionType() && !ty.IsTupleType() {
					continue // go-cty says so
				}
				if product *= max(a.LengthInt(), 1); product > mostElements {
					return cty.NilType, fmt.Errorf("this would have more than %d elements", mostElements)
				}
			}
			return stdlib.SetProductFunc.ReturnTypeForValues(flattened(args))
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return stdlib.SetProductFunc.Call(flattened(args))
		},
	})
}

// flattened are tuples as lists, where that is cheap.
func flattened(args []cty.Value) []cty.Value {
	list := make([]cty.Value, len(args))
	for i, a := range args {
		list[i], _ = alike(a, cty.List(cty.DynamicPseudoType))
	}
	return list
}

// mostIndent is a width that somebody may mean.
const mostIndent = 1000

// indent is go-cty's own up to a bound.
func indent() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "spaces", Type: cty.Number}, {Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].GreaterThan(cty.NumberIntVal(mostIndent)).True() {
				return cty.UnknownVal(cty.String), function.NewArgErrorf(0, "at most %d", mostIndent)
			}
			return stdlib.IndentFunc.Call(args)
		},
	})
}

// length counts characters of a string too; go-cty has two functions for it.
func length() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			switch ty := args[0].Type(); {
			case ty == cty.String:
				return stdlib.Strlen(args[0])
			case ty.IsObjectType():
				return cty.NumberIntVal(int64(len(ty.AttributeTypes()))), nil // { a = 1 } without a type
			}
			return stdlib.Length(args[0])
		},
	})
}

// quick is go-cty's conversion, but linear where all elements are of one type.
func quick(of func(cty.Type) cty.Type) function.Function {
	want := of(cty.DynamicPseudoType)
	slow := stdlib.MakeToFunc(want)
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowMarked: true, AllowDynamicType: true, AllowUnknown: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if v, ok := alike(args[0], want); ok {
				return v.Type(), nil
			}
			return slow.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if v, ok := alike(args[0], want); ok {
				return v, nil
			}
			return slow.Call(args)
		},
	})
}

// distinct is go-cty's own, but linear for text.
func distinct() function.Function {
	return function.New(&function.Spec{
		Params: stdlib.DistinctFunc.Params(),
		Type:   stdlib.DistinctFunc.ReturnTypeForValues,
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			if ty != cty.List(cty.String) || !args[0].IsWhollyKnown() || args[0].ContainsMarked() || args[0].LengthInt() == 0 {
				return stdlib.DistinctFunc.Call(args)
			}
			seen := map[string]bool{}
			return cty.ListVal(slices.DeleteFunc(args[0].AsValueSlice(), func(v cty.Value) bool {
				if v.IsNull() {
					return false
				}
				twice := seen[v.AsString()]
				seen[v.AsString()] = true
				return twice
			})), nil
		},
	})
}
