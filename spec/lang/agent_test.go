package lang

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"strake/spec"
	"strake/spec/source"
)

func agentOf(text string) (spec.Agent, Diagnostics) {
	return Agent(source.File{Name: "agent.hcl", Bytes: []byte(text)})
}

// TestAgentLanguage: what the parser reads is what the table has.
func TestAgentLanguage(t *testing.T) {
	root := spec.AgentLanguage()
	words := slices.Sorted(maps.Keys(switches()))
	words = append(words, slices.Collect(maps.Keys(metricsTable().settings))...)
	words = append(words, slices.Collect(maps.Keys(agentTable().settings))...)
	for _, w := range root.Words {
		if !slices.Contains(words, w.Name) {
			t.Errorf("the parser has no word %s", w.Name)
		}
	}
	for _, w := range words {
		if root.Word(w) == nil {
			t.Errorf("the table has no word %s", w)
		}
	}
	for _, b := range root.Blocks {
		switch b.Name {
		case "folder":
			same(t, "folder", folderBlock(), b)
		case "git":
			same(t, "git", gitBlock(), b)
		case "api":
			same(t, "api", apiBlock(), b)
		case "webhook":
			same(t, "webhook", webhookBlock(), b)
		case "notify":
			same(t, "notify", notifyBlock(), b)
		default:
			t.Errorf("block %s is compared with nothing", b.Name)
		}
	}
}

