package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hundred is as many containers, of which the first has so much memory.
func hundred(mib int) string {
	var b strings.Builder
	for i := range 100 {
		limit := 32
		if i == 0 {
			limit = mib
		}
		fmt.Fprintf(&b, "container \"quick%02d\" {\n  limits {\n    memory = \"%dMiB\"\n  }\n}\n", i, limit)
	}
	return b.String()
}

// TestAgentHundred: what is saved becomes effective in a running container at
// once, and the agent costs next to nothing while nothing is. Times are held to what they
// are on a machine that does other things as well; the log has what they were.
func TestAgentHundred(t *testing.T) {
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	file := filepath.Join(w.dir, "stack.hcl")
	save := func(mib int) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(hundred(mib)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	save(40)
	conf := filepath.Join(w.dir, "agent.hcl")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "source \"all\" {\n  folder = %q\n}\n", file), 0o644); err != nil {
		t.Fatal(err)
	}
	agent := startAgent(t, w, conf)
	limit := memoryLimit(t, "quick00", 2*time.Minute)
	waitLimit(t, limit, 40)
	settled(t, w)
	var took []time.Duration
	for i := range 15 {
		from := time.Now()
		save(41 + i)
		waitLimit(t, limit, 41+i)
		took = append(took, time.Since(from))
		settled(t, w)
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)-1]
	time.Sleep(time.Second)
	before, from := processor(t, agent), time.Now()
	time.Sleep(10 * time.Second)
	busy := float64(processor(t, agent)-before) / float64(time.Since(from)) * 100
	mem := resident(t, agent)
	t.Logf("save to effect with 100 containers: median %v, worst of %d %v; idle: %.2f %% of a core, %.1f MB resident", p50, len(took), p99, busy, float64(mem)/1e6)
	if p50 > time.Second || p99 > 3*time.Second {
		t.Errorf("median %v, worst %v", p50, p99)
	}
	if mem > 60e6 { // 30 of them are pages of the program file, that the host can take back
		t.Errorf("%d bytes resident when idle", mem)
	}
	if busy > 0.5 {
		t.Errorf("%.2f %% of a core when idle", busy)
	}
}

// startAgent starts one in a world, and ends it with the test.
func startAgent(t *testing.T, w world, conf string) int {
	t.Helper()
	cmd := exec.Command("strake", "agent", "--config", conf)
	cmd.Dir, cmd.Stderr = w.dir, t.Output()
	cmd.Env = append(os.Environ(), w.env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	return cmd.Process.Pid
}

// memoryLimit is the file that a container's limit stands in, when it has come.
func memoryLimit(t *testing.T, name string, patience time.Duration) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, dir := range cgroups(name) {
			if strings.Contains(dir, "monitor") {
				continue
			}
			for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
				if path := filepath.Join(dir, file); exists(path) {
					return path
				}
			}
		}
	}
	t.Fatalf("%s does not come", name)
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func waitLimit(t *testing.T, file string, mib int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(file)
		if strings.TrimSpace(string(text)) == fmt.Sprint(mib<<20) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is %s, want %d MiB", file, text, mib)
		}
	}
}

// settled waits until the run is over.
func settled(t *testing.T, w world) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(w.dir, "state", "agent", "all", "standing.json"))
		if !exists(filepath.Join(w.dir, "state", "underway")) && bytes.Contains(text, []byte(`"state": "ok"`)) && !bytes.Contains(text, []byte(`"tries"`)) {
			return
		}
	}
	t.Fatal("the run does not end")
}

// processor is the time that a process has had.
func processor(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}
