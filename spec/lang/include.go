package lang

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"strake/spec/source"
)

// inclusion follows the include settings of files. Each file is read once,
// right after the one that includes it.
type inclusion struct {
	l     *loader
	total int                  // bytes that were read
	from  map[string]hcl.Range // where each file was included; zero for those that were given
	path  []string             // files that are being read, each included by the one before
	files []*hcl.File
	whole bool            // all could be parsed
	dirs  map[string]bool // that patterns look into
}

// included parses files and all that they include, and says whether all could
// be parsed.
func (l *loader) included(files []source.File) ([]*hcl.File, bool) {
	i := l.include(files)
	return i.files, i.whole
}

// Folders are those below the text's that it includes files of, or would if
// there were some, as paths in the text's folder.
func Folders(text source.Text) []string {
	l := newLoader(text)
	defer l.folder.Close()
	return slices.Sorted(maps.Keys(l.include(text.Files).dirs))
}

func (l *loader) include(files []source.File) *inclusion {
	i := &inclusion{l: l, from: map[string]hcl.Range{}, whole: true, dirs: map[string]bool{}}
	for _, f := range files {
		i.from[f.Name] = hcl.Range{}
		i.total += len(f.Bytes)
	}
	i.read(files)
	return i
}

// look notes the folders that a pattern means, there or not.
func (i *inclusion) look(pattern string, names []string) {
	for _, name := range names {
		i.dirs[path.Dir(name)] = true
	}
	if n := strings.IndexAny(pattern, `*?[\`); n >= 0 {
		i.dirs[path.Dir(pattern[:n]+"x")] = true
	}
}

func (i *inclusion) read(files []source.File) {
	for n, file := range i.l.parseFiles(files) {
		if file == nil {
			i.whole = false
			continue
		}
		i.files = append(i.files, file)
		i.path = append(i.path, files[n].Name)
		i.follow(file)
		i.path = i.path[:len(i.path)-1]
	}
}

// follow reads what the file includes.
func (i *inclusion) follow(file *hcl.File) {
	part, _, _ := file.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "include"}}})
	a := part.Attributes["include"]
	if a == nil {
		return
	}
	v, diags := a.Expr.Value(nil) // which files there are can't depend on what they say
	i.l.diags = append(i.l.diags, diags...)
	if diags.HasErrors() {
		return
	}
	patterns, err := texts(v)
	if err != nil {
		i.l.fail(a.Expr.Range(), "include "+err.Error(), `Write include = ["sites/*.hcl"].`)
		return
	}
	places := elementPlaces(a.Expr)
	for n, pattern := range patterns.([]string) {
		at := a.Expr.Range()
		if n < len(places) {
			at = places[n]
		}
		i.pattern(pattern, at)
	}
}

// elementPlaces is where the elements of a written-out list stand.
func elementPlaces(expr hcl.Expression) []hcl.Range {
	list, _ := hcl.ExprList(expr)
	places := make([]hcl.Range, len(list))
	for n, e := range list {
		places[n] = e.Range()
	}
	return places
}

func (i *inclusion) pattern(pattern string, at hcl.Range) {
	names, err := i.l.folder.Include(pattern)
	i.look(pattern, names)
	if err != nil {
		i.wrong(pattern, at, err)
		return
	}
	if len(names) == 0 {
		i.l.warn(at, "no file fits "+quote(pattern), "Paths are relative to the folder of the configuration. Until a file fits, nothing is pruned.")
		i.l.stack.Unmatched = append(i.l.stack.Unmatched, pattern)
	}
	var files []source.File
	for _, name := range names {
		if f, ok := i.file(name, at); ok {
			files = append(files, f)
		}
	}
	i.read(files)
}

// file reads one file, unless it was read already.
func (i *inclusion) file(name string, at hcl.Range) (source.File, bool) {
	if n := slices.Index(i.path, name); n >= 0 {
		i.l.fail(at, "files include each other in a cycle: "+ring(append(slices.Clone(i.path[n:]), name)), "Take one of these includes out.")
		return source.File{}, false
	}
	if other, twice := i.from[name]; twice {
		why := "It is part of the configuration without that."
		if other.Filename != "" {
			why = "The other time is at " + place(other).String() + "."
		}
		i.l.fail(at, quote(name)+" is included twice", why+" Take one out.")
		return source.File{}, false
	}
	i.from[name] = at
	data, err := i.l.folder.Read(name)
	if err != nil {
		i.wrong(name, at, err)
		return source.File{}, false
	}
	if i.total += len(data); i.total > source.MaxTotal {
		i.wrong(name, at, source.ErrTooLarge)
		return source.File{}, false
	}
	return source.File{Name: path.Clean(name), Bytes: data}, true
}

func (i *inclusion) wrong(name string, at hcl.Range, err error) {
	i.whole = false
	i.l.fail(at, quote(name)+" can't be included: "+strings.TrimPrefix(err.Error(), "read "+name+": "),
		`Files are included by their path in the folder of the configuration: include = ["sites/*.hcl"].`)
}
