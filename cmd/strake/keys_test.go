package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strake/reconcile/plan"
	"strake/spec"
)

// keyCase is what brings some keys of one class to two values.
type keyCase struct {
	class    spec.Impact
	one, two string
	keys     []string
}

// Every key of the language: two values that are not its default, as lines of
// the container's block. A key without a line of its own moves with others.
var keyed = []keyCase{
	{spec.Live, `hostname = "one"`, `hostname = "two"`, []string{"hostname"}},
	{spec.Live, "autostart {\n order = 3\n delay = \"4s\"\n group = \"a\"\n }", "autostart {\n order = 5\n delay = \"6s\"\n group = \"b\"\n }",
		[]string{"autostart", "autostart.order", "autostart.delay", "autostart.group"}},
	{spec.Live, `environment = { A = "one", B = "x y'z\"%$", S = secret.one, T = "a${var.two}" }`, `environment = { A = "two", C = "", S = var.two, T = "b" }`, []string{`environment["*"]`}},
	{spec.Live, "limits {\n memory = \"64MiB\"\n cpus = 0.5\n processes = 100\n }", "limits {\n memory = \"96MB\"\n cpus = 1.25\n processes = 60\n }",
		[]string{"limits.memory", "limits.cpus", "limits.processes"}},
	{spec.Live, nicOne, nicTwo, []string{
		`nic["*"]`, `nic["*"].network`, `nic["*"].type`, `nic["*"].bridge`, `nic["*"].device`, `nic["*"].mac`, `nic["*"].ipv4`, `nic["*"].ipv6`,
		`nic["*"].gateway4`, `nic["*"].gateway6`, `nic["*"].mtu`, `nic["*"].filter.mac`, `nic["*"].filter.ipv4`, `nic["*"].filter.ipv6`,
		`nic["*"].addresses`, `nic["*"].prefixes`, `nic["*"].route["*"].via`, `nic["*"].limits.ingress`, `nic["*"].limits.egress`,
		`nic["*"].publish["*"].to`, `nic["*"].publish["*"].protocol`,
	}},
	{spec.Live, `egress = egress.sites`, `egress = [egress.more]`, []string{
		`egress["*"]`, "egress.at", `egress["*"].allow`, `egress["*"].deny`, `egress["*"].ports`, `egress["*"].mode`,
		`egress["*"].upstream`, `egress["*"].upstream_user`, `egress["*"].upstream_password`,
		`egress["*"].limits.connections`, `egress["*"].limits.rate`, `egress["*"].limits.daily`, `egress["*"].limits.idle`,
	}},
	{spec.Live, "publish \"8081\" {\n }", "publish \"8081\" {\n to = 80\n }\n publish \"8082\" {\n }", []string{`publish["*"].to`}},
	{spec.None, `depends_on = [container.a]`, `depends_on = [container.a, container.b]`, []string{"depends_on"}},
	{spec.None, "lifecycle {\n protect = true\n drift = \"heal\"\n ignore_changes = [\"limits.cpus\"]\n }", "lifecycle {\n drift = \"strict\"\n ignore_changes = [\"hostname\"]\n }",
		[]string{"lifecycle.protect", "lifecycle.drift", "lifecycle.ignore_changes"}},
	{spec.Restart, "mount \"/mnt/v\" {\n source = \"/usr/lib\"\n }", "mount \"/mnt/v\" {\n volume = volume.lib\n }", []string{`mount["*"].volume`}},
	{spec.Live, "secret_file \"/run/s/x\" {\n from = secret.one\n owner = 5\n group = 6\n mode = \"0440\"\n }", "secret_file \"/run/s/x\" {\n from = var.two\n owner = 7\n group = 8\n mode = \"0444\"\n }",
		[]string{`secret_file["*"]`, `secret_file["*"].from`, `secret_file["*"].content`, `secret_file["*"].mode`, `secret_file["*"].owner`, `secret_file["*"].group`}},
	{spec.Live, "file \"/etc/strake/one\" {\n content = \"1\"\n }\n file \"/etc/long\" {\n content = join(\"\", [for i in range(1000) : \"a long line of text\"])\n }", "file \"/etc/strake/one\" {\n content = \"2\"\n mode = \"0600\"\n owner = \"7:8\"\n }",
		[]string{`file["*"]`, `file["*"].content`, `file["*"].mode`, `file["*"].owner`}},
	{spec.Restart, "file \"/etc/change\" {\n content = \"\"\n on_change = \"restart\"\n }", "file \"/etc/change\" {\n content = \"\"\n }", []string{`file["*"].on_change`}},
	{spec.Restart, "mount \"/mnt/x\" {\n source = \"/usr/lib\"\n }", "mount \"/mnt/x\" {\n source = \"/usr/share\"\n readonly = true\n }\n mount \"/etc/os\" {\n source = \"/etc/os-release\"\n }",
		[]string{`mount["*"]`, `mount["*"].source`, `mount["*"].readonly`}},
	{spec.Restart, "rootfs {\n size = \"48MiB\"\n }", "rootfs {\n ephemeral = true\n }", []string{"rootfs.size", "rootfs.ephemeral"}},
	{spec.Restart, "mount \"/mnt/s\" {\n volume = volume.small\n }", "", []string{`mount["*"].size`}},
	{spec.Restart, "idmap {\n size = 70000\n }", "idmap {\n privileged = true\n }", []string{"idmap.privileged", "idmap.base", "idmap.size"}},
	{spec.Restart, rawOne, rawTwo, []string{`raw["*"]`}},
	{spec.Restart, "system {\n run = [\"true\"]\n file \"/etc/layered\" {\n content = \"1\"\n }\n }", "system {\n run = [\"true\", \"echo 2\"]\n file \"/etc/layered\" {\n content = \"2\"\n mode = \"0600\"\n owner = \"7:8\"\n }\n }",
		[]string{"layers", "system.run", `system.file["*"].content`, `system.file["*"].mode`, `system.file["*"].owner`}},
	{spec.None, "build {\n timeout = \"1m\"\n }", "build {\n network = network.lan\n egress = egress.sites\n timeout = \"2m\"\n }", []string{"build.network", `build.egress["*"]`, "build.timeout"}},
	{spec.None, healthOne, healthTwo, []string{
		"health.start_period", "health.interval", "health.timeout", "health.failures", "health.min_healthy", "health.deadline", "update.max_parallel", "update.canary",
		`health.check["*"].url`, `health.check["*"].status`, `health.check["*"].address`, `health.check["*"].command`, `health.check["*"].names`, `health.check["*"].path`,
		`health.check["*"].interval`, `health.check["*"].timeout`, `health.check["*"].failures`, "update.auto_rollback",
	}},
	{spec.Stop, `running = false`, ``, []string{"running"}},
	{spec.Recreate, `image = "dir:IMAGE"`, `image = "tar:IMAGE.tar"`, []string{"image.source", "image.digest", "writable"}},
}

