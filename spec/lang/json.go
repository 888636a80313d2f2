package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// HCL's JSON form reads the expressions in a text anew each time that they are
// evaluated, where nothing can guard them. So a text in JSON is read once, into
// the expressions that native syntax has.

// jsonBody is a body in JSON whose expressions are guarded.
type jsonBody struct {
	hcl.Body
	budget *budget
}

func (b jsonBody) Content(s *hcl.BodySchema) (*hcl.BodyContent, hcl.Diagnostics) {
	content, diags := b.Body.Content(s)
	return b.guarded(content), diags
}

func (b jsonBody) PartialContent(s *hcl.BodySchema) (*hcl.BodyContent, hcl.Body, hcl.Diagnostics) {
	content, rest, diags := b.Body.PartialContent(s)
	return b.guarded(content), jsonBody{rest, b.budget}, diags
}

func (b jsonBody) JustAttributes() (hcl.Attributes, hcl.Diagnostics) {
	attrs, diags := b.Body.JustAttributes()
	return b.attributes(attrs), diags
}

func (b jsonBody) guarded(c *hcl.BodyContent) *hcl.BodyContent {
	b.attributes(c.Attributes)
	for _, in := range c.Blocks {
		in.Body = jsonBody{in.Body, b.budget}
	}
	return c
}

func (b jsonBody) attributes(attrs hcl.Attributes) hcl.Attributes {
	for _, a := range attrs {
		a.Expr = &jsonExpr{Expression: a.Expr, budget: b.budget}
	}
	return attrs
}

// jsonExpr is a value in JSON.
type jsonExpr struct {
	hcl.Expression
	budget *budget
	read   hclsyntax.Expression // nil until it is asked for
	diags  hcl.Diagnostics
}

// Value without a context is the text as it stands, as in HCL.
func (e *jsonExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if ctx == nil {
		return e.Expression.Value(nil)
	}
	node, diags := e.native()
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return node.Value(ctx)
}

func (e *jsonExpr) Variables() []hcl.Traversal {
	node, diags := e.native()
	if diags.HasErrors() {
		return nil
	}
	return node.Variables()
}

// UnwrapExpression is for what HCL asks of an expression without its value.
func (e *jsonExpr) UnwrapExpression() hcl.Expression { return e.Expression }

// AsTraversal is the reference that the text is, as it stands or as a template;
// nil where it is none.
func (e *jsonExpr) AsTraversal() hcl.Traversal {
	if node, diags := e.native(); !diags.HasErrors() {
		if wrapped, is := node.(*hclsyntax.TemplateWrapExpr); is {
			t, _ := hcl.AbsTraversalForExpr(wrapped.Wrapped)
			return t
		}
	}
	return e.Expression.(interface{ AsTraversal() hcl.Traversal }).AsTraversal()
}

// meant is the reference that a text in JSON stands for: "container.c" is as good
// as "${container.c}" where nothing but a reference can be meant.
func meant(expr hcl.Expression) hcl.Expression {
	if _, is := expr.(*jsonExpr); !is {
		return expr
	}
	t, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() {
		return expr
	}
	return &hclsyntax.ScopeTraversalExpr{Traversal: t, SrcRange: expr.Range()}
}

// ExprList gives the elements of an array, nil of anything else.
func (e *jsonExpr) ExprList() []hcl.Expression {
	list := e.Expression.(interface{ ExprList() []hcl.Expression }).ExprList()
	for i := range list {
		list[i] = e.beside(list[i])
	}
	return list
}

// ExprMap gives the pairs of an object, nil of anything else.
func (e *jsonExpr) ExprMap() []hcl.KeyValuePair {
	pairs := e.Expression.(interface{ ExprMap() []hcl.KeyValuePair }).ExprMap()
	for i, p := range pairs {
		pairs[i] = hcl.KeyValuePair{Key: e.beside(p.Key), Value: e.beside(p.Value)}
	}
	return pairs
}

func (e *jsonExpr) beside(other hcl.Expression) *jsonExpr {
	return &jsonExpr{Expression: other, budget: e.budget}
}

// native reads the value as an expression.
func (e *jsonExpr) native() (hclsyntax.Expression, hcl.Diagnostics) {
	if e.read == nil {
		e.read, e.diags = e.translate()
		e.diags = append(e.diags, e.budget.guard(e.read)...)
	}
	return e.read, e.diags
}

func (e *jsonExpr) translate() (hclsyntax.Expression, hcl.Diagnostics) {
	at := e.Range()
	if list := e.ExprList(); list != nil {
		return translateList(list, at)
	}
	if pairs := e.ExprMap(); pairs != nil {
		return translateMap(pairs, at)
	}
	v, _ := e.Expression.Value(nil)
	if v.IsNull() || v.Type() != cty.String {
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}, nil
	}
	at.Start.Byte, at.Start.Column = at.Start.Byte+1, at.Start.Column+1 // behind the quote
	return hclsyntax.ParseTemplate([]byte(v.AsString()), at.Filename, at.Start)
}

func translateList(list []hcl.Expression, at hcl.Range) (hclsyntax.Expression, hcl.Diagnostics) {
	tuple, diags := &hclsyntax.TupleConsExpr{SrcRange: at, OpenRange: at}, hcl.Diagnostics{}
	for _, element := range list {
		node, more := element.(*jsonExpr).translate()
		tuple.Exprs, diags = append(tuple.Exprs, node), append(diags, more...)
	}
	return tuple, diags
}

func translateMap(pairs []hcl.KeyValuePair, at hcl.Range) (hclsyntax.Expression, hcl.Diagnostics) {
	object, diags := &hclsyntax.ObjectConsExpr{SrcRange: at, OpenRange: at}, hcl.Diagnostics{}
	for _, p := range pairs {
		key, more := p.Key.(*jsonExpr).translate()
		value, evenMore := p.Value.(*jsonExpr).translate()
		object.Items = append(object.Items, hclsyntax.ObjectConsItem{KeyExpr: key, ValueExpr: value})
		diags = append(append(diags, more...), evenMore...)
	}
	return object, diags
}
