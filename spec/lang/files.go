package lang

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"strake/spec/source"
)

// files are the functions that read beside the text, and nowhere else.
func files(folder *source.Folder) map[string]function.Function {
	return map[string]function.Function{
		"file": stringFunction(func(name string) (string, error) { data, err := folder.Read(name); return string(data), err }),
		"filebase64": stringFunction(func(name string) (string, error) {
			data, err := folder.Bytes(name)
			return base64.StdEncoding.EncodeToString(data), err
		}),
		"fileexists": function.New(&function.Spec{
			Params: []function.Parameter{{Name: "path", Type: cty.String}},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				ok, err := folder.Exists(args[0].AsString())
				return cty.BoolVal(ok), err
			},
		}),
		"fileset": function.New(&function.Spec{
			Params: []function.Parameter{{Name: "folder", Type: cty.String}, {Name: "pattern", Type: cty.String}},
			Type:   function.StaticReturnType(cty.Set(cty.String)),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				names, err := folder.Glob(args[0].AsString(), args[1].AsString())
				if err != nil || len(names) == 0 {
					return cty.SetValEmpty(cty.String), err
				}
				values := make([]cty.Value, len(names))
				for i, n := range names {
					values[i] = cty.StringVal(n)
				}
				return cty.SetVal(values), nil
			},
		}),
	}
}

// templateFile renders a template file with the given values. Templates see
// all functions but this one, so that rendering ends.
func templateFile(folder *source.Folder, funcs map[string]function.Function, b *budget) function.Function {
	funcs = maps.Clone(funcs)
	read := map[string]hclsyntax.Expression{} // each file once
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			none := cty.UnknownVal(cty.String)
			if ty := args[1].Type(); !ty.IsObjectType() && !ty.IsMapType() {
				return none, function.NewArgErrorf(1, "must be a map of the template's values")
			}
			name := args[0].AsString()
			if read[name] == nil {
				data, err := folder.Read(name)
				if err != nil {
					return none, function.NewArgError(0, err)
				}
				if read[name], err = b.template(name, data); err != nil {
					return none, err
				}
			}
			return render(name, read[name], &hcl.EvalContext{Functions: funcs, Variables: args[1].AsValueMap()})
		},
	})
}

// mostTemplate bounds a template file: no smaller one can end the process.
const mostTemplate = 64 << 10

// template parses the text of a template file. It is nil when there is an error.
func (b *budget) template(name string, data []byte) (hclsyntax.Expression, error) {
	if len(data) > mostTemplate {
		return nil, fmt.Errorf("template %s has more than %d KiB", name, mostTemplate>>10)
	}
	text := pieces{}
	for _, c := range data {
		text.add(c)
	}
	if text.count += bytes.Count(data, []byte("\n")); text.joins() > mostJoins {
		return nil, fmt.Errorf("template %s: %s", name, tooManyPieces)
	}
	expr, diags := hclsyntax.ParseTemplate(data, name, hcl.InitialPos)
	if diags = append(diags, b.guard(expr)...); diags.HasErrors() {
		return nil, first(diags)
	}
	return expr, nil
}

func render(name string, expr hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, error) {
	none := cty.UnknownVal(cty.String)
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return none, first(diags)
	}
	s, err := word(v)
	if err != nil {
		return none, fmt.Errorf("template %s %w", name, err)
	}
	return cty.StringVal(s.(string)), nil
}

// first is the first error of a template with its place in it.
func first(diags hcl.Diagnostics) error {
	d := diags.Errs()[0].(*hcl.Diagnostic)
	if d.Subject == nil {
		return fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	return fmt.Errorf("%s: %s: %s", place(*d.Subject), lowerFirst(d.Summary), strings.TrimSuffix(d.Detail, "."))
}
