package spec

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Agent is what the long-running process is to do: plain values, as Stack is.
type Agent struct {
	All     Source   // what stands outside of the sources, for those that don't say it themselves
	Sources []Source // by name
	API     API
	Metrics *Metrics // nil: none beside the socket's
	Webhook *Webhook // nil: none
	Notify  []Notify // by name

	Scrub time.Duration  // within it, all images and system layers are read again; 0: never
	At    map[string]Pos // where it is written
}

// NewAgent is one with every default filled in.
func NewAgent() Agent { return Agent{Scrub: 7 * 24 * time.Hour} }

// Source is a place that a stack's text comes from, and what may be done with it.
type Source struct {
	Name     string
	Folder   string // absolute path of a folder or file; "" where Git says where
	Git      *Git
	VarFiles []string // absolute
	Deploy   bool     // changes of the text are applied
	Heal     bool     // drift may be healed, as each container says
	Prune    bool     // containers that left the text are retired
	Auto     []string // impacts that need nobody's approval
	Windows  []Window // when it is deployed; none: at any time

	Pos Pos
	At  map[string]Pos // where each setting is written
}

// Git is a branch or tag of a repository.
type Git struct {
	URL         string
	Branch      string // "main" where neither is said
	Tag         string
	Path        string // folder or file in it; "": its top
	Poll        time.Duration
	Timeout     time.Duration
	MaxSize     int64  // bytes of one fetch, and of one checkout
	Key         string // private key for ssh
	KnownHosts  string // for ssh
	Credentials string // file of git-credential-store, for https
	CA          string // certificates of authorities, for https
	Verify      Verify
}

// Verify says what has to be signed, and by whom.
type Verify struct {
	Mode    string // of VerifyModes; "": nothing
	Signers string // allowed signers of SSH signatures
	Keyring string // OpenPGP keys
}

// VerifyModes are what may have to be signed.
func VerifyModes() []string { return []string{"off", "head", "range", "tag"} }

// Ref is the full name of the branch or tag.
func (g Git) Ref() string {
	if g.Tag != "" {
		return "refs/tags/" + g.Tag
	}
	return "refs/heads/" + g.Branch
}

// Signed says whether anything has to be.
func (g Git) Signed() bool { return g.Verify.Mode != "" && g.Verify.Mode != "off" }

// Origin is where the text comes from, in one word.
func (s Source) Origin() string {
	if s.Git == nil {
		return s.Folder
	}
	if s.Git.Path == "" {
		return s.Git.URL
	}
	return s.Git.URL + "//" + s.Git.Path
}

// NewSource is one with every default filled in.
func NewSource() Source {
	return Source{Deploy: true, Heal: true, Auto: []string{"live", "restart"}}
}

// NewGit likewise.
func NewGit() Git {
	return Git{Branch: "main", Poll: time.Minute, Timeout: 2 * time.Minute, MaxSize: 256 << 20}
}

// AgentLanguage is the root of all that can be written for the agent. It is
// made of its own tables, as Language is.
func AgentLanguage() *Block {
	root := &Block{Doc: "What the agent does."}
	for _, b := range append(agentBlockTable(), listenerBlockTable()...) {
		parent := root.at(b.path)
		parent.Blocks = append(parent.Blocks, &Block{Name: last(b.path), Label: b.label, Doc: b.doc})
	}
	for _, w := range append(agentWordTable(), listenerWordTable()...) {
		root.add(w.path, Word{Type: w.kind, Default: w.fallback, Doc: w.doc})
	}
	return root
}

func agentBlockTable() []struct{ path, label, doc string } {
	return []struct{ path, label, doc string }{
		{"folder", "name", "A folder or file of this host that the text of one stack comes from, and what may be done with it."},
		{"folder.window", "name", "When it is deployed; without one at any time."},
		{"git", "name", "A repository likewise."},
		{"git.verify", "", "What has to be signed, and by whom."},
		{"git.window", "name", "When it is deployed; without one at any time."},
	}
}

type agentWord struct{ path, kind, fallback, doc string }

