package spec

import (
	"slices"
	"strings"
	"sync"
)

// Block is a kind of block of the language with what may stand in it: the
// tables of this package as a tree.
type Block struct {
	Name    string
	Label   string // what its label means; "" for a block without one
	Unnamed bool   // the label may be left out
	Form    string // regular expression of the label; "" where it is not said here
	Doc     string
	Words   []Word // in the order of the tables
	Blocks  []*Block
}

// Word is a key of a block.
type Word struct {
	Name        string
	Type        string // "bool", "string", "list(container)" ...
	Default     string // "required" where it has none
	Values      []string
	Least, Most int    // of a number; both zero: no bound of its own
	Form        string // regular expression of a text; "" where it may be any
	Doc         string
	Setting     *Key // of the setting that it writes; nil where it writes none
}

// Required says whether the word has to be there.
func (w Word) Required() bool { return w.Default == "required" }

// Block is the nested block of that name, or nil.
func (b *Block) Block(name string) *Block {
	for _, n := range b.Blocks {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Word is the word of that name, or nil.
func (b *Block) Word(name string) *Word {
	for i := range b.Words {
		if b.Words[i].Name == name {
			return &b.Words[i]
		}
	}
	return nil
}

// Language is the root of all that can be written: its blocks are those that
// stand outside any other. It is made once and must not be changed.
func Language() *Block { return language() }

var language = sync.OnceValue(grow)

// grow makes the tree: blocks, then the settings of containers and networks
// from their tables, then the words that are no settings.
func grow() *Block {
	root := &Block{Doc: "A configuration."}
	for _, b := range blockTable() {
		parent := root.at(b.path)
		parent.Blocks = append(parent.Blocks, &Block{
			Name: last(b.path), Label: strings.TrimSuffix(b.label, "?"), Unnamed: strings.HasSuffix(b.label, "?"), Form: labelForm(b.path), Doc: b.doc,
		})
	}
	for _, w := range wordTable() {
		root.add(w.path, Word{Type: w.kind, Default: w.fallback, Doc: w.doc})
	}
	for _, k := range Keys() {
		if path := written(k.Path); path != "" {
			root.setting(path, k)
		}
	}
	for _, k := range NetworkKeys() {
		if !slices.Contains([]string{"mac", "host.settings", "oddities"}, k.Path) {
			root.setting("network."+k.Path, k)
		}
	}
	root.Blocks = append(root.Blocks, root.Block("container").asProfile())
	return root
}

// at is the block that a path ends in.
func (b *Block) at(path string) *Block {
	for {
		head, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			return b
		}
		b, path = b.Block(head), rest
	}
}

func last(path string) string { return path[strings.LastIndex(path, ".")+1:] }

func (b *Block) add(path string, w Word) {
	w.Name, w.Values = last(path), Choices(path)
	w.Least, w.Most = Range(path)
	w.Form = Form(path, w.Type)
	home := b.at(path)
	home.Words = append(home.Words, w)
}

// setting adds a key, unless it is the presence of a block. One that is a
// block or a value has both.
func (b *Block) setting(path string, k Key) {
	if b.at(path).Block(last(path)) != nil || k.Type == "block" {
		if !strings.HasSuffix(k.Type, " or block") {
			return
		}
		k.Type = strings.TrimSuffix(k.Type, " or block")
	}
	b.add(path, Word{Type: k.Type, Default: k.Default, Doc: k.Doc, Setting: &k})
}

// asProfile is what a profile may hold of a container.
func (b *Block) asProfile() *Block {
	p := *b
	p.Name, p.Label, p.Doc = "profile", "name", "A part that containers have in common."
	p.Words = slices.DeleteFunc(slices.Clone(b.Words), func(w Word) bool {
		return slices.Contains([]string{"for_each", "name", "hostname"}, w.Name)
	})
	p.Words = append(p.Words, Word{Name: "locked", Type: "list(string)", Default: "[]", Doc: "Paths that nothing on top may set or take away."})
	return &p
}

// written is where in the language the setting of a container stands; "" for
// one that plans show and nobody writes.
func written(path string) string {
	switch path {
	case "image.source":
		return "container.image"
	case "image.include", "image.digest", "layers", "writable", "idmap.base", `nic["*"].bridge`, `nic["*"].device`, `nic["*"].oddities`, `mount["*"].size`, `secret_file["*"].content`, "egress.at", "resolver.servers", "resolver.search", `config["*"]`:
		return ""
	}
	if rest, ok := strings.CutPrefix(path, `egress["*"].`); ok {
		return "egress." + rest
	}
	return "container." + strings.ReplaceAll(path, `["*"]`, "")
}

// Choices are the only values that a word takes; nil where there is no list.
func Choices(path string) []string {
	switch path {
	case "stack.prune":
		return []string{"report", "retire"}
	case "removed.action":
		return []string{"retire", "forget", "purge"}
	case "egress.via":
		return []string{"loopback", "network"}
	case "egress.mode":
		return []string{"enforce", "report"}
	case "container.lifecycle.drift":
		return []string{"report", "heal", "strict"}
	case "container.nic.type":
		return []string{"bridged", "routed", "macvlan", "physical", "none"}
	case "container.nic.publish.protocol":
		return []string{"tcp", "udp", "both"}
	}
	return nil
}

// Range is the least and the most that a number may be, both zero where there
// is no bound of its own.
func Range(path string) (least, most int) {
	switch path {
	case "container.limits.processes":
		return 1, 4194304 // the kernel's PID_MAX_LIMIT
	case "container.nic.vlan":
		return 1, 4094
	case "container.nic.mtu":
		return 576, 65535
	case "container.nic.publish.to", "container.publish.to":
		return 1, 65535
	case "container.health.check.status":
		return 100, 599
	case "egress.limits.connections":
		return 1, 1000000
	case "network.mtu":
		return 576, 65535
	}
	return 0, 0
}

// blockTable lists all kinds of blocks. A label that ends with "?" may be left out.
func blockTable() []struct{ path, label, doc string } {
	return []struct{ path, label, doc string }{
		{"stack", "name?", "What the configuration is called, and what becomes of what leaves it."},
		{"variable", "name", "A value that comes from outside."},
		{"variable.validation", "", "What a value has to fulfil."},
		{"locals", "", "Names for expressions."},
		{"secret", "name", "Something that no plan, record or message shows: a reference to a file."},
		{"image", "name", "Where a root filesystem comes from."},
		{"network", "name", "A bridge on the host that strake makes and owns, or one that is there already."},
		{"network.nat", "", "Containers reach the world through the host's address."},
		{"network.dns", "", "The bridge's address answers for the names of containers."},
		{"volume", "name", "Data that is no part of any generation."},
		{"egress", "name", "Sites that containers may reach, and nothing else."},
		{"egress.limits", "", "Bounds for one container."},
		{"moved", "", "A container has another name now."},
		{"removed", "", "What becomes of a container that left the text."},
		{"import", "", "A container that strake did not make is taken over as it is."},
		{"check", "name", "What the author asserts of the configuration."},
		{"check.assert", "", "One assertion."},
		{"container", "name", "One container, or with for_each any number."},
		{"container.autostart", "", "When lxc-autostart starts it. To write the block switches it on."},
		{"container.idmap", "", "Ids of the host that its ids are mapped to."},
		{"container.nic", "interface", "A network interface; the label is its name inside."},
		{"container.nic.filter", "", "Drop what has a sender address that is not the interface's own."},
		{"container.nic.limits", "", "Bits per second, as the container sees it."},
		{"container.nic.route", "prefix", "A way to a prefix."},
		{"container.nic.publish", "port", "A port of the host that leads to the container."},
		{"container.publish", "port", "A port of the host that leads to the container's loopback interface."},
		{"container.limits", "", "What it may use."},
		{"container.mount", "target", "A host folder, file or volume inside; the label is where."},
		{"container.secret_file", "path", "A file in memory that shows a secret; the label is its path inside."},
		{"container.proxy", "", "A proxy, put into the environment."},
		{"container.file", "path", "A file in the container."},
		{"container.system", "", "What the container has beyond its image: built once, shared."},
		{"container.system.service", "unit", "A service of its init."},
		{"container.system.user", "name", "An account inside."},
		{"container.system.file", "path", "A file of the system layer."},
		{"container.build", "", "What building a system layer may reach."},
		{"container.rootfs", "", "The root filesystem's writable layer."},
		{"container.health", "", "When a change counts as good."},
		{"container.health.check", "kind", "One check: http, tcp, exec, units, address or file; with a name behind a slash when there are several of a kind."},
		{"container.update", "", "How a change is carried out."},
		{"container.lifecycle", "", "What may happen to it."},
	}
}

// wordTable lists the words that are no settings of a container or a managed
// network: those of other blocks, and those that say how text becomes settings.
func wordTable() []struct{ path, kind, fallback, doc string } {
	return []struct{ path, kind, fallback, doc string }{
		{"include", "list(string)", "[]", "Patterns of further files in the configuration's folder."},
		{"stack.prune", "string", `"report"`, "What happens to containers that left the text."},
		{"variable.type", "type", "any", "string, number, bool, list(T), set(T), map(T), tuple([T]), object({ a = T }), any."},
		{"variable.default", "value", "none: a value must be given", "Value when none is given."},
		{"variable.sensitive", "bool", "false", "No message shows the value."},
		{"variable.description", "string", `""`, "For people."},
		{"variable.validation.condition", "value", "required", "Has to be true."},
		{"variable.validation.error_message", "string", "required", "What is shown when it is not."},
		{"secret.file", "string", "required", "File encrypted with age to this host, or one that root alone can read."},
		{"image.source", "string", "required", `"builtin:busybox", "debootstrap:SUITE", "dir:/folder", "tar:/file", "tar:https://HOST/FILE", "oci:REGISTRY/NAME:TAG", "oci:/path", "images:NAME", "simplestreams:https://HOST/#NAME".`},
		{"image.include", "list(string)", "[]", "Packages to add; with debootstrap: only."},
		{"image.sha256", "string", "none", "SHA-256 of the archive, in hexadecimal; with tar: only, and needed where it is fetched."},
		{"image.mirror", "string", "the host's package sources", "Where packages come from: an archive's address or a folder of .deb files; with debootstrap: only."},
		{"network.external", "string", "none", "Name of an existing bridge. It is used and never changed, and no other key goes with it."},
		{"volume.path", "path", "required", "Folder on the host."},
		{"volume.size", "size", "none: a plain folder", "A file system image of that size in path. Waits."},
		{"volume.protect", "bool", "false", "Refuse to delete it."},
		{"egress.via", "string", `"loopback"`, "loopback: the proxy is at 127.0.0.1:3128 in the container. network: at the address of its network's bridge."},
		{"moved.from", "container", "required", "The name that it had."},
		{"moved.to", "container", "required", "The container that it is now."},
		{"removed.from", "container", "required", "The name that it had."},
		{"removed.action", "string", `"retire"`, "Into the attic, managed no more, or deleted."},
		{"import.from", "string", "required", "Its name, as lxc-ls lists it."},
		{"import.to", "container", "required", "The container that it is now."},
		{"check.assert.condition", "value", "required", "Has to be true, else nothing is planned."},
		{"check.assert.error_message", "string", "required", "What is shown when it is not."},
		{"container.for_each", "map or set", "none: one container", "Every element makes one container; each.key and each.value are its own."},
		{"container.name", "string", "the label, with for_each LABEL-KEY", "Name of the container."},
		{"container.profiles", "list(profile)", "[]", "Profiles that it builds on, left to right; the block itself goes on top."},
		{"container.unset", "list(string)", "[]", "Paths to take away from what the profiles gave."},
		{"container.proxy.http", "string", "none", "Address of the proxy for HTTP."},
		{"container.proxy.https", "string", "none", "Address of the proxy for HTTPS."},
		{"container.proxy.no_proxy", "list(string)", "[]", "Hosts that are reached without."},
	}
}
