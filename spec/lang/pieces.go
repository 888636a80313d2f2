package lang

import "github.com/hashicorp/hcl/v2/hclsyntax"

// HCL cuts a text at every line end of a heredoc and every % and $, and joins
// the pieces two by two: each time it copies what there is of the text, and
// moves up the list of the pieces that are left. Both grow with the square.

// mostJoins bounds the bytes that are moved so, of all files together: HCL
// takes less than a second for them.
const mostJoins = 6 << 30

const (
	tooManyPieces = "these texts are cut into too many pieces"
	fewerPieces   = "Each line of a heredoc and each % and $ in a text is one, and the longer the text, the more they cost. Put it into a file and read that with file."
)

// pieces are those of one text.
type pieces struct{ count, bytes int }

// joins is how many bytes are moved to join them.
func (p pieces) joins() int {
	if p.count < 2 {
		return 0
	}
	const entry = 16 // in the list
	return p.count * (p.bytes + entry*p.count) / 2
}

// add counts a byte of the text, for which each % and $ may begin a piece, and
// end one.
func (p *pieces) add(b byte) {
	if p.bytes++; b == '%' || b == '$' {
		p.count += 2
	}
}

// piece counts what the token is to the text that it is in.
func (m *measure) piece(t hclsyntax.Token) {
	last := len(m.texts) - 1
	switch t.Type {
	case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
		m.texts = append(m.texts, pieces{})
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		if last >= 0 {
			m.texts[last].count++
			m.texts[last].bytes += len(t.Bytes)
		}
	case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
		if last >= 0 {
			m.joins += m.texts[last].joins()
			m.texts = m.texts[:last]
		}
	case hclsyntax.TokenEOF:
		for _, open := range m.texts { // HCL joins them all the same
			m.joins += open.joins()
		}
	}
}
