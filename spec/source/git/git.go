// Package git fetches the text of a configuration from a repository, by the
// program git. Whoever can write to the repository is not trusted further
// than that: git gets an environment and a configuration of its own, no hooks, no helper
// programs but those named here, one protocol, no submodules, bounds of time
// and size; and files are written out of the repository's objects by this package,
// never by git's checkout, so that no attribute, filter or odd name has a say.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"strake/spec"
)

// Errors that callers tell apart.
var (
	// ErrUnreachable: the repository can't be read at the moment.
	ErrUnreachable = errors.New("can't be reached")
	// ErrNoRef: it can be read, and has no such branch, tag or commit.
	ErrNoRef = errors.New("is not there")
	// ErrUnsigned: a commit has no good signature of somebody who may.
	ErrUnsigned = errors.New("is not signed by anyone allowed")
	// ErrUnfit: what the commit holds is not taken.
	ErrUnfit = errors.New("is not taken")
)

// Repository is a local copy of one branch or tag.
type Repository struct {
	dir    string // everything is below it
	from   spec.Git
	secret func(file string) ([]byte, error)
}

// Open takes dir, absolute, for the copy. Nothing is read or written yet. Credentials
// are read by secret, which says what is wrong with whom the file belongs to.
func Open(dir string, from spec.Git, secret func(file string) ([]byte, error)) *Repository {
	return &Repository{dir, from, secret}
}

func (r *Repository) bare() string { return filepath.Join(r.dir, "repository.git") }

// hash is the form of a whole commit's name; SHA-256 repositories have longer ones.
var hash = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })

// short is what people may say of one.
var short = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{7,64}$`) })

// Head asks the repository which commit its branch or tag is at.
func (r *Repository) Head(ctx context.Context) (string, error) {
	if err := r.prepare(ctx); err != nil {
		return "", err
	}
	ref := r.from.Ref()
	out, err := r.remote(ctx, limits{time: r.from.Timeout, out: 1 << 20}, "ls-remote", "--", r.from.URL, ref, ref+"^{}")
	if err != nil {
		return "", err
	}
	found := ""
	for line := range strings.Lines(string(out)) {
		commit, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if hash().MatchString(commit) && (name == ref || name == ref+"^{}") {
			found = commit // that of an annotated tag's commit comes last
		}
	}
	if found == "" {
		return "", fmt.Errorf("%s of repository %s %w", ref, r.from.URL, ErrNoRef)
	}
	return found, nil
}

// tracked is where the remote's branch or tag is kept.
const tracked = "refs/strake/head"

// Fetch brings the copy up to date and gives the commit that the branch or tag is at.
func (r *Repository) Fetch(ctx context.Context) (string, error) {
	if err := r.prepare(ctx); err != nil {
		return "", err
	}
	r.sweep()
	_, err := r.remote(ctx, limits{time: r.from.Timeout, file: r.from.MaxSize, out: 1 << 20},
		"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance", "--no-write-fetch-head",
		"--", r.from.URL, "+"+r.from.Ref()+":"+tracked)
	if err != nil {
		r.sweep()
		return "", err
	}
	return r.resolve(ctx, tracked)
}

// failure tells what came and is not fit from what did not come: git has one exit
// code for both, and words. Signal 25 is SIGXFSZ, prlimit's bound.
func failure(err error) error {
	for _, words := range []string{"fsck error", "signal 25", "File too large"} {
		if strings.Contains(err.Error(), words) {
			return ErrUnfit
		}
	}
	return ErrUnreachable
}

// sweep removes what a fetch that was cut short has left.
func (r *Repository) sweep() {
	for _, pattern := range []string{"tmp_*", "*.lock"} {
		left, _ := filepath.Glob(filepath.Join(r.bare(), "objects", "pack", pattern)) // the pattern is sound
		for _, path := range left {
			_ = os.Remove(path) // a fetch that needs the room says so
		}
	}
	_ = os.Remove(filepath.Join(r.bare(), "shallow.lock"))
	_ = os.Remove(filepath.Join(r.bare(), tracked+".lock"))
}

// Commit is the whole name of a commit, of which at least seven letters are
// given. It has to be in what the branch or tag leads to.
func (r *Repository) Commit(ctx context.Context, said string) (string, error) {
	if !short().MatchString(said) {
		return "", fmt.Errorf("commit %q: %w", said, ErrNoRef)
	}
	commit, err := r.resolve(ctx, said)
	if err != nil {
		return "", err
	}
	if ok, err := r.Descends(ctx, commit, tracked); err != nil || !ok {
		return "", errors.Join(err, fmt.Errorf("commit %s %w in %s of %s", said, ErrNoRef, r.from.Ref(), r.from.URL))
	}
	return commit, nil
}

func (r *Repository) resolve(ctx context.Context, name string) (string, error) {
	out, err := r.local(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if commit := strings.TrimSpace(string(out)); err == nil && hash().MatchString(commit) {
		return commit, nil
	}
	return "", fmt.Errorf("commit %s %w", name, ErrNoRef)
}

// Descends says whether one commit is another or comes after it. A commit that
// the copy does not have is before nothing.
func (r *Repository) Descends(ctx context.Context, older, newer string) (bool, error) {
	if _, err := r.resolve(ctx, older); err != nil {
		return false, nil
	}
	_, err := r.local(ctx, "merge-base", "--is-ancestor", "--end-of-options", older, newer)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

// Author is who made a commit, and what they say of it: one line each.
type Author struct{ Name, Subject string }

// Author reads that of a commit.
func (r *Repository) Author(ctx context.Context, commit string) (Author, error) {
	out, err := r.local(ctx, "log", "-1", "--no-show-signature", "--format=%an%n%s", "--end-of-options", commit, "--")
	if err != nil {
		return Author{}, err
	}
	name, subject, _ := strings.Cut(string(out), "\n")
	return Author{line(name, 60), line(subject, 200)}, nil
}

// line is text of a stranger, fit for histories and terminals.
func line(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		if c == '\uFFFD' || !strconv.IsPrint(c) {
			return -1
		}
		return c
	}, strings.TrimSpace(strings.ToValidUTF8(text, "")))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return text
}

// limits bound one run of git.
type limits struct {
	time  time.Duration
	file  int64      // bytes of any file that it writes
	out   int64      // bytes that it may say
	given []*os.File // what it has open, from descriptor 3 on
}

// local runs what needs nobody else.
func (r *Repository) local(ctx context.Context, args ...string) ([]byte, error) {
	return r.git(ctx, limits{time: time.Minute, out: 64 << 20}, args...)
}

// credentials are what git shows to the repository, in memory: its own helper would
// remove them from their file when a server refuses them, and that may be the server's
// mistake of a moment. The caller closes them.
func (r *Repository) credentials() ([]*os.File, error) {
	if r.from.Credentials == "" {
		return nil, nil
	}
	text, err := r.secret(r.from.Credentials)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("credentials", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("keep credentials in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "credentials")
	if _, err := f.Write(text); err != nil {
		return nil, errors.Join(fmt.Errorf("keep credentials in memory: %w", err), f.Close())
	}
	return []*os.File{f}, nil
}

// remote runs what talks to the repository.
func (r *Repository) remote(ctx context.Context, l limits, args ...string) ([]byte, error) {
	given, err := r.credentials()
	if err != nil {
		return nil, err
	}
	l.given = given
	out, err := r.git(ctx, l, args...)
	for _, f := range given {
		f.Close()
	}
	if err != nil {
		err = fmt.Errorf("repository %s %w: %w", r.from.URL, failure(err), err)
	}
	return out, err
}

// git runs the program on the copy. Its error says what git said.
func (r *Repository) git(ctx context.Context, l limits, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, l.time)
	defer cancel()
	cmd := r.command(ctx, l.file, args...)
	cmd.ExtraFiles = l.given
	out, said := &bounded{most: l.out}, &bounded{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	switch {
	case err == nil && out.over:
		err = fmt.Errorf("says more than %d bytes", l.out)
	case err != nil && ctx.Err() == context.DeadlineExceeded:
		err = fmt.Errorf("not done in %v", l.time)
	case err != nil && said.Len() > 0:
		err = fmt.Errorf("%w: %s", err, line(lastLines(said.String(), 3), 400))
	}
	if err != nil {
		err = fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), err
}

// lastLines are the last of what git said, without its advice.
func lastLines(text string, n int) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(l string) bool {
		return l == "" || strings.HasPrefix(l, "Please make sure you have") || l == "and the repository exists."
	})
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	most int64
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - int64(b.Len())
	if int64(len(p)) > room {
		b.over = true
		b.Buffer.Write(p[:max(0, room)])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

var _ io.Writer = (*bounded)(nil)

// command is git with everything said that it would else look for somewhere.
// The bound of files is prlimit's: git knows none for what it fetches.
func (r *Repository) command(ctx context.Context, most int64, args ...string) *exec.Cmd {
	line := []string{"git", "--git-dir=" + r.bare(), "--no-replace-objects", "--literal-pathspecs", "--no-optional-locks"}
	if most > 0 {
		line = append([]string{"prlimit", "--fsize=" + strconv.FormatInt(most, 10), "--core=0", "--"}, line...)
	}
	line = append(line, args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = r.dir
	cmd.Env = r.environment()
	// What git starts ends with it: its own group, killed whole.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

func (r *Repository) environment() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + r.dir, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + r.settings(), "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false", "GIT_NO_LAZY_FETCH=1",
		"GIT_PROTOCOL_FROM_USER=0", "GIT_ALLOW_PROTOCOL=" + r.scheme(),
		"GNUPGHOME=" + r.gnupg(),
	}
	if r.scheme() == "ssh" {
		// git hands this to sh; the words in it are fixed, the paths come by the environment.
		env = append(env, "STRAKE_SSH_CONFIG="+filepath.Join(r.dir, "ssh_config"), `GIT_SSH_COMMAND=exec ssh -F "$STRAKE_SSH_CONFIG"`, "GIT_SSH_VARIANT=ssh")
	}
	return env
}

// scheme is the only protocol that is spoken.
func (r *Repository) scheme() string {
	scheme, _, ok := strings.Cut(r.from.URL, "://")
	if !ok {
		return "ssh" // USER@HOST:PATH
	}
	return scheme
}

func (r *Repository) settings() string { return filepath.Join(r.dir, "gitconfig") }

// prepare makes the copy where it is missing, and writes what git is told.
func (r *Repository) prepare(ctx context.Context) error {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", r.dir, err)
	}
	if err := r.configure(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(r.bare(), "HEAD")); err == nil {
		return nil
	}
	if err := os.RemoveAll(r.bare()); err != nil {
		return fmt.Errorf("clear %s: %w", r.bare(), err)
	}
	// An empty template: no hooks, no attributes.
	_, err := r.local(ctx, "init", "--quiet", "--bare", "--template=", "--initial-branch=none", r.bare())
	return err
}

func (r *Repository) configure() error {
	g := r.from
	var b strings.Builder
	section := func(name string, pairs ...string) {
		b.WriteString("[" + name + "]\n")
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				fmt.Fprintf(&b, "\t%s = \"%s\"\n", pairs[i], pairs[i+1])
			}
		}
	}
	section("core", "hooksPath", "/dev/null", "fsmonitor", "false", "askPass", "/bin/false", "attributesFile", "/dev/null", "pager", "cat")
	section("protocol", "allow", "never")
	section("protocol \""+r.scheme()+"\"", "allow", "always")
	section("transfer", "fsckObjects", "true", "bundleURI", "false", "credentialsInUrl", "die")
	// What old versions of git wrote does no harm; the rest of what fsck finds is refused.
	section("fetch \"fsck\"", "zeroPaddedFilemode", "warn", "badTimezone", "warn", "missingSpaceBeforeDate", "warn")
	section("gc", "auto", "0")
	section("maintenance", "auto", "false")
	section("submodule", "recurse", "false")
	section("gpg", "program", "gpg", "minTrustLevel", "fully") // verify-tag takes anybody otherwise
	section("gpg \"ssh\"", "allowedSignersFile", g.Verify.Signers, "program", "ssh-keygen")
	if g.CA != "" {
		section("http", "sslCAInfo", g.CA)
	}
	section("http", "lowSpeedLimit", "1000", "lowSpeedTime", "30")
	if g.Credentials != "" {
		section("credential", "helper", "store --file=/proc/self/fd/3") // see credentials; nothing can be written beside it
	}
	if path, local := strings.CutPrefix(g.URL, "file://"); local {
		// Which repository root reads was said by root, whoever else it belongs to.
		section("safe", "directory", path)
	}
	if err := replace(r.settings(), b.String()); err != nil {
		return err
	}
	if r.scheme() != "ssh" {
		return nil
	}
	ssh := "BatchMode yes\nStrictHostKeyChecking yes\nUpdateHostKeys no\nPasswordAuthentication no\nForwardAgent no\nPermitLocalCommand no\nConnectTimeout 20\nServerAliveInterval 15\nUserKnownHostsFile " + known(g) + "\nGlobalKnownHostsFile none\nIdentityAgent none\n"
	if g.Key != "" {
		ssh += "IdentitiesOnly yes\nIdentityFile " + g.Key + "\n"
	}
	return replace(filepath.Join(r.dir, "ssh_config"), ssh)
}

func known(g spec.Git) string {
	if g.KnownHosts != "" {
		return g.KnownHosts
	}
	return "/etc/ssh/ssh_known_hosts"
}

// replace writes a file that says something else by now.
func replace(path, text string) error {
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