// TestAgentReadme: the reference page has every block and word, its examples
// are right, and its tables have the defaults.
func TestAgentReadme(t *testing.T) {
	text, err := os.ReadFile("../../cmd/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(text), "\n## Agent\n")
	page, _, _ = strings.Cut(page, "\n## ")
	var walk func(b *spec.Block)
	walk = func(b *spec.Block) {
		for _, w := range b.Words {
			row := regexp.MustCompile("(?m)^\\| `([a-z.]*\\.)?" + w.Name + "` \\|").FindString(page)
			if row == "" {
				t.Errorf("the page says nothing of %s.%s", b.Name, w.Name)
			}
		}
		for _, in := range b.Blocks {
			if !regexp.MustCompile("(?m)^ *" + in.Name + " [{\"]").MatchString(page) {
				t.Errorf("the page shows no block %s", in.Name)
			}
			walk(in)
		}
	}
	walk(spec.AgentLanguage())
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(examples) == 0 {
		t.Error("no example")
	}
	for _, e := range examples {
		if _, ds := agentOf(e[1]); len(ds) > 0 {
			t.Errorf("%s\n%s", e[1], ds)
		}
	}
}

func TestAgent(t *testing.T) {
	a, ds := agentOf(`
git "web" {
  url  = "git@git.example.org:hosts.git"
  tag  = "live"
  poll = "10s"
  auto = []
  verify {
    signers = "/etc/strake/signers"
  }
  window "night" {
    days = ["sat"]
    from = "22:00"
    to   = "04:00"
  }
}
folder "local" {
  path  = "/srv/x"
  prune = true
}`)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	if a.Scrub != 7*24*time.Hour {
		t.Errorf("all is read again in %s", a.Scrub)
	}
	if a, ds := agentOf(`scrub = "0s"`); len(ds) > 0 || a.Scrub != 0 {
		t.Errorf("switched off: %s, %v", a.Scrub, ds)
	}
	local, web := a.Sources[0], a.Sources[1]
	if local.Name != "local" || !local.Prune || !local.Deploy || !local.Heal || strings.Join(local.Auto, " ") != "live restart" || local.Origin() != "/srv/x" {
		t.Errorf("%+v", local)
	}
	if g := web.Git; g.Ref() != "refs/tags/live" || g.Poll != 10*time.Second || g.MaxSize != 256<<20 || len(web.Auto) != 0 || !g.Signed() || g.Verify.Mode != "range" || web.Windows[0].Days[0] != "sat" {
		t.Errorf("%+v %+v", web, g)
	}
}

// TestAgentSwitches: what stands outside of the sources is for all that do not
// say it themselves.
func TestAgentSwitches(t *testing.T) {
	a, ds := agentOf(`
folder "a" {
  path = "/a"
}
folder "b" {
  path   = "/b"
  deploy = false
  heal   = true
}
folder "c" {
  path   = "/c"
  deploy = ["recreate"]
}
webhook {
  listen = "[::1]:9561"
  secret = "/etc/strake/webhook.secret"
}
deploy  = ["live"]
heal    = false
prune   = true
metrics = "127.0.0.1:9560"`)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	for i, want := range []string{"true [live] false true", "false [live] true true", "true [recreate] false true"} {
		if s := a.Sources[i]; fmt.Sprint(s.Deploy, s.Auto, s.Heal, s.Prune) != want {
			t.Errorf("%s: %v %v %v %v, want %s", s.Name, s.Deploy, s.Auto, s.Heal, s.Prune, want)
		}
	}
	if h := a.Webhook.Hooks; len(h) != 1 || h[0].Path != "/hooks" || h[0].Secret != "/etc/strake/webhook.secret" || a.Metrics.Listen != "127.0.0.1:9560" {
		t.Errorf("%+v %+v", a.Webhook, a.Metrics)
	}
}

// AgentMistakes are texts, and what is said of each.
var AgentMistakes = map[string]string{
	"folder \"a\" {\n}":                  "no place is said",
	"folder \"A b\" {\npath = \"/x\"\n}": "the name is not one",
	"folder \"a\" {\npath = \"x\"\n}":    "\"x\" is not a plain absolute path\n  agent.hcl:2:8",
	"folder \"a\" {\npath = \"/x\"\n}\ngit \"a\" {\nurl = \"https://h/r\"\n}":  "there is another one of that name",
	"folder \"a\" {\npath = \"/x\"\n}\nfolder \"a\" {\npath = \"/y\"\n}":       "there are two blocks folder a",
	"folder \"a\" {\npath = \"/x\"\n}\nfolder \"b\" {\npath = \"/x\"\n}":       "same place",
	"folder \"a\" {\npath = \"/x\"\nauto = [\"stop\"]\n}":                      "no impact \"stop\"",
	"folder \"a\" {\npath = \"/x\"\ndeploy = \"live\"\n}":                      "must be true, false or a list of strings, not a string",
	"folder \"a\" {\npath = \"/x\"\ndeploy = [\"live\"]\nauto = [\"live\"]\n}": "deploy and auto both list impacts",
	"folder \"a\" {\npath = \"/x\"\n}\ndeploy = [\"stop\"]":                    "error: there is no impact \"stop\"\n  agent.hcl:4:10",
	"folder \"a\" {\npath = \"/x\"\ndeploy = [\"stop\"]\n}":                    "source \"a\": there is no impact \"stop\"\n  agent.hcl:3:10",
	"scrub = \"500ms\"\nfolder \"a\" {\npath = \"/x\"\n}":                      "scrub: is too often\n  agent.hcl:1:9",
	"scrub = \"-1h\"": "scrub: is too often",
	"scrub = 7":       "must be a duration",
	"var_files = [\"x\"]\nfolder \"a\" {\npath = \"/x\"\n}":                                                  "error: \"x\" is not a plain absolute path\n  agent.hcl:1:13",
	"git \"a\" {\nurl = \"http://h/r\"\n}":                                                                   "is not one that is fetched from",
	"git \"a\" {\nurl = \"https://u:p@h/r\"\n}":                                                              "a password goes into",
	"git \"a\" {\nurl = \"ext::sh -c x\"\n}":                                                                 "is not one that is fetched from",
	"git \"a\" {\nurl = \"ssh://-oProxyCommand=x/r\"\n}":                                                     "is not one that is fetched from",
	"git \"a\" {\nurl = \"-u@h:r\"\n}":                                                                       "is not one that is fetched from",
	"git \"a\" {\nurl = \"https://h/r\"\nbranch = \"-x\"\n}":                                                 "can't be a name",
	"git \"a\" {\nurl = \"https://h/r\"\nbranch = \"a..b\"\n}":                                               "can't be a name",
	"git \"a\" {\nurl = \"https://h/r\"\nbranch = \"a\"\ntag = \"b\"\n}":                                     "a branch and a tag",
	"git \"a\" {\nurl = \"https://h/r\"\npath = \"../x\"\n}":                                                 "no path in the repository",
	"git \"a\" {\nurl = \"https://h/r\"\nkey = \"/x y\"\n}":                                                  "not a plain absolute path",
	"git \"a\" {\nurl = \"https://h/r\"\npoll = \"1s\"\n}":                                                   "too often",
	"git \"a\" {\nurl = \"https://h/r\"\nverify {\n}\n}":                                                     "nobody's signature counts",
	"git \"a\" {\nurl = \"https://h/r\"\nverify {\nmode = \"all\"\n}\n}":                                     "there is no \"all\"",
	"git \"a\" {\nurl = \"https://h/r\"\nverify {\nmode = \"tag\"\nsigners = \"/s\"\n}\n}":                   "no tag that could be signed",
	"folder \"a\" {\npath = \"/x\"\nwindow \"n\" {\nfrom = \"25:00\"\nto = \"1:00\"\n}\n}":                   "no time",
	"folder \"a\" {\npath = \"/x\"\nwindow \"n\" {\nfrom = \"01:00\"\nto = \"02:00\"\nzone = \"Mars\"\n}\n}": "no zone",
	"folder \"a\" {\npath = \"/x\"\nwindow \"n\" {\nfrom = \"01:00\"\nto = \"02:00\"\ndays = [\"so\"]\n}\n}": "no day",
	"metrics = \"localhost\"":                                                                                "is not an address and a port\n  agent.hcl:1:1",
	"webhook {\nlisten = \":1\"\n}":                                                                          "nobody is listened to",
	"webhook {\nlisten = \":1\"\nhook \"a\" {\n}\n}":                                                         "has no secret",
	"webhook {\nlisten = \":1\"\nhook \"a\" {\nsecret = \"/s\"\nsource = \"x\"\n}\n}":                        "there is no source \"x\"",
	"webhook {\nlisten = \":1\"\nkey = \"/k\"\n}":                                                            "belong together",
	"notify \"a\" {\n}":                                          "one of url and url_file",
	"notify \"a\" {\nurl = \"https://u:p@h\"\n}":                 "a token goes into a file",
	"notify \"a\" {\nkind = \"github\"\nurl = \"https://h\"\n}":  "belongs to a commit's status",
	"notify \"a\" {\nurl = \"https://h\"\non = [\"nothing\"]\n}": "there is no \"nothing\"",
	"api {\nread_group = \"a b\"\n}":                             "is not a group",
	"fodler \"a\" {\npath = \"/x\"\n}":                           "Did you mean \"folder\"?",
	"deploy = [\"live\"]\nauto = [\"live\"]":                     "deploy and auto both list impacts\n  agent.hcl:2:8",
}

// TestAgentMistakes: each is told with its place.
func TestAgentMistakes(t *testing.T) {
	for text, says := range AgentMistakes {
		_, ds := agentOf(text)
		if !ds.HasErrors() || !strings.Contains(ds.Error(), says) {
			t.Errorf("%s\nsays %v, want %q", text, ds, says)
		}
	}
	// What stands outside of the sources is one mistake, not one of each.
	if _, ds := agentOf("deploy = [\"stop\"]\nvar_files = [\"x\"]\nfolder \"a\" {\npath = \"/a\"\n}\nfolder \"b\" {\npath = \"/b\"\ndeploy = false\n}"); len(ds) != 2 {
		t.Errorf("says %v, want two mistakes", ds)
	}
}
