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

const makesTooMuch = "these expressions make too much"

// tooMuch is what is said of it.
var tooMuch = fmt.Sprintf("The expressions of a configuration may make %d MiB of values. Loop over less, or within fewer loops", mostMade>>20)

// What a turn of a loop costs besides its value, and each node of the tree that
// it goes through: the longest of all would take a second.
const (
	turn = 400
	step = 100
)

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

// paying is an expression whose evaluation is paid for. When nothing is left it
// is not evaluated, so that HCL's loops, which go on after a mistake, come to
// their end.
type paying struct {
	hclsyntax.Expression
	budget *budget
	each   int  // what an evaluation costs
	made   bool // what it comes to is paid for too
}

// paying wraps e in parentheses: who walks a tree of HCL's sees an expression
// of ours as what it embeds, and e in it.
func (b *budget) paying(e hclsyntax.Expression, each int, made bool) hclsyntax.Expression {
	return &paying{&hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}, b, each, made}
}

func (p *paying) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if p.budget.spent() {
		return cty.DynamicVal, nil // that was said
	}
	if err := p.budget.spend(p.each); err != nil {
		return cty.DynamicVal, p.broke()
	}
	v, diags := p.Expression.Value(ctx)
	if p.made && !p.budget.spent() && p.budget.spend(heft(v)) != nil {
		return cty.DynamicVal, append(diags, p.broke()...)
	}
	return v, diags
}

func (p *paying) broke() hcl.Diagnostics {
	at := p.Range()
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: makesTooMuch, Detail: tooMuch, Subject: &at}}
}

// guard has whatever an expression makes over and over paid for: each turn of
// a loop, and each part of a text. What it says is wrong with the expression is
// what HCL passes over.
func (b *budget) guard(n hclsyntax.Node) hcl.Diagnostics {
	g := guardian{budget: b}
	_ = hclsyntax.Walk(n, &g)
	return g.diags
}

// guardian counts the nodes of a tree on its way through it.
type guardian struct {
	budget *budget
	nodes  int
	began  []int // what nodes was at the begin of each loop that is open
	diags  hcl.Diagnostics
}

func (g *guardian) Enter(n hclsyntax.Node) hcl.Diagnostics {
	g.nodes++
	switch e := n.(type) {
	case *hclsyntax.ForExpr:
		g.began = append(g.began, g.nodes)
	case *hclsyntax.ObjectConsExpr:
		g.diags = append(g.diags, twice(e)...)
	}
	return nil
}

func (g *guardian) Exit(n hclsyntax.Node) hcl.Diagnostics {
	switch e := n.(type) {
	case *hclsyntax.ForExpr:
		last := len(g.began) - 1
		each := turn + step*(g.nodes-g.began[last])
		g.began = g.began[:last]
		e.CollExpr, e.ValExpr = g.budget.paying(e.CollExpr, 0, false), g.budget.paying(e.ValExpr, each, true)
		if e.CondExpr != nil {
			e.CondExpr = g.budget.paying(e.CondExpr, each, false)
		}
	case *hclsyntax.TemplateExpr:
		for i, part := range e.Parts {
			if _, literal := part.(*hclsyntax.LiteralValueExpr); !literal {
				e.Parts[i] = g.budget.paying(part, turn, true)
			}
		}
	}
	return nil
}

// twice finds keys that a written-out map has twice. HCL takes the last one.
func twice(e *hclsyntax.ObjectConsExpr) hcl.Diagnostics {
	var diags hcl.Diagnostics
	first := make(map[string]hcl.Range, len(e.Items))
	for _, item := range e.Items {
		key, literal := literalKey(item.KeyExpr)
		at := item.KeyExpr.Range()
		if other, there := first[key]; literal && there {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "the key " + quote(key) + " is there twice",
				Detail: "The other one is at " + place(other).String() + ". Take one out.", Subject: &at})
			continue
		}
		first[key] = at
	}
	return diags
}

// literalKey is a key that is the same wherever it is looked at.
func literalKey(e hclsyntax.Expression) (string, bool) {
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
			return word, true
		}
		e = k.Wrapped
	}
	if t, ok := e.(*hclsyntax.TemplateExpr); !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, _ := e.Value(nil)
	return v.AsString(), true
}

// paid is f, whose result is paid for, and the toil that comes before it. What
// may come to much more than its arguments is asked for its cost before.
func (b *budget) paid(name string, f function.Function) function.Function {
	before, after := costs()[name], price(name)
	ready := func(args []cty.Value) ([]cty.Value, error) {
		if before != nil && !b.spent() && before(args) > b.left {
			b.left = -1
		}
		if err := b.spend(toil(name, f, args)); err != nil {
			return nil, err
		}
		return level(f, args)
	}
	return function.New(&function.Spec{
		Params: loose(f.Params()), VarParam: looseOne(f.VarParam()),
		Type: func(args []cty.Value) (cty.Type, error) { // the type alone may be that large
			args, err := ready(args)
			if err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, ty cty.Type) (cty.Value, error) {
			args, err := level(f, args)
			if err != nil {
				return cty.UnknownVal(ty), err
			}
			v, err := f.Call(args)
			if err != nil {
				return v, err
			}
			return v, b.spend(after(v))
		},
	})
}
