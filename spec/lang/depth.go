package lang

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"strake/spec/source"
)

// HCL's parsers and its evaluation recurse, and Go ends the whole process when
// a stack passes 1 GB, which nothing can recover from. Text that is smaller
// than harmless can't get there; larger text is measured first.
const (
	harmless  = 64 << 10
	mostDepth = 256
	mostChain = 10_000 // operators in one expression
	mostLines = 20_000 // in one template: HCL's time for them grows with their square, this many take it 0.3 s
)

// Flat refuses text whose nesting or length of expressions could end the
// process that parses it.
func Flat(f source.File) error {
	if fault, at := tooDeep(f); fault != "" {
		return fmt.Errorf("parse %s: %s", place(at), fault)
	}
	return nil
}

// tooDeep says why parsing the file could end the process, and where.
func tooDeep(f source.File) (string, hcl.Range) {
	if len(f.Bytes) < mostLines {
		return "", hcl.Range{}
	}
	if len(f.Bytes) < harmless && !f.JSON() && !manyLines(f.Bytes) {
		return "", hcl.Range{}
	}
	m := measure{name: f.Name}
	if f.JSON() {
		return m.json(f.Bytes)
	}
	if flat(f.Bytes) {
		return "", hcl.Range{}
	}
	tokens, _ := hclsyntax.LexConfig(f.Bytes, f.Name, hcl.InitialPos)
	for _, t := range tokens {
		if m.token(t); m.fault != "" {
			return m.fault, t.Range
		}
	}
	return "", hcl.Range{}
}

// manyLines says whether text could have a template of more than mostLines.
func manyLines(data []byte) bool {
	return bytes.Contains(data, []byte("<<")) && bytes.Count(data, []byte("\n")) > mostLines
}

// measure counts nesting, and operators between the ends of expressions.
type measure struct {
	name  string
	depth int
	round int // how much of depth is ( and [: line ends don't end an expression there
	chain int
	lines int // of the string or heredoc that is being read
	fault string
}

func (m *measure) token(t hclsyntax.Token) {
	switch t.Type {
	case hclsyntax.TokenOHeredoc, hclsyntax.TokenCHeredoc:
		m.lines = 0
	case hclsyntax.TokenStringLit:
		m.lines++
	}
	switch t.Type {
	case hclsyntax.TokenOBrace, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		m.depth++
	case hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		m.depth--
	case hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
		m.depth++
		m.round++
	case hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
		m.depth--
		m.round--
	case hclsyntax.TokenComma:
		m.chain = 0
	case hclsyntax.TokenNewline:
		if m.round <= 0 {
			m.chain = 0
		}
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenComment, hclsyntax.TokenEqual:
	default:
		m.chain++
	}
	m.judge()
}

func (m *measure) judge() {
	switch {
	case m.depth > mostDepth:
		m.fault = fmt.Sprintf("this is nested more than %d deep", mostDepth)
	case m.lines > mostLines:
		m.fault = fmt.Sprintf("this text has more than %d lines", mostLines)
	case m.chain > mostChain:
		m.fault = fmt.Sprintf("this expression has more than %d operators", mostChain)
	}
}

// newline says whether what follows a backslash in JSON is a line's end.
func newline(escape []byte) bool {
	return len(escape) > 0 && escape[0] == 'n' || len(escape) > 4 && bytes.EqualFold(escape[:5], []byte("u000a"))
}

// json counts brackets outside strings, and whatever could be an operator
// inside one that holds a template.
func (m *measure) json(data []byte) (string, hcl.Range) {
	quoted, line := false, 1
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case b == '\n':
			line++
		case b == '"':
			quoted = !quoted
			m.chain, m.lines = 0, 0
		case quoted && b == '\\':
			if i++; newline(data[i:]) {
				m.lines++
			}
		case quoted:
			if operator(b) || b == '(' || b == '[' || b == '{' {
				m.chain++
			}
		case b == '{' || b == '[':
			m.depth++
		case b == '}' || b == ']':
			m.depth--
		}
		if m.judge(); m.fault != "" {
			at := hcl.Pos{Line: line, Column: 1, Byte: i}
			return m.fault, hcl.Range{Filename: m.name, Start: at, End: at}
		}
	}
	return "", hcl.Range{}
}
