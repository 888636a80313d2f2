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
	Sources []Source // by name
	API     API
	Metrics *Metrics // nil: none beside the socket's
	Webhook *Webhook // nil: none
	Notify  []Notify // by name
}

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
	Signers     string // allowed signers of SSH signatures: commits have to be signed
	Keyring     string // OpenPGP keys: likewise
}

// Ref is the full name of the branch or tag.
func (g Git) Ref() string {
	if g.Tag != "" {
		return "refs/tags/" + g.Tag
	}
	return "refs/heads/" + g.Branch
}

// Signed says whether commits have to be.
func (g Git) Signed() bool { return g.Signers != "" || g.Keyring != "" }

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
		{"source", "name", "Where the text of one stack comes from, and what may be done with it."},
		{"source.git", "", "A repository that it is fetched from."},
		{"source.window", "name", "When it is deployed; without one at any time."},
	}
}

func agentWordTable() []struct{ path, kind, fallback, doc string } {
	return []struct{ path, kind, fallback, doc string }{
		{"source.folder", "path", "none", "Folder or file on this host that is watched. Either this or a git block."},
		{"source.deploy", "bool", "true", "Apply changes of the text. false: only say what they would do."},
		{"source.heal", "bool", "true", "Heal drift, as lifecycle.drift of each container says."},
		{"source.prune", "bool", "false", "Retire containers that left the text, and do what removed blocks say."},
		{"source.auto", "list(string)", `["live", "restart"]`, "Impacts that need no approval: live, restart, recreate. What is new is always made; the rest waits."},
		{"source.var_files", "list(string)", "[]", "Files of variables' values."},
		{"source.git.url", "string", "required", "https://, ssh://, USER@HOST:PATH or file:// address."},
		{"source.git.branch", "string", `"main"`, "Branch that is followed."},
		{"source.git.tag", "string", "none", "Tag that is followed, in place of a branch."},
		{"source.git.path", "path", "its top", "Folder or file in it."},
		{"source.git.poll", "duration", `"1m"`, "How often it is looked at, a tenth more or less by chance. At least 5s."},
		{"source.git.timeout", "duration", `"2m"`, "How long one fetch may take."},
		{"source.git.max_size", "size", `"256MiB"`, "The most that is fetched at once, and that one commit may hold."},
		{"source.git.key", "path", "none", "Private key for ssh."},
		{"source.git.known_hosts", "path", "/etc/ssh/ssh_known_hosts", "Keys of hosts, for ssh. A host that is not there is not talked to."},
		{"source.git.credentials", "path", "none", "File of git-credential-store, for https."},
		{"source.git.ca", "path", "the system's", "Certificates of authorities, for https."},
		{"source.git.signers", "path", "none", "ssh-keygen's file of allowed signers: every commit has to be signed by one."},
		{"source.git.keyring", "path", "none", "File of OpenPGP public keys: every commit has to be signed by one."},
		{"source.window.days", "list(string)", "all", "Days on which it opens: mon, tue, wed, thu, fri, sat, sun."},
		{"source.window.from", "string", "required", `Time at which it opens, "22:00".`},
		{"source.window.to", "string", "required", "Time at which it closes, on the next day where that is earlier."},
		{"source.window.zone", "string", `"UTC"`, `Time zone, "Europe/Berlin".`},
	}
}

// Problems lists everything that is wrong with the values.
func (a Agent) Problems() []Problem {
	var c sourceChecker
	origins := map[string]string{}
	for _, s := range a.Sources {
		c.s = s
		c.source()
		if other, twice := origins[s.Origin()]; twice && s.Origin() != "" {
			c.amend("", "comes from the same place as source "+quote(other), "One stack comes from one place, and the other way round.")
		}
		origins[s.Origin()] = s.Name
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
	summary = "source " + quote(c.s.Name) + ": " + summary
	c.found = append(c.found, Problem{Path: key, Pos: at, Summary: summary, Detail: detail, Absent: !said})
}

func (c *sourceChecker) source() {
	s := c.s
	if !sourceForm().MatchString(s.Name) {
		c.amend("", "the name is not one", "Names have lower case letters, digits and inner hyphens.")
	}
	switch {
	case s.Folder == "" && s.Git == nil:
		c.amend("", "no place is said", `Give it a folder ("/etc/strake/containers") or a git block.`)
	case s.Folder != "" && s.Git != nil:
		c.amend("folder", "two places are said", "Take the folder or the git block out.")
	case s.Folder != "":
		c.absolute("folder", s.Folder)
	}
	for _, file := range s.VarFiles {
		c.absolute("var_files", file)
	}
	for _, impact := range s.Auto {
		if !slices.Contains(AutoImpacts(), impact) {
			c.amend("auto", "there is no impact "+quote(impact), "Known are "+strings.Join(AutoImpacts(), ", ")+".")
		}
	}
	if s.Git != nil {
		c.git(*s.Git)
	}
	for _, w := range s.Windows {
		if err := w.check(); err != nil {
			c.amend(`window["`+w.Name+`"].`+err.key, "window "+quote(w.Name)+" "+err.text, err.hint)
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
		c.amend("git.url", "the address "+quote(g.URL)+" is not one that is fetched from", "Write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH; a password goes into a file of credentials.")
	}
	for key, ref := range map[string]string{"git.branch": g.Branch, "git.tag": g.Tag} {
		if ref != "" && (!refForm().MatchString(ref) || strings.Contains(ref, "..") || strings.Contains(ref, "//") || strings.HasSuffix(ref, "/") || strings.HasSuffix(ref, ".lock")) {
			c.amend(key, quote(ref)+" can't be a name in a repository", "Write the plain name, \"main\".")
		}
	}
	if _, said := c.s.At["git.branch"]; said && g.Tag != "" {
		c.amend("git.tag", "a branch and a tag are said", "Take one of them out.")
	}
	if p := path.Clean(g.Path); g.Path != "" && (p != g.Path || path.IsAbs(p) || p == "." || p == ".." || strings.HasPrefix(p, "../") || !pathForm().MatchString("/"+p)) {
		c.amend("git.path", quote(g.Path)+" is no path in the repository", `Write it from the repository's top: "hosts/h1".`)
	}
	for key, file := range map[string]string{"git.key": g.Key, "git.known_hosts": g.KnownHosts, "git.credentials": g.Credentials, "git.ca": g.CA, "git.signers": g.Signers, "git.keyring": g.Keyring} {
		c.absolute(key, file)
	}
	if g.Poll < 5*time.Second {
		c.amend("git.poll", "is too often", "Write at least 5s; `strake sync` looks at once.")
	}
	if g.Timeout < time.Second {
		c.amend("git.timeout", "is too short", "Write at least 1s.")
	}
	if g.MaxSize < 1<<20 {
		c.amend("git.max_size", "is too little", "Write at least 1MiB.")
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
