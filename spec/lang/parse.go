package lang

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

	"strake/spec"
	"strake/spec/source"
)

// topLevel is what may stand outside any block. The label of stack is settled
// in stack.go.
func topLevel() *hcl.BodySchema { return schemaOf(spec.Language()) }

// schemaOf is a kind of block as HCL wants it.
func schemaOf(b *spec.Block) *hcl.BodySchema {
	s := &hcl.BodySchema{}
	for _, w := range b.Words {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: w.Name, Required: w.Required()})
	}
	for _, in := range b.Blocks {
		h := hcl.BlockHeaderSchema{Type: in.Name}
		if in.Label != "" && !in.Unnamed {
			h.LabelNames = []string{in.Label}
		}
		s.Blocks = append(s.Blocks, h)
	}
	return s
}

// schemaAt is that of a kind of block by its path.
func schemaAt(path ...string) *hcl.BodySchema {
	b := spec.Language()
	for _, name := range path {
		b = b.Block(name)
	}
	return schemaOf(b)
}

// parse gives the top-level blocks of all files by type, and says whether all
// files could be parsed.
func (l *loader) parse(files []source.File) (map[string]hcl.Blocks, bool) {
	all, whole := l.included(files)
	top := map[string]hcl.Blocks{}
	for _, file := range all {
		content, diags := file.Body.Content(l.withStackLabel(file.Body))
		l.diags = append(l.diags, diags...)
		for _, b := range content.Blocks {
			top[b.Type] = append(top[b.Type], b)
		}
	}
	return top, whole
}

// parsed is what became of one file.
type parsed struct {
	file  *hcl.File // what there is of it, for the lines that diagnostics show
	whole bool
	diags hcl.Diagnostics
}

// parseFiles parses files side by side. Those that could not be parsed are nil.
func (l *loader) parseFiles(files []source.File) []*hcl.File {
	measures, results := make([]measure, len(files)), make([]parsed, len(files))
	abreast(len(files), func(n int) { measures[n] = measured(files[n]) })
	for n := range measures {
		l.bear(&measures[n])
	}
	abreast(len(files), func(n int) { results[n] = l.budget.parseOne(files[n], measures[n]) })
	list := make([]*hcl.File, len(files))
	for n, p := range results {
		list[n] = l.take(files[n].Name, p)
	}
	return list
}

// bear adds what joining a file's texts costs to that of all files.
func (l *loader) bear(m *measure) {
	if m.fault != "" {
		return
	}
	if l.joins += m.joins; l.joins > mostJoins {
		m.fault = tooManyPieces
	}
}

// abreast does do for 0 to n-1, as many at a time as there are processors.
func abreast(n int, do func(int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				do(i)
			}
		})
	}
	workers.Wait()
}

// Syntax is what is wrong with a file as text, whatever it may mean.
func Syntax(f source.File) Diagnostics {
	l := newLoader(source.Text{})
	if l.parseFile(f) != nil {
		return nil
	}
	return l.report()
}

func (l *loader) parseFile(f source.File) *hcl.File {
	return l.parseFiles([]source.File{f})[0]
}

func (l *loader) take(name string, p parsed) *hcl.File {
	l.files[name] = p.file
	l.diags = append(l.diags, p.diags...)
	if !p.whole {
		return nil // what follows from half a file only hides the first mistake
	}
	return p.file
}

func (b *budget) parseOne(f source.File, m measure) parsed {
	if m.fault != "" {
		return parsed{file: &hcl.File{Bytes: f.Bytes}, diags: hcl.Diagnostics{{Severity: hcl.DiagError, Summary: m.fault, Detail: m.remedy(), Subject: &m.at}}}
	}
	var p parsed
	if f.JSON() {
		p.file, p.diags = json.Parse(f.Bytes, f.Name)
	} else {
		p.file, p.diags = hclsyntax.ParseConfig(f.Bytes, f.Name, hcl.InitialPos)
	}
	if p.file == nil {
		p.file = &hcl.File{}
	}
	if p.file.Bytes == nil {
		p.file.Bytes = f.Bytes
	}
	p.whole = !p.diags.HasErrors() && p.file.Body != nil
	switch body := p.file.Body.(type) {
	case nil:
	case *hclsyntax.Body:
		p.diags = append(p.diags, b.guard(body)...)
	default:
		p.file.Body = jsonBody{body, b}
	}
	return p
}
