package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

	"strake/spec/source"
)

// topLevel is what may stand outside any block.
func topLevel() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "stack"}, // its label is optional: see stack.go
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "image", LabelNames: []string{"name"}},
		{Type: "network", LabelNames: []string{"name"}},
		{Type: "volume", LabelNames: []string{"name"}},
		{Type: "egress", LabelNames: []string{"name"}},
		{Type: "profile", LabelNames: []string{"name"}},
		{Type: "container", LabelNames: []string{"name"}},
		{Type: "moved"},
		{Type: "removed"},
		{Type: "import"},
		{Type: "check", LabelNames: []string{"name"}},
	}}
}

// parse gives the top-level blocks of all files by type, and says whether all
// files could be parsed.
func (l *loader) parse(files []source.File) (map[string]hcl.Blocks, bool) {
	top, ok := map[string]hcl.Blocks{}, true
	for _, f := range files {
		file := l.parseFile(f)
		if file == nil {
			ok = false
			continue
		}
		content, diags := file.Body.Content(l.withStackLabel(file.Body))
		l.diags = append(l.diags, diags...)
		for _, b := range content.Blocks {
			top[b.Type] = append(top[b.Type], b)
		}
	}
	return top, ok
}

func (l *loader) parseFile(f source.File) *hcl.File {
	if fault, at := tooDeep(f); fault != "" {
		l.fail(at, fault, "Split the expression up with locals.")
		return nil
	}
	var file *hcl.File
	var diags hcl.Diagnostics
	if f.JSON() {
		file, diags = json.Parse(f.Bytes, f.Name)
	} else {
		file, diags = hclsyntax.ParseConfig(f.Bytes, f.Name, hcl.InitialPos)
	}
	if file == nil {
		file = &hcl.File{}
	}
	if file.Bytes == nil {
		file.Bytes = f.Bytes
	}
	l.files[f.Name] = file
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() || file.Body == nil {
		return nil // what follows from half a file only hides the first mistake
	}
	return file
}
