package lang

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"strake/spec/source"
)

// HCL's parsers and its evaluation recurse, and Go ends the whole process when
// a stack passes 1 GB, which nothing can recover from. So text is measured first.
const (
	mostDepth = 256
	mostChain = 10_000 // operators in one expression
)

// measured says why parsing the file could end the process, and where.
func measured(f source.File) measure {
	m := measure{at: hcl.Range{Filename: f.Name, Start: hcl.InitialPos, End: hcl.InitialPos}}
	if f.JSON() {
		m.json(f.Bytes)
	} else if joins, ok := flat(f.Bytes); ok {
		m.joins = joins
	} else {
		m.lex(f)
	}
	if m.fault == "" && m.joins > mostJoins {
		m.fault = tooManyPieces
	}
	return m
}

// measure counts nesting, and operators between the ends of expressions.
type measure struct {
	depth int
	round int // how much of depth is ( and [: line ends don't end an expression there
	chain int
	texts []pieces // that are open, the innermost last
	joins int      // of all texts so far
	fault string
	at    hcl.Range
}

func (m *measure) lex(f source.File) {
	tokens, _ := hclsyntax.LexConfig(f.Bytes, f.Name, hcl.InitialPos)
	for _, t := range tokens {
		if m.token(t); m.judge() {
			m.at = t.Range
			return
		}
	}
}

func (m *measure) token(t hclsyntax.Token) {
	m.piece(t)
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
}

// judge says whether there is a fault by now.
func (m *measure) judge() bool {
	switch {
	case m.depth > mostDepth:
		m.fault = fmt.Sprintf("this is nested more than %d deep", mostDepth)
	case m.chain > mostChain:
		m.fault = fmt.Sprintf("this expression has more than %d operators", mostChain)
	case m.joins > mostJoins:
		m.fault = tooManyPieces
	}
	return m.fault != ""
}

// remedy says how to mend the fault.
func (m *measure) remedy() string {
	if m.fault == tooManyPieces {
		return fewerPieces
	}
	return "Split it up with locals, or put the text into a file."
}

// newline says whether what follows a backslash in JSON is a line's end.
func newline(escape []byte) bool {
	return len(escape) > 0 && escape[0] == 'n' || len(escape) > 4 && bytes.EqualFold(escape[:5], []byte("u000a"))
}

// json counts brackets outside strings, and whatever could be an operator or
// the end of a piece inside one that holds a template.
func (m *measure) json(data []byte) {
	quoted, line, text := false, 1, pieces{}
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case b == '\n':
			line++
		case b == '"':
			quoted = !quoted
			m.joins += text.joins()
			m.chain, text = 0, pieces{}
		case quoted && b == '\\':
			if i++; newline(data[i:]) {
				text.count++
			}
			text.bytes++
		case quoted:
			if operator(b) || b == '(' || b == '[' || b == '{' {
				m.chain++
			}
			text.add(b)
		case b == '{' || b == '[':
			m.depth++
		case b == '}' || b == ']':
			m.depth--
		}
		if m.judge() {
			m.at.Start = hcl.Pos{Line: line, Column: 1, Byte: i}
			m.at.End = m.at.Start
			return
		}
	}
}