func agentWordTable() []agentWord {
	return slices.Concat(switchTable(""), []agentWord{
		{"scrub", "duration", `"168h"`, "Within that time each image and system layer is read again and compared with its digest. 0s: never."},
		{"folder.path", "path", "required", "Folder or file that is watched."},
	}, switchTable("folder."), windowTable("folder.window."), []agentWord{
		{"git.url", "string", "required", "https://, ssh://, USER@HOST:PATH or file:// address."},
		{"git.branch", "string", `"main"`, "Branch that is followed."},
		{"git.tag", "string", "none", "Tag that is followed, in place of a branch."},
		{"git.path", "path", "its top", "Folder or file in it."},
		{"git.poll", "duration", `"1m"`, "How often it is looked at, a tenth more or less by chance. At least 5s."},
		{"git.timeout", "duration", `"2m"`, "How long one fetch may take."},
		{"git.max_size", "size", `"256MiB"`, "The most that is fetched at once, and that one commit may hold."},
		{"git.key", "path", "none", "Private key for ssh."},
		{"git.known_hosts", "path", "/etc/ssh/ssh_known_hosts", "Keys of hosts, for ssh. A host that is not there is not talked to."},
		{"git.credentials", "path", "none", "File of git-credential-store, root's alone, for https."},
		{"git.ca", "path", "the system's", "Certificates of authorities, for https."},
		{"git.verify.mode", "string", `"range"`, "What has to be signed: range (every commit since the one in use), head (the newest commit), tag (the tag that is followed), or off."},
		{"git.verify.signers", "path", "none", "ssh-keygen's file of allowed signers, whose signatures count."},
		{"git.verify.keyring", "path", "none", "File of OpenPGP public keys, whose signatures count."},
	}, switchTable("git."), windowTable("git.window."))
}

// switchTable are the words of a source that also stand outside of them, for all
// that do not say it themselves.
func switchTable(prefix string) []agentWord {
	list := []agentWord{
		{"deploy", "bool or list(string)", "true", "Apply changes of the text. false: only say what they would do. A list: what auto says."},
		{"auto", "list(string)", `["live", "restart"]`, "Impacts that need no approval: live, restart, recreate. What is new is always made; the rest waits."},
		{"heal", "bool", "true", "Heal drift, as lifecycle.drift of each container says."},
		{"prune", "bool", "false", "Retire containers that left the text, and do what removed blocks say."},
		{"var_files", "list(string)", "[]", "Files of variables' values."},
	}
	for i := range list {
		list[i].path = prefix + list[i].path
	}
	return list
}

func windowTable(prefix string) []agentWord {
	return []agentWord{
		{prefix + "days", "list(string)", "all", "Days on which it opens: mon, tue, wed, thu, fri, sat, sun."},
		{prefix + "from", "string", "required", `Time at which it opens, "22:00".`},
		{prefix + "to", "string", "required", "Time at which it closes, on the next day where that is earlier."},
		{prefix + "zone", "string", `"UTC"`, `Time zone, "Europe/Berlin".`},
	}
}

// Problems lists everything that is wrong with the values.
func (a Agent) Problems() []Problem {
	c := sourceChecker{s: a.All}
	c.waved()
	origins, names := map[string]string{}, map[string]Pos{}
	for _, s := range a.Sources {
		c.s = s
		c.source()
		if other, twice := names[s.Name]; twice {
			c.amend("", "there is another one of that name", "It is at "+other.String()+". Each source has its own.")
		}
		names[s.Name] = s.Pos
		if other, twice := origins[s.Origin()]; twice && s.Origin() != "" {
			c.amend("", "comes from the same place as source "+quote(other), "One stack comes from one place, and the other way round.")
		}
		origins[s.Origin()] = s.Name
	}
	if a.Scrub != 0 && a.Scrub < time.Second {
		c.found = append(c.found, Problem{Path: "scrub", Pos: a.At["scrub"], Summary: "scrub: is too often", Detail: `Write at least 1s, or "0s" for never.`})
	}
	return append(c.found, a.listenerProblems()...)
}

type sourceChecker struct {
	s     Source
	found []Problem
}

// amend adds a problem of a setting of the source.
func (c *sourceChecker) amend(key, summary, detail string) {
	at, said := c.s.At[key]
	if !said {
		at = c.s.Pos
	}
	if c.s.Name != "" {
		summary = "source " + quote(c.s.Name) + ": " + summary
	}
	c.found = append(c.found, Problem{Path: key, Pos: at, Summary: summary, Detail: detail, Absent: !said})
}

func (c *sourceChecker) source() {
	s := c.s
	if !sourceForm().MatchString(s.Name) {
		c.amend("", "the name is not one", "Names have lower case letters, digits and inner hyphens.")
	}
	if s.Git == nil && s.Folder == "" {
		c.amend("path", "no place is said", `Give it a path: "/etc/strake/containers".`)
	}
	c.absolute("path", s.Folder)
	c.waved()
	if s.Git != nil {
		c.git(*s.Git)
	}
	for _, w := range s.Windows {
		if err := w.check(); err != nil {
			c.amend(`window["`+w.Name+`"].`+err.key, "window "+quote(w.Name)+" "+err.text, err.hint)
		}
	}
}

