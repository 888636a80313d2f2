package spec

import (
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Spot is where a block and its settings are written.
type Spot struct {
	Pos Pos
	At  map[string]Pos
}

// API says who may use the agent's socket.
type API struct {
	ReadGroup  string // may look
	AdminGroup string // may have things done
	Spot
}

// Metrics is a page for Prometheus beside the one on the socket.
type Metrics struct {
	Listen string // "127.0.0.1:9123"
	Spot
}

// Webhook listens to forges.
type Webhook struct {
	Listen      string
	Certificate string // of TLS; "": none
	Key         string
	Secret      string // file, of hooks that have none of their own
	Hooks       []Hook // by name
	Spot
}

// Hook is one address of it.
type Hook struct {
	Name   string
	Forge  string // "github", "gitlab", "gitea", "generic"
	Path   string // "/hooks/NAME" where it is not said
	Source string // that is looked at; "": all
	Secret string // file
}

// Notify is somebody who hears of turns.
type Notify struct {
	Name       string
	Kind       string // "webhook", "github", "gitlab", "gitea"
	URL        string
	URLFile    string // that has it, where the address itself is a secret
	Repository string // of commits' statuses
	Source     string // whose turns; "": all
	On         []string
	Template   string
	Token      string // file
	Spot
}

// HookForges, NotifyKinds and NotifyTurns are the words that can be said.
func HookForges() []string  { return []string{"github", "gitlab", "gitea", "generic"} }
func NotifyKinds() []string { return []string{"webhook", "github", "gitlab", "gitea"} }
func NotifyTurns() []string {
	return []string{"failed", "rolled back", "recovered", "flapping", "refused", "drift", "damaged", "waiting", "applied"}
}

func listenerBlockTable() []struct{ path, label, doc string } {
	return []struct{ path, label, doc string }{
		{"api", "", "Who may use the agent's socket beside root."},
		{"webhook", "", "An address at which forges say that a repository has something new."},
		{"webhook.hook", "name", "One path of it."},
		{"notify", "name", "Somebody who is told when something turned."},
	}
}

func listenerWordTable() []agentWord {
	return []agentWord{
		{"api.read_group", "string", "none", "Group that may look: status, events, metrics."},
		{"api.admin_group", "string", "none", "Group that may also have things done. Who may change what runs can become root."},
		{"metrics", "string", "none", `Address and port of a page for Prometheus beside the one on the socket, "127.0.0.1:9123". Everybody who gets there reads it.`},
		{"webhook.listen", "string", "required", `Address and port, ":8443".`},
		{"webhook.certificate", "path", "none", "Certificates for TLS, in PEM. Without one it speaks plain HTTP, for a proxy in front of it."},
		{"webhook.key", "path", "none", "Key of the certificate."},
		{"webhook.secret", "path", "none", "File with a secret, root's alone, at least 16 bytes: of hooks that have none of their own. Without any hook there is one for all sources, /hooks."},
		{"webhook.hook.forge", "string", `"generic"`, "Who sends, and so how it shows that it knows the secret: github, gitlab, gitea or generic."},
		{"webhook.hook.path", "string", `"/hooks/NAME"`, "Path of the address."},
		{"webhook.hook.source", "string", "all", "Source that is looked at."},
		{"webhook.hook.secret", "path", "the webhook's", "File with the secret, root's alone, at least 16 bytes."},
		{"notify.kind", "string", `"webhook"`, "What is sent: webhook (the turn as JSON, or what the template makes of it), or the status of a commit: github, gitlab, gitea."},
		{"notify.url", "string", "none", "Where to. Of a status the API's: https://api.github.com, https://HOST/api/v4 (GitLab), https://HOST/api/v1 (Gitea)."},
		{"notify.url_file", "path", "none", "File with the address, root's alone, where whoever knows it may write there."},
		{"notify.repository", "string", "none", `Of a status: "owner/name".`},
		{"notify.source", "string", "all", "Source whose turns are told."},
		{"notify.on", "list(string)", "all but applied", "Turns that are told: failed, rolled back, recovered, flapping, refused, drift, damaged, waiting, applied. Of a status: all."},
		{"notify.template", "string", "none", "Body, as a template of Go (text/template): {{.Host}}, {{.Word}}, {{.Source}}, {{.Container}}, {{.Commit}}, {{.Text}}, {{.String}}; json quotes."},
		{"notify.token", "path", "none", "File with a token, root's alone."},
	}
}

// listenerChecker gathers what is wrong with one of these blocks.
type listenerChecker struct {
	what  string
	spot  Spot
	found *[]Problem
}

func (c listenerChecker) amend(key, summary, detail string) {
	at, said := c.spot.At[key]
	if !said {
		at = c.spot.Pos
	}
	*c.found = append(*c.found, Problem{Path: key, Pos: at, Summary: c.what + ": " + summary, Detail: detail, Absent: !said})
}

func (c listenerChecker) file(key, file string) {
	if file != "" && (!pathForm().MatchString(file) || path.Clean(file) != file) {
		c.amend(key, quote(file)+" is not a plain absolute path", "Write it from / on, of letters, digits and ._-+@:=, alone.")
	}
}

func (c listenerChecker) address(word string) {
	host, port, err := net.SplitHostPort(word)
	n, err2 := strconv.Atoi(port)
	if err != nil || err2 != nil || n < 0 || n > 65535 || host != "" && net.ParseIP(host) == nil {
		c.amend("listen", quote(word)+" is not an address and a port", `Write "127.0.0.1:9123", "[::1]:9123" or ":9123".`)
	}
}

func (c listenerChecker) word(key, word string, of []string) {
	if !slices.Contains(of, word) {
		c.amend(key, "there is no "+quote(word), "Known are "+strings.Join(of, ", ")+".")
	}
}

func (c listenerChecker) source(key, name string, a Agent) {
	if name != "" && !slices.ContainsFunc(a.Sources, func(s Source) bool { return s.Name == name }) {
		c.amend(key, "there is no source "+quote(name), "Name one that the file has.")
	}
}

var (
	groupForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$`) })
	hookForm  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/[A-Za-z0-9._/-]{1,200}$`) })
	repoForm  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`) })
)

func (a Agent) listenerProblems() []Problem {
	var found []Problem
	api := listenerChecker{"api", a.API.Spot, &found}
	for key, group := range map[string]string{"read_group": a.API.ReadGroup, "admin_group": a.API.AdminGroup} {
		if group != "" && !groupForm().MatchString(group) {
			api.amend(key, quote(group)+" is not a group", "Write a group's name or number.")
		}
	}
	if a.Metrics != nil {
		listenerChecker{"metrics", a.Metrics.Spot, &found}.address(a.Metrics.Listen)
	}
	if a.Webhook != nil {
		listenerChecker{"webhook", a.Webhook.Spot, &found}.webhook(*a.Webhook, a)
	}
	for _, n := range a.Notify {
		listenerChecker{"notify " + quote(n.Name), n.Spot, &found}.notify(n, a)
	}
	return found
}

func (c listenerChecker) webhook(w Webhook, a Agent) {
	c.address(w.Listen)
	c.file("certificate", w.Certificate)
	c.file("key", w.Key)
	if (w.Certificate == "") != (w.Key == "") {
		c.amend("certificate", "a certificate and its key belong together", "Write both, or none for plain HTTP.")
	}
	if c.file("secret", w.Secret); len(w.Hooks) == 0 {
		c.amend("secret", "nobody is listened to", "Write secret (one address for all), or hook blocks.")
	}
	paths := map[string]bool{}
	for _, h := range w.Hooks {
		at := func(key string) string { return `hook["` + h.Name + `"].` + key }
		c.word(at("forge"), h.Forge, HookForges())
		if !hookForm().MatchString(h.Path) || path.Clean(h.Path) != h.Path || paths[h.Path] {
			c.amend(at("path"), quote(h.Path)+" is not a path of its own", `Write "/hooks/NAME", another one for each hook.`)
		}
		paths[h.Path] = true
		if c.source(at("source"), h.Source, a); h.Secret == "" {
			c.amend(at("secret"), "hook "+quote(h.Name)+" has no secret", "Name a file that root alone reads.")
		}
		c.file(at("secret"), h.Secret)
	}
}

func (c listenerChecker) notify(n Notify, a Agent) {
	c.word("kind", n.Kind, NotifyKinds())
	for _, on := range n.On {
		c.word("on", on, NotifyTurns())
	}
	c.source("source", n.Source, a)
	c.file("url_file", n.URLFile)
	c.file("token", n.Token)
	u, err := url.Parse(n.URL)
	switch {
	case (n.URL == "") == (n.URLFile == ""):
		c.amend("url", "one of url and url_file says where to", "Write one of them.")
	case n.URL != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http"):
		c.amend("url", "the address is none", "Write https://HOST/PATH; a token goes into a file.")
	}
	if status := n.Kind != "webhook"; status != (n.Repository != "") {
		c.amend("repository", "it belongs to a commit's status, and to nothing else", `Write repository = "owner/name" for github, gitlab and gitea.`)
	} else if status && !repoForm().MatchString(n.Repository) {
		c.amend("repository", quote(n.Repository)+" is not a repository", `Write "owner/name".`)
	}
}