// covered elsewhere: image.include needs Debian's mirror, and a line of the
// configuration is nothing that a text says.
var elsewhere = map[string]string{
	"image.include": "debian.txtar",

	"resolver.servers": "services.txtar", // follow from networks, which no line of a container changes
	"resolver.search":  "services.txtar",

	// The builtin image has neither packages nor accounts nor services.
	"system.packages":             "system-debian.txtar",
	`system.service["*"].enabled`: "system-debian.txtar",
	`system.user["*"].uid`:        "system-debian.txtar",
	`system.user["*"].home`:       "system-debian.txtar",
	`system.user["*"].shell`:      "system-debian.txtar",
	`system.user["*"].groups`:     "system-debian.txtar",

	`health.check["*"].nic`: "health.txtar",

	`nic["*"].parent`:   "nic-routed.txtar, nic-parent.txtar",
	`nic["*"].oddities`: "drift.txtar: nobody writes it",
	`nic["*"].vlan`:     "nic-vlan.txtar, and on a kernel that has them testdata/vm/vlan.sh",

	`config["*"]`: "drift.txtar",
}

// Whether checks hold is the business of health.txtar.
const healthOne = `health {
    start_period = "1s"
    interval     = "1s"
    timeout      = "1s"
    failures     = 2
    min_healthy  = "1s"
    deadline     = "30s"
    check "http" {
      url    = "http://:80/"
      status = 204
    }
    check "tcp" {
      address  = ":80"
      interval = "1s"
      timeout  = "2s"
      failures = 4
    }
    check "exec" {
      command = ["true", "it's"]
    }
    check "units" {
      names = ["a.service", "b.service"]
    }
    check "file/one" {
      path = "/etc"
    }
  }`

const healthTwo = `update {
    auto_rollback = false
    max_parallel  = 2
    canary        = 1
  }
  health {
    check "file/two" {
      path = "/etc"
    }
    check "http" {
      url = "http://:81/"
    }
  }`