// waved looks at what the source says itself, and not at what it has from
// outside: that is one mistake, however many sources there are.
func (c *sourceChecker) waved() {
	if _, said := c.s.At["var_files"]; said {
		for _, file := range c.s.VarFiles {
			c.absolute("var_files", file)
		}
	}
	if _, said := c.s.At["auto"]; !said {
		return
	}
	for _, impact := range c.s.Auto {
		if !slices.Contains(AutoImpacts(), impact) {
			c.amend("auto", "there is no impact "+quote(impact), "Known are "+strings.Join(AutoImpacts(), ", ")+".")
		}
	}
}

// AutoImpacts are those that can be waved through beforehand.
func AutoImpacts() []string { return []string{"live", "restart", "recreate"} }

var (
	sourceForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) })
	refForm    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}$`) })
	pathForm   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/[A-Za-z0-9._/+@:=,-]*$`) })
	scpForm    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._/~+-]+$`)
	})
)

func (c *sourceChecker) git(g Git) {
	if !goodURL(g.URL) {
		c.amend("url", "the address "+quote(g.URL)+" is not one that is fetched from", "Write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH; a password goes into a file of credentials.")
	}
	for key, ref := range map[string]string{"branch": g.Branch, "tag": g.Tag} {
		if ref != "" && (!refForm().MatchString(ref) || strings.Contains(ref, "..") || strings.Contains(ref, "//") || strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, ".lock")) {
			c.amend(key, quote(ref)+" can't be a name in a repository", "Write the plain name, \"main\".")
		}
	}
	if _, said := c.s.At["branch"]; said && g.Tag != "" {
		c.amend("tag", "a branch and a tag are said", "Take one of them out.")
	}
	if p := path.Clean(g.Path); g.Path != "" && (p != g.Path || path.IsAbs(p) || p == "." || p == ".." || strings.HasPrefix(p, "../") || !pathForm().MatchString("/"+p)) {
		c.amend("path", quote(g.Path)+" is no path in the repository", `Write it from the repository's top: "hosts/h1".`)
	}
	for key, file := range map[string]string{"key": g.Key, "known_hosts": g.KnownHosts, "credentials": g.Credentials, "ca": g.CA, "verify.signers": g.Verify.Signers, "verify.keyring": g.Verify.Keyring} {
		c.absolute(key, file)
	}
	c.verify(g)
	if g.Poll < 5*time.Second {
		c.amend("poll", "is too often", "Write at least 5s; `strake sync` looks at once.")
	}
	if g.Timeout < time.Second {
		c.amend("timeout", "is too short", "Write at least 1s.")
	}
	if g.MaxSize < 1<<20 {
		c.amend("max_size", "is too little", "Write at least 1MiB.")
	}
}

func (c *sourceChecker) verify(g Git) {
	switch v := g.Verify; {
	case v.Mode != "" && !slices.Contains(VerifyModes(), v.Mode):
		c.amend("verify.mode", "there is no "+quote(v.Mode), "Known are "+strings.Join(VerifyModes(), ", ")+".")
	case g.Signed() && v.Signers == "" && v.Keyring == "":
		c.amend("verify.signers", "nobody's signature counts", "Write signers (ssh-keygen's allowed signers) or keyring (OpenPGP keys).")
	case v.Mode == "tag" && g.Tag == "":
		c.amend("verify.mode", "it follows no tag that could be signed", "Write tag = \"NAME\", or verify \"head\" or \"range\".")
	}
}

// absolute wants a path that git, ssh and gpg can be told as it is.
func (c *sourceChecker) absolute(key, file string) {
	if file != "" && (!pathForm().MatchString(file) || path.Clean(file) != file) {
		c.amend(key, quote(file)+" is not a plain absolute path", "Write it from / on, of letters, digits and ._-+@:=, alone.")
	}
}

// goodURL takes what has no password in it and no way to a helper program.
func goodURL(address string) bool {
	if scpForm().MatchString(address) {
		return true
	}
	u, err := url.Parse(address)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(address, " \t\r\n\\'\"") || len(address) > 1000 {
		return false
	}
	_, secret := u.User.Password()
	switch u.Scheme {
	case "https":
		return u.Host != "" && !secret
	case "ssh":
		return u.Host != "" && !secret && !strings.HasPrefix(u.Hostname(), "-") && len(u.Path) > 1
	case "file":
		return u.Host == "" && path.IsAbs(u.Path) && pathForm().MatchString(u.Path)
	}
	return false
}
