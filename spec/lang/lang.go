// Package lang turns the text of a configuration (HCL) into a spec.Stack, or
// into diagnostics that say what is wrong and where. The result depends on
// the text, the files beside it and the given variables alone: there is no
// clock, no randomness and no environment. With package format it is the only
// one that knows HCL; none of HCL's types leave it.
//
// A kind of block is one file with a table of its settings (nic.go,
// network.go); the table is all that reading, merging of profiles, positions
// and "did you mean" need.
package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"strake/spec"
	"strake/spec/source"
)

// Diagnostics are everything that was found in one run.
type Diagnostics = spec.Diagnostics

// Load reads the stack that text describes. The stack is usable only when the
// diagnostics hold no error. Diagnostics come in the order of the text and
// never hold a sensitive value.
func Load(text source.Text, vars Variables) (spec.Stack, Diagnostics) {
	return newLoader(text).load(vars)
}

func (l *loader) load(vars Variables) (spec.Stack, Diagnostics) {
	defer l.folder.Close()
	text := l.text
	top, ok := l.parse(text.Files)
	if !ok {
		return l.stack, l.report() // what refers into a file that can't be read would only look wrong
	}
	l.stack.Name = text.Name
	l.readStack(top["stack"])
	l.readVariables(top["variable"], text.Vars, vars)
	l.declare(top)
	l.readLocals(top["locals"])
	l.readImages(top["image"])
	l.readNetworks(top["network"])
	l.readVolumes(top["volume"])
	l.readEgress(top["egress"])
	l.readSecrets(top["secret"])
	l.readContainers(top["profile"], top["container"])
	l.readMoved(top["moved"])
	l.readRemoved(top["removed"])
	l.readImports(top["import"])
	l.readChecks(top["check"])
	l.readPins(text.Lock)
	l.balance()
	l.problems()
	return l.stack, l.report()
}

// balance refuses a text that made too much, also where it took care not to
// hear of it.
func (l *loader) balance() {
	if l.budget.spent() && !l.broken() {
		l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: makesTooMuch, Detail: tooMuch})
	}
}

// loader holds what one run of Load knows so far.
type loader struct {
	text    source.Text
	files   map[string]*hcl.File
	folder  *source.Folder
	scope   *scope
	stack   spec.Stack
	diags   hcl.Diagnostics
	found   Diagnostics     // from spec, already with their place
	secrets []string        // texts that no diagnostic may show
	written []hcl.Range     // where the text has some of them
	outside map[string]bool // files of values

	sensitive      bool // some variable is
	networksBroken bool // some network is not what the text meant

	images map[string]*spec.Image // by label, and by plain source
	heads  map[string]*head       // containers by label
	layers map[string]*profile

	joins  int    // of the texts of all files
	budget budget // for all that expressions make
}

func newLoader(text source.Text) *loader {
	l := &loader{
		text:    text,
		files:   map[string]*hcl.File{},
		outside: map[string]bool{},
		folder:  source.OpenFolder(text.Root),
		images:  map[string]*spec.Image{},
		heads:   map[string]*head{},
		layers:  map[string]*profile{},
		budget:  budget{mostMade},
	}
	l.scope = newScope(functions(l.folder, &l.budget))
	return l
}

// declare makes the names known that references can stand for, before
// anything is evaluated: blocks may refer to ones further down.
func (l *loader) declare(top map[string]hcl.Blocks) {
	for _, kind := range []string{"image", "network", "volume", "egress", "secret", "profile", "container", "check"} {
		first := map[string]*hcl.Block{}
		for _, b := range top[kind] {
			name := b.Labels[0]
			if other := first[name]; other != nil {
				l.fail(b.DefRange, "there are two "+kind+" blocks "+quote(name), "The other one is at "+place(other.DefRange).String()+". Rename one of them.")
				continue
			}
			first[name] = b
			l.scope.declare(kind, name)
		}
	}
	l.scope.bindReferences("image", "network", "volume", "egress", "secret", "profile")
}

// firsts leaves out blocks whose name was there before.
func firsts(blocks hcl.Blocks) hcl.Blocks {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(blocks), func(b *hcl.Block) bool {
		name := strings.Join(b.Labels, "\x00")
		twice := seen[name]
		seen[name] = true
		return twice
	})
}

// problems adds what package spec finds wrong with the values. After other
// errors it leaves out what may only follow from them.
func (l *loader) problems() {
	list := l.stack.Problems()
	if len(list) == 0 {
		return
	}
	ends := l.ends()
	for _, p := range list {
		if l.broken() && (p.Absent || l.networksBroken && strings.HasPrefix(p.Path, "nic[")) {
			continue
		}
		d := spec.Diagnostic{Severity: spec.Error, Summary: p.Summary, Detail: p.Detail, Pos: p.Pos, End: ends[p.Pos]}
		l.found = append(l.found, d)
	}
}