const nicOne = `nic "eth0" {
    network = network.lan
    ipv4 = "10.116.0.5"
    ipv6 = "fd42:16::5"
    mtu = 1400
    mac = "02:00:00:00:00:01"
    gateway4 = "10.116.0.2"
    gateway6 = "fd42:16::2"
    addresses = ["10.116.0.7", "10.116.0.8", "fd42:16::7"]
    prefixes = ["192.0.2.0/28", "2001:db8:7::/64"]
    limits {
      ingress = "8kbit"
      egress = "12345bit"
    }
    publish "8080" {
      to = 80
      protocol = "both"
    }
    route "198.51.100.0/24" {
      via = "10.116.0.3"
    }
    route "2001:db8:9::/64" {
      via = "fd42:16::3"
    }
    filter {
      mac = false
      ipv4 = false
      ipv6 = false
    }
  }`

const nicTwo = `nic "eth0" {
    network = network.far
    ipv4 = "10.117.0.6"
    ipv6 = "none"
    mtu = 1300
    addresses = ["10.117.0.8"]
    prefixes = ["192.0.2.0/27"]
    limits {
      ingress = "400Gbit"
      egress = "1Mbit"
    }
    publish "8080" {
      to = 81
    }
    route "198.51.100.0/24" {
      via = "10.117.0.3"
    }
    filter {
      ipv4 = false
    }
  }
  nic "eth1" {
    network = network.lan
    type = "bridged"
    gateway4 = "none"
    gateway6 = "none"
  }`

// Values that liblxc prints as they are written, and such as it does not.
const rawOne = `raw = {
    "lxc.prlimit.nofile" = "1024"
    "lxc.prlimit.core" = "unlimited"
    "lxc.sysctl.net.ipv4.ip_forward" = "1"
    "lxc.console.size" = "2MB"
    "lxc.console.buffer.size" = "auto"
    "lxc.signal.stop" = "SIGTERM"
    "lxc.cap.drop" = "sys_admin  sys_boot"
    "lxc.mount.auto" = "cgroup:ro proc:rw"
    "lxc.proc.oom_score_adj" = "100"
    "lxc.hook.start" = "/bin/true"
  }`

const rawTwo = `raw = {
    "lxc.prlimit.nofile" = "1024:2048"
    "lxc.sysctl.net.ipv4.ip_forward" = "0"
    "lxc.console.size" = "2097152"
    "lxc.console.buffer.size" = "128kB"
    "lxc.signal.stop" = "15"
    "lxc.time.offset.boot" = "10s"
    "lxc.no_new_privs" = "1"
    "lxc.pty.max" = "512"
  }`

const ground = `volume "small" {
  path = "SMALL"
  size = "16MiB"
}

volume "lib" {
  path = "/usr/lib"
}

network "lan" {
  ipv4 = "10.116.0.1/24"
  ipv6 = "fd42:16::1/64"
  nat = true
}

network "far" {
  ipv4 = "10.117.0.1/24"
}

secret "one" {
  file = "one"
}

egress "sites" {
  allow             = ["example.org"]
  deny              = ["x.example.org"]
  ports             = [443]
  upstream          = "http://192.0.2.1:3128"
  upstream_user     = "me"
  upstream_password = secret.one

  limits {
    connections = 1
    rate        = "1Mbit"
    daily       = "1MiB"
    idle        = "1m"
  }
}

egress "more" {
  allow             = ["*.example.org", "192.0.2.7"]
  deny              = ["y.example.org"]
  mode              = "report"
  upstream          = "http://192.0.2.2:3128"
  upstream_user     = "you"
  upstream_password = var.two
  via               = "network"

  limits {
    connections = 2
    rate        = "2Mbit"
    daily       = "2MiB"
    idle        = "2m"
  }
}

variable "two" {
  default   = "second"
  sensitive = true
}

container "a" {
  running = false
}

container "b" {
  running = false
}

container "c" {
`

// TestKeys sets every key of the language, changes it and takes it back, and
// has an empty plan each time: what was applied is what is there.
func TestKeys(t *testing.T) {
	k := newKeyTest(t)
	k.images()
	for _, class := range []spec.Impact{spec.None, spec.Live, spec.Restart, spec.Stop, spec.Recreate} {
		k.class(class)
	}
	k.complete()
}

// keyTest counts in which changes each key was seen.
type keyTest struct {
	t    *testing.T
	w    world
	seen map[string]int
}

