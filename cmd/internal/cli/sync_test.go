package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// repository is one on disk, and a clone of it to commit in.
func (b *bench) repository() (commit func(text string)) {
	b.t.Helper()
	git := func(args ...string) {
		b.t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "HOME="+b.dir, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "--bare", "-b", "main", "hosts.git")
	git("init", "-q", "-b", "main", "near")
	return func(text string) {
		b.t.Helper()
		b.write("near/web.hcl", text)
		git("-C", "near", "add", "-A")
		git("-C", "near", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "--allow-empty", "-m", "a commit")
		git("-C", "near", "push", "-q", filepath.Join(b.dir, "hosts.git"), "main")
	}
}

func (b *bench) follow(more string) {
	b.t.Helper()
	b.write("agent.hcl", "git \"hosts\" {\n"+more+"\n  url = \"file://"+b.dir+"/hosts.git\"\n}\n")
}

// TestSync: commit after commit is one stack, which is called as the
// repository; what is not approved waits, and is done once it is.
func TestSync(t *testing.T) {
	b := newBench(t)
	commit := b.repository()
	b.follow(`  auto = ["live"]`)
	commit(web(""))
	has(t, b.must(0, "sync", "--config", "agent.hcl").err, "stack hosts   hosts@", "c1: created, generation 1")
	commit(web(`  limits { memory = "64MiB" }`))
	has(t, b.must(0, "sync", "--config", "agent.hcl").err, "stack hosts   hosts@", "c1: changed live, generation 2")
	has(t, b.must(0, "list-generations", "c1").out, "Ann", "a commit")
	has(t, b.must(0, "sync", "--config", "agent.hcl").err, "nothing to do")

	commit(web(`  mount "/srv" { source = "/srv" }`))
	said := b.must(9, "sync", "--config", "agent.hcl").err
	has(t, said, "waits for approval: c1")
	has(t, b.must(0, "status").out, "hosts", "waiting")
	run := regexp.MustCompile("strake approve ([^`]+)`").FindStringSubmatch(said)
	if run == nil {
		t.Fatalf("no run to approve in %q", said)
	}
	b.must(9, "sync", "--config", "agent.hcl") // and again, it is the same question
	b.must(0, "approve", run[1])
	has(t, b.must(0, "sync", "--config", "agent.hcl").err, "nothing to do")
	has(t, b.must(0, "status").out, "ok")
}

// TestSyncHeld: what was rolled back is not brought back by any pass, but by
// another commit.
func TestSyncHeld(t *testing.T) {
	b := newBench(t)
	commit := b.repository()
	b.follow("")
	commit(web(`  limits { memory = "64MiB" }`))
	b.must(0, "sync", "--config", "agent.hcl")
	commit(web(`  limits { memory = "96MiB" }`))
	b.must(0, "sync", "--config", "agent.hcl")
	b.must(0, "rollback", "c1")
	for range 3 {
		has(t, b.must(0, "sync", "--config", "agent.hcl").err, "source hosts is held: c1")
	}
	if b.limits("c1").Memory != 64<<20 {
		t.Error("it was applied again")
	}
	commit(web(`  limits { memory = "128MiB" }`))
	b.must(0, "sync", "--config", "agent.hcl")
	if b.limits("c1").Memory != 128<<20 {
		t.Error("the next commit was not applied")
	}
}

// TestSyncClosed: outside of its windows a source is only looked at; neither
// is one that is not to be deployed, or is suspended, changed.
func TestSyncClosed(t *testing.T) {
	b := newBench(t)
	commit := b.repository()
	b.follow("")
	commit(web(`  limits { memory = "64MiB" }`))
	b.must(0, "sync", "--config", "agent.hcl")
	commit(web(`  limits { memory = "96MiB" }`))
	later := time.Now().UTC().Add(3 * time.Hour)
	b.follow("  window \"later\" {\n    from = \"" + later.Format("15:04") + "\"\n    to   = \"" + later.Add(time.Hour).Format("15:04") + "\"\n  }")
	has(t, b.must(0, "sync", "--config", "agent.hcl").err, "source hosts is closed: c1 until "+later.Format("2006-01-02T15:04"))
	b.follow("  deploy = false")
	has(t, b.must(0, "sync", "--config", "agent.hcl").err, "source hosts is differs: c1")
	b.follow("")
	b.must(0, "suspend", "c1")
	has(t, b.must(8, "sync", "--config", "agent.hcl").err, "refused: c1")
	if b.limits("c1").Memory != 64<<20 {
		t.Error("it was applied")
	}
	b.must(0, "resume", "c1")
	b.must(0, "sync", "--config", "agent.hcl")
	if b.limits("c1").Memory != 96<<20 {
		t.Error("it was not applied")
	}
	if out := b.must(0, "--json", "status").out; !strings.Contains(out, `"state": "ok"`) {
		t.Errorf("status is %s", out)
	}
}
