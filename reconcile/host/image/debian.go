package image

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// epoch is when everything was made, for tools that write a date into files.
const epoch = "SOURCE_DATE_EPOCH=1700000000"

// findTool prefers mmdebstrap: faster, and with security updates.
func (s *Store) findTool() (string, error) {
	for _, name := range s.tools {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoTool
}

// makeDebian runs mmdebstrap or debootstrap in mount and process namespaces of
// their own: whatever they mount or start is gone with them, however they end.
func (s *Store) makeDebian(ctx context.Context, src source, tmp, root string, progress func(string)) (making, error) {
	tool, err := s.findTool()
	if err != nil {
		return making{}, err
	}
	wrap, err := exec.LookPath("unshare")
	if err != nil {
		return making{}, fmt.Errorf("%w: install util-linux", err)
	}
	mirrors, err := s.mirrorsFor(ctx, src, tmp)
	if err != nil {
		return making{}, err
	}
	args := []string{"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--", tool}
	args = append(args, toolArgs(tool, src, root, mirrors)...)
	if err := runTool(ctx, wrap, args, progress); err != nil {
		return making{}, fmt.Errorf("run %s: %w", tool, err)
	}
	if err := cleanDebian(root, src.offline()); err != nil {
		return making{}, fmt.Errorf("clean up: %w", err)
	}
	if initOf(root) == "" {
		return making{}, errors.New(`it has no /sbin/init and could not start: add "systemd-sysv" to include`)
	}
	from, err := fromDebian(src, root, mirrors)
	return making{from: from}, err
}

// offline: its packages are in a folder of this host.
func (s source) offline() bool { return filepath.IsAbs(s.mirror) }

// mirrorsFor are where the packages come from.
func (s *Store) mirrorsFor(ctx context.Context, src source, tmp string) ([]mirror, error) {
	switch {
	case src.mirror == "":
		return s.mirrors(src.name)
	case !src.offline():
		return []mirror{{uri: src.mirror, suite: src.name, components: []string{"main"}}}, nil
	}
	dir := filepath.Join(tmp, scratch)
	if err := archiveOf(ctx, src.mirror, src.name, dir); err != nil {
		return nil, err
	}
	return []mirror{{uri: dir, suite: src.name, components: []string{"main"}}}, nil
}

// fromDebian is what the tree was made of: from where, and a digest of the
// names and versions of all packages.
func fromDebian(src source, root string, mirrors []mirror) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		return nil, err
	}
	var list []string
	for stanza := range strings.SplitSeq(string(text), "\n\n") {
		if f := fields(stanza); f["package"] != "" {
			list = append(list, f["package"]+" "+f["version"]+" "+f["architecture"]+"\n")
		}
	}
	slices.Sort(list)
	sum := sha256.Sum256([]byte(strings.Join(list, "")))
	from := map[string]string{"packages": fmt.Sprintf("%d, sha256:%x", len(list), sum), "mirror": src.mirror}
	if src.mirror == "" {
		var uris []string
		for _, m := range mirrors {
			uris = append(uris, m.uri+" "+m.suite)
		}
		from["mirror"] = strings.Join(uris, ", ")
	}
	return from, nil
}

func toolArgs(tool string, src source, root string, mirrors []mirror) []string {
	args := []string{"--variant=minbase"}
	if len(src.include) > 0 {
		args = append(args, "--include="+strings.Join(src.include, ","))
	}
	if strings.HasSuffix(tool, "/mmdebstrap") {
		args = append(args, "--mode=root", "--format=directory", src.name, root)
		for _, m := range mirrors {
			args = append(args, m.line())
		}
		return args
	}
	if src.offline() {
		return append(args, "--no-check-gpg", src.name, root, "file://"+mirrors[0].uri)
	}
	args = append(args, src.name, root)
	if len(mirrors) > 0 {
		args = append(args, mirrors[0].uri)
	}
	return args
}

// runTool tells progress what the tool says, and puts its last words into the
// error. The thread is kept: the kernel ends the tool (Pdeathsig) with the
// thread that started it, not with the process.
func runTool(ctx context.Context, name string, args []string, progress func(string)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = toolEnvironment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	var last []string
	read := make(chan bool)
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			last = append(last[max(0, len(last)-9):], lines.Text())
			if said, ok := strings.CutPrefix(lines.Text(), "I: "); ok {
				progress(said)
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	err := cmd.Run()
	_ = in.Close()
	<-read
	if e := ctx.Err(); err != nil && e != nil {
		return e
	}
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, strings.Join(last, "\n"))
	}
	return nil
}

// toolEnvironment passes on proxies and nothing that could change the result.
func toolEnvironment() []string {
	env := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "TMPDIR=/tmp", epoch}
	proxies := []string{"http_proxy", "https_proxy", "no_proxy", "ftp_proxy"}
	for _, entry := range os.Environ() {
		key, _, _ := strings.Cut(entry, "=")
		if slices.Contains(proxies, strings.ToLower(key)) {
			env = append(env, entry)
		}
	}
	return env
}