// newKeyTest has the ground of the configurations applied.
func newKeyTest(t *testing.T) keyTest {
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	k := keyTest{t: t, w: w, seen: map[string]int{}}
	if err := errors.Join(os.WriteFile(filepath.Join(w.dir, "one"), []byte("first\n"), 0o600), os.Mkdir(filepath.Join(w.dir, "small"), 0o755)); err != nil {
		t.Fatal(err)
	}
	k.apply("")
	return k
}

func (k keyTest) strake(args ...string) (string, string, int) {
	cmd := k.w.command(append([]string{k.w.self}, args...)...)
	cmd.Env = append(os.Environ(), k.w.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		k.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// images makes two roots that are not the builtin one, of the same content.
func (k keyTest) images() {
	made, err := filepath.Glob(filepath.Join(k.w.dir, "state/images/sha256-*/rootfs"))
	if err != nil || len(made) != 1 {
		k.t.Fatalf("images: %v, %v", made, err)
	}
	dir := filepath.Join(k.w.dir, "IMAGE")
	for _, line := range [][]string{
		{"cp", "-a", made[0], dir}, {"touch", dir + "/mine"},
		{"tar", "-C", dir, "-cf", dir + ".tar", "."}, {"touch", dir + "/more"},
	} {
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			k.t.Fatalf("%s: %v: %s", line[0], err, out)
		}
	}
}

// class takes the keys of one class from nothing to one, two, and nothing.
func (k keyTest) class(class spec.Impact) {
	var one, two []string
	for _, c := range keyed {
		if c.class == class {
			one, two = append(one, c.one), append(two, c.two)
		}
	}
	if class == spec.None { // other checks of what runs have to hold, see health.txtar
		k.verb("stop")
		defer k.verb("start")
	}
	before := k.init()
	for _, lines := range [][]string{one, two, nil} {
		k.apply(strings.ReplaceAll(strings.Join(lines, "\n  "), "IMAGE", filepath.Join(k.w.dir, "IMAGE")))
	}
	if class <= spec.Live && k.init() != before {
		k.t.Errorf("changes of class %s restarted it", class)
	}
}

func (k keyTest) verb(verb string) {
	k.t.Helper()
	if out, errs, code := k.strake(verb, "c"); code != 0 {
		k.t.Fatalf("%s: exit %d\n%s%s", verb, code, out, errs)
	}
}

// init is its process number; "-1" of none.
func (k keyTest) init() string {
	out, err := k.w.command("lxc-info", "-P", filepath.Join(k.w.dir, "lxc"), "-n", "c", "-p", "-H").Output()
	if err != nil && len(k.seen) > 0 {
		k.t.Fatal(err)
	}
	return string(out)
}

// apply has the container made of these lines and counts what the plan says.
func (k keyTest) apply(lines string) {
	k.t.Helper()
	text := strings.ReplaceAll(ground, "SMALL", filepath.Join(k.w.dir, "small")) + "  " + lines + "\n}\n"
	if err := os.WriteFile(filepath.Join(k.w.dir, "keys.hcl"), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
	out, errs, code := k.strake("plan", "--json", "keys.hcl")
	var p plan.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
		k.t.Fatalf("plan: exit %d, %v\n%s%s\n%s", code, err, out, errs, text)
	}
	for _, c := range p.Containers {
		for _, change := range c.Changes {
			if c.Name == "c" && c.Last != nil {
				k.count(change.Path)
			}
		}
	}
	if out, errs, code := k.strake("apply", "-y", "--allow-recreate=c", "keys.hcl"); code != 0 {
		k.t.Fatalf("apply: exit %d\n%s%s\n%s", code, out, errs, text)
	}
	if out, errs, code := k.strake("plan", "--detailed-exitcode", "keys.hcl"); code != 0 {
		k.t.Errorf("the plan right after is not empty\n%s%s\n%s", out, errs, text)
	}
}

func (k keyTest) count(path string) {
	key := spec.Pattern(path)
	k.seen[key]++
	if i := strings.Index(key, `["*"].`); i > 0 {
		k.seen[key[:i]+`["*"]`]++
	}
}

// complete says which keys were not in at least two plans.
func (k keyTest) complete() {
	for _, key := range spec.Keys() {
		listed := slices.ContainsFunc(keyed, func(c keyCase) bool { return slices.Contains(c.keys, key.Path) })
		switch {
		case elsewhere[key.Path] != "":
		case !listed:
			k.t.Errorf("%s is in no case of this test", key.Path)
		case k.seen[key.Path] < 2:
			k.t.Errorf("%s was in %d plans, not in two", key.Path, k.seen[key.Path])
		}
	}
}
