package lang

import (
	"os"
	"regexp"
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
	same(t, "source", sourceBlock(), root.Block("source"))
	for _, b := range root.Blocks {
		switch b.Name {
		case "source":
		case "api":
			same(t, "api", apiBlock(), b)
		case "metrics":
			same(t, "metrics", metricsBlock(), b)
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
source "web" {
  git {
    url  = "git@git.example.org:hosts.git"
    tag  = "live"
    poll = "10s"
  }
  auto = []
  window "night" {
    days = ["sat"]
    from = "22:00"
    to   = "04:00"
  }
}
source "local" {
  folder = "/srv/x"
  prune  = true
}`)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	local, web := a.Sources[0], a.Sources[1]
	if local.Name != "local" || !local.Prune || !local.Deploy || !local.Heal || strings.Join(local.Auto, " ") != "live restart" || local.Origin() != "/srv/x" {
		t.Errorf("%+v", local)
	}
	if g := web.Git; g.Ref() != "refs/tags/live" || g.Poll != 10*time.Second || g.MaxSize != 256<<20 || len(web.Auto) != 0 || web.Windows[0].Days[0] != "sat" {
		t.Errorf("%+v %+v", web, g)
	}
}

// TestAgentMistakes: each is told with its place.
func TestAgentMistakes(t *testing.T) {
	for text, says := range map[string]string{
		"source \"a\" {\n}":                                                                                        "source \"a\": no place is said\n  agent.hcl:1:1",
		"source \"A b\" {\nfolder = \"/x\"\n}":                                                                     "the name is not one",
		"source \"a\" {\nfolder = \"x\"\n}":                                                                        "\"x\" is not a plain absolute path\n  agent.hcl:2:10",
		"source \"a\" {\nfolder = \"/x\"\ngit {\nurl = \"https://h/r\"\n}\n}":                                      "two places",
		"source \"a\" {\nfolder = \"/x\"\n}\nsource \"a\" {\nfolder = \"/y\"\n}":                                   "there are two blocks source a",
		"source \"a\" {\nfolder = \"/x\"\n}\nsource \"b\" {\nfolder = \"/x\"\n}":                                   "same place",
		"source \"a\" {\nfolder = \"/x\"\nauto = [\"stop\"]\n}":                                                    "no impact \"stop\"",
		"source \"a\" {\ngit {\n}\n}":                                                                              "is not one that is fetched from",
		"source \"a\" {\ngit {\nurl = \"http://h/r\"\n}\n}":                                                        "is not one that is fetched from",
		"source \"a\" {\ngit {\nurl = \"https://u:p@h/r\"\n}\n}":                                                   "a password goes into",
		"source \"a\" {\ngit {\nurl = \"ext::sh -c x\"\n}\n}":                                                      "is not one that is fetched from",
		"source \"a\" {\ngit {\nurl = \"ssh://-oProxyCommand=x/r\"\n}\n}":                                          "is not one that is fetched from",
		"source \"a\" {\ngit {\nurl = \"-u@h:r\"\n}\n}":                                                            "is not one that is fetched from",
		"source \"a\" {\ngit {\nurl = \"https://h/r\"\nbranch = \"-x\"\n}\n}":                                      "can't be a name",
		"source \"a\" {\ngit {\nurl = \"https://h/r\"\nbranch = \"a..b\"\n}\n}":                                    "can't be a name",
		"source \"a\" {\ngit {\nurl = \"https://h/r\"\nbranch = \"a\"\ntag = \"b\"\n}\n}":                          "a branch and a tag",
		"source \"a\" {\ngit {\nurl = \"https://h/r\"\npath = \"../x\"\n}\n}":                                      "no path in the repository",
		"source \"a\" {\ngit {\nurl = \"https://h/r\"\nkey = \"/x y\"\n}\n}":                                       "not a plain absolute path",
		"source \"a\" {\ngit {\nurl = \"https://h/r\"\npoll = \"1s\"\n}\n}":                                        "too often",
		"source \"a\" {\nfolder = \"/x\"\nwindow \"n\" {\nfrom = \"25:00\"\nto = \"1:00\"\n}\n}":                   "no time",
		"source \"a\" {\nfolder = \"/x\"\nwindow \"n\" {\nfrom = \"01:00\"\nto = \"02:00\"\nzone = \"Mars\"\n}\n}": "no zone",
		"source \"a\" {\nfolder = \"/x\"\nwindow \"n\" {\nfrom = \"01:00\"\nto = \"02:00\"\ndays = [\"so\"]\n}\n}": "no day",
		"metrics {\nlisten = \"localhost\"\n}":                                                                     "is not an address and a port\n  agent.hcl:2:10",
		"webhook {\nlisten = \":1\"\nhook \"a\" {\n}\n}":                                                           "has no secret",
		"webhook {\nlisten = \":1\"\nhook \"a\" {\nsecret = \"/s\"\nsource = \"x\"\n}\n}":                          "there is no source \"x\"",
		"webhook {\nlisten = \":1\"\nkey = \"/k\"\n}":                                                              "belong together",
		"notify \"a\" {\n}":                                          "one of url and url_file",
		"notify \"a\" {\nurl = \"https://u:p@h\"\n}":                 "a token goes into a file",
		"notify \"a\" {\nkind = \"github\"\nurl = \"https://h\"\n}":  "belongs to a commit's status",
		"notify \"a\" {\nurl = \"https://h\"\non = [\"nothing\"]\n}": "there is no \"nothing\"",
		"api {\nread_group = \"a b\"\n}":                             "is not a group",
		"surce \"a\" {\nfolder = \"/x\"\n}":                          "Did you mean \"source\"?",
	} {
		_, ds := agentOf(text)
		if !ds.HasErrors() || !strings.Contains(ds.Error(), says) {
			t.Errorf("%s\nsays %v, want %q", text, ds, says)
		}
	}
}
