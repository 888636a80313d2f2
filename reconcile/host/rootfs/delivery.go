package rootfs

import (
	"maps"
	"slices"
	"strings"
)

// delivery is one file inside a container through which variables reach
// someone.
type delivery struct {
	path   string // within the root, no leading slash
	shared bool   // people write in it too: only a marked block is ours

	// render makes the file's text from its old one; keep is false when there
	// should be no file.
	render func(old string, env map[string]string) (text string, keep bool)

	// parse reads the variables back; nil where the file tells only some.
	parse func(text string) map[string]string
}

// deliveries lists what this container needs: no systemd files where there is
// no systemd.
func (in *inside) deliveries() []delivery {
	list := []delivery{
		{path: "etc/environment", shared: true, render: renderPAM, parse: parsePAM},
		{path: "etc/profile.d/strake.sh", render: renderProfile, parse: parseProfile},
	}
	if in.exists("lib/systemd/systemd") || in.exists("usr/lib/systemd/systemd") {
		list = append(list,
			delivery{path: "etc/systemd/system.conf.d/90-strake.conf", render: renderSystemd, parse: parseSystemd},
			delivery{path: "etc/systemd/user.conf.d/90-strake.conf", render: renderSystemd, parse: parseSystemd})
	}
	if in.exists("etc/apt") {
		list = append(list, delivery{path: "etc/apt/apt.conf.d/90strake", render: renderApt})
	}
	return list
}

const (
	blockBegin = "# strake: begin"
	blockEnd   = "# strake: end"
)

// renderPAM replaces the marked block and leaves every other line alone.
// pam_env(8) takes what is between the first and the last quote as it is;
// nothing is escaped. (Before 1.6 it also ends a line at any "#": such a
// value arrives cut short at logins of Debian 12.)
func renderPAM(old string, env map[string]string) (string, bool) {
	before, after := aroundBlock(old)
	if len(env) == 0 {
		return before + after, true
	}
	var b strings.Builder
	b.WriteString(before)
	if before != "" && !strings.HasSuffix(before, "\n") {
		b.WriteByte('\n')
	}
	b.WriteString(blockBegin + "\n")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		b.WriteString(name + `="` + env[name] + "\"\n")
	}
	b.WriteString(blockEnd + "\n" + after)
	return b.String(), true
}

// aroundBlock is the text before and after the first block, without any
// further ones, and of one that has no end only without its first line: what
// follows may be somebody's.
func aroundBlock(text string) (before, after string) {
	var kept [2]strings.Builder
	at := 0
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		if strings.TrimSpace(line) != blockBegin {
			kept[at].WriteString(text[:len(text)-len(rest)])
			text = rest
			continue
		}
		text = rest
		if _, beyond, ok := block(rest); ok {
			text, at = beyond, 1
		}
	}
	return kept[0].String(), kept[1].String()
}

// block cuts text at the end of a block that has begun.
func block(text string) (lines []string, after string, ok bool) {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		switch strings.TrimSpace(line) {
		case blockEnd:
			return lines, rest, true
		case blockBegin:
			return nil, "", false
		}
		lines, text = append(lines, line), rest
	}
	return nil, "", false
}

func parsePAM(text string) map[string]string {
	env := map[string]string{}
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if strings.TrimSpace(line) != blockBegin {
			continue
		}
		lines, after, ok := block(rest)
		if !ok {
			continue
		}
		for _, l := range lines {
			name, value, _ := strings.Cut(l, "=")
			value = strings.TrimPrefix(value, `"`)
			env[name] = strings.TrimSuffix(value, `"`)
		}
		text = after
	}
	return env
}

const banner = "# Written by strake; changes here are drift.\n"

func renderProfile(_ string, env map[string]string) (string, bool) {
	var b strings.Builder
	b.WriteString(banner)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		b.WriteString("export " + name + "='" + strings.ReplaceAll(env[name], "'", `'\''`) + "'\n")
	}
	return b.String(), len(env) > 0
}

func parseProfile(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "export ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
		env[name] = strings.ReplaceAll(value, `'\''`, "'")
	}
	return env
}

// systemd: words are unquoted with C escapes first, then % is a specifier.
var (
	toSystemd   = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`)
	fromSystemd = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `%%`, `%`)
)

// renderSystemd writes one assignment a line: they add up. systemd drops a
// value that has control characters other than tab, so those stay out.
func renderSystemd(_ string, env map[string]string) (string, bool) {
	var b strings.Builder
	b.WriteString(banner + "[Manager]\n")
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.ContainsFunc(env[name], func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			continue
		}
		b.WriteString(`DefaultEnvironment="` + name + "=" + toSystemd.Replace(env[name]) + "\"\n")
	}
	return b.String(), len(env) > 0
}

func parseSystemd(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), `DefaultEnvironment="`)
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, `"`), "=")
		env[name] = fromSystemd.Replace(value)
	}
	return env
}

// renderApt: apt heeds the variables only where it is given them, which a
// timer or sudo does not do. Its quotes know no escapes.
func renderApt(_ string, env map[string]string) (string, bool) {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(banner, "#", "//"))
	any := false
	for _, scheme := range []string{"http", "https"} {
		name := scheme + "_proxy"
		proxy := env[name]
		if proxy == "" {
			proxy = env[strings.ToUpper(name)]
		}
		if proxy == "" {
			continue
		}
		any = true
		proxy = strings.NewReplacer(`"`, "%22", `\`, "%5C", " ", "%20").Replace(proxy)
		b.WriteString("Acquire::" + scheme + `::Proxy "` + proxy + "\";\n")
	}
	return b.String(), any
}
