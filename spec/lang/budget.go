package lang

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// mostMade bounds what all expressions of a text make together, in bytes more
// or less. A few words can ask for more than any machine has: loops within
// loops, or a text that repeats a text.
const mostMade = 400 << 20

// tooMuch is what is said of it.
var tooMuch = fmt.Sprintf("The expressions of a configuration may make %d MiB of values. Loop over less, or within fewer loops", mostMade>>20)

// turn is what a turn of a loop costs besides its value.
const turn = 400

// budget is what is left of it.
type budget struct{ left int }

// spend pays n. When nothing is left, nothing more is made.
func (b *budget) spend(n int) error {
	if b.spent() || n < 0 || n > b.left {
		b.left = -1
		return errors.New(lowerFirst(tooMuch))
	}
	b.left -= n
	return nil
}

func (b *budget) spent() bool { return b.left < 0 }

// heft is what a value costs; more than there is, if it is too much.
func heft(values ...cty.Value) int {
	left := mostMade
	for _, v := range values {
		left = weight(v, left)
	}
	return mostMade - left
}

// The functions that evaluation calls by itself have names that no text can say.
const (
	made = "for"    // pays for its argument
	gone = "for in" // lets no loop begin when nothing is left
)

// keepers are those functions.
func (b *budget) keepers() map[string]function.Function {
	keeper := func(cost func(v cty.Value) int) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}},
			Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
			Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
				if err := b.spend(cost(args[0])); err != nil {
					return cty.UnknownVal(ty), err
				}
				return args[0], nil
			},
		})
	}
	return map[string]function.Function{
		made: keeper(func(v cty.Value) int { return turn + heft(v) }),
		gone: keeper(func(cty.Value) int { return 0 }),
	}
}

// guard has whatever an expression makes over and over paid for: each turn of
// a loop, and each part of a text.
func guard(n hclsyntax.Node) {
	_ = hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics {
		switch e := n.(type) {
		case *hclsyntax.ForExpr:
			e.CollExpr, e.ValExpr = calls(gone, e.CollExpr), calls(made, e.ValExpr)
			if e.CondExpr != nil {
				e.CondExpr = calls(made, e.CondExpr)
			}
		case *hclsyntax.TemplateExpr:
			for i, part := range e.Parts {
				if _, literal := part.(*hclsyntax.LiteralValueExpr); !literal {
					e.Parts[i] = calls(made, part)
				}
			}
		}
		return nil
	})
}

func calls(name string, e hclsyntax.Expression) hclsyntax.Expression {
	at := e.Range()
	return &hclsyntax.FunctionCallExpr{Name: name, Args: []hclsyntax.Expression{e}, NameRange: at, OpenParenRange: at, CloseParenRange: at}
}

// paid is f, whose result is paid for. What may come to much more than its
// arguments is asked for its cost before.
func (b *budget) paid(f function.Function, before func(args []cty.Value) int, after func(v cty.Value) int) function.Function {
	return function.New(&function.Spec{
		Params: f.Params(), VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) { // the type alone may be that large
			if before != nil && !b.spent() && before(args) > b.left {
				b.left = -1
			}
			if err := b.spend(0); err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil {
				return v, err
			}
			return v, b.spend(after(v))
		},
	})
}
