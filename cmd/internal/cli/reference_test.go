package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const explained = `profile "base" {
  limits {
    memory = "64MiB"
  }
}

network "lan" {
  ipv4 = "10.9.0.1/24"
  dns  = true
}

container "c1" {
  profiles = [profile.base]
  hostname = "web"
  egress   = egress.world

  mount "/srv" {
    volume = volume.data
  }

  nic "eth0" {
    network = network.lan
    mac     = "auto"
  }
}

egress "world" {
  allow = ["example.org"]
}

volume "data" {
  path = "/srv"
}
`

// TestExplain: every value of a container says where it comes from.
func TestExplain(t *testing.T) {
	b := newBench(t)
	b.write("a.hcl", explained)
	out := b.must(0, "--plain", "render", "c1", "a.hcl", "--explain").out
	for _, line := range []string{
		"hostname\tweb\ta.hcl:14", "limits.memory\t64MiB\tprofile base, a.hcl:3", "running\ttrue\tdefault", "nic[\"eth0\"].network\tlan\ta.hcl:22",
		"nic[\"eth0\"].bridge\tst-lan\tnetwork lan", "resolver.servers\t10.9.0.1\tnetwork lan", "mount[\"/srv\"].source\t/srv\tvolume data, a.hcl:32",
		"egress[\"world\"].allow\texample.org\tegress world, a.hcl:28", "egress[\"world\"].mode\tenforce\tdefault", "egress.at\t127.0.0.1:3128\tegress world",
		"environment[\"http_proxy\"]\t\"http://127.0.0.1:3128\"\ta.hcl:15",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	for _, path := range []string{"idmap.base", `nic["eth0"].device`, `nic["eth0"].ipv4`, `nic["eth0"].mac`} {
		if !strings.Contains(line(out, path), "chosen once (ledger)") {
			t.Errorf("%s: %q", path, line(out, path))
		}
	}
	has(t, line(out, `nic["eth0"].mac`), "a.hcl:23")
	has(t, b.must(0, "--json", "render", "c1", "a.hcl", "--explain").out, `"origin": "profile"`, `"name": "base"`)
	b.must(64, "render", "c1", "a.hcl", "--explain", "--format", "lxc")
}

func line(out, path string) string {
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, path+"\t") {
			return l
		}
	}
	return ""
}

// TestSchema: what plan --json prints is what its schema says.
func TestSchema(t *testing.T) {
	b := newBench(t)
	b.write("a.hcl", explained)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(b.must(0, "schema", "plan").out))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(v)
	}
	for _, next := range []string{explained, strings.Replace(explained, "64MiB", "96MiB", 1), "network \"lan\" {\n  ipv4 = \"10.9.0.1/24\"\n}\n"} {
		b.write("a.hcl", next)
		if err := check(b.must(0, "plan", "--json", "a.hcl").out); err != nil {
			t.Error(err)
		}
		if strings.Contains(next, "container") {
			b.must(0, "apply", "a.hcl")
		}
	}
	if check(`{"version": "one", "stack": 3}`) == nil {
		t.Error("what is no plan is taken")
	}
	b.must(64, "schema", "plna")
	has(t, b.must(0, "schema").out, `"nic"`)
}

// TestMan: both pages are sound roff, and have all commands and all blocks.
func TestMan(t *testing.T) {
	b := newBench(t)
	for page, words := range map[string][]string{"strake": {"apply", "rollback"}, "strake.hcl": {"lifecycle", "ignore_changes", "for_each", "error_message"}} {
		text := b.must(0, "man", page).out
		file := filepath.Join(t.TempDir(), "page")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("man", "--warnings", "-l", file)
		cmd.Env = append(os.Environ(), "MANWIDTH=100", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=0")
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil || said.Len() > 0 {
			t.Errorf("man of %s: %v\n%s", page, err, said.String())
		}
		has(t, string(regexp.MustCompile(".\x08").ReplaceAll(out, nil)), words...)
	}
	b.must(64, "man", "strake.hlc")
}
