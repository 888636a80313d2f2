package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostFiles bounds the entries of one commit.
const mostFiles = 20000

// entry is one file of a commit.
type entry struct {
	mode, hash string
	size       int64
	name       string
}

// Checkout writes the files of a commit, those below the source's path alone
// and only to be read, and gives the folder or file that the source is. What is there
// already is taken as it is.
func (r *Repository) Checkout(ctx context.Context, commit string) (string, error) {
	if !hash().MatchString(commit) {
		return "", fmt.Errorf("commit %q %w", commit, ErrNoRef)
	}
	place := filepath.Join(r.dir, "checkouts", commit)
	at := filepath.Join(place, filepath.FromSlash(r.from.Path))
	if _, err := os.Stat(place); err == nil {
		return at, nil
	}
	list, err := r.list(ctx, commit)
	if err != nil {
		return "", fmt.Errorf("commit %s %w: %w", commit[:12], ErrUnfit, err)
	}
	aside := place + ".new"
	if err := errors.Join(os.RemoveAll(aside), os.MkdirAll(aside, 0o700)); err != nil {
		return "", err
	}
	if err := r.write(ctx, aside, list); err != nil {
		return "", errors.Join(fmt.Errorf("commit %s %w: %w", commit[:12], ErrUnfit, err), os.RemoveAll(aside))
	}
	return at, os.Rename(aside, place)
}

// list names what the commit has below the path. A path that it does not
// have is an empty list, and no text.
func (r *Repository) list(ctx context.Context, commit string) ([]entry, error) {
	args := []string{"ls-tree", "-r", "-z", "-l", "--full-tree", commit}
	if in := r.folder(); in != "" {
		args = append(args, "--", in)
	}
	out, err := r.git(ctx, limits{time: time.Minute, out: 32 << 20}, args...)
	if err != nil {
		return nil, err
	}
	var list []entry
	var sum int64
	for _, text := range bytes.Split(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		if len(text) == 0 {
			continue
		}
		e, err := parse(string(text))
		if err != nil {
			return nil, err
		}
		if e.mode == "160000" {
			continue // a submodule: not followed
		}
		if sum += e.size; sum > r.from.MaxSize {
			return nil, fmt.Errorf("it holds more than %d MiB", r.from.MaxSize>>20)
		}
		if list = append(list, e); len(list) > mostFiles {
			return nil, fmt.Errorf("it holds more than %d files", mostFiles)
		}
	}
	return list, nil
}

// folder is what to write for the source's path, "" for all: pins, includes
// and secrets lie beside a file.
func (r *Repository) folder() string {
	in := r.from.Path
	if strings.HasSuffix(in, ".hcl") || strings.HasSuffix(in, ".json") {
		in = path.Dir(in)
	}
	if in == "" || in == "." {
		return ""
	}
	return in + "/"
}

// parse reads one line of ls-tree: "MODE TYPE HASH SIZE\tNAME".
func parse(text string) (entry, error) {
	head, name, ok := strings.Cut(text, "\t")
	f := strings.Fields(head)
	if !ok || len(f) != 4 || !hash().MatchString(f[2]) {
		return entry{}, fmt.Errorf("unexpected entry %q", text)
	}
	e := entry{mode: f[0], hash: f[2], name: name}
	if f[1] == "blob" {
		var err error
		if e.size, err = strconv.ParseInt(f[3], 10, 64); err != nil {
			return e, fmt.Errorf("unexpected entry %q", text)
		}
	}
	if !slices.Contains([]string{"100644", "100755", "100664", "120000", "160000"}, e.mode) {
		return e, fmt.Errorf("%q is no file, symlink or folder", name)
	}
	return e, fit(name)
}

// fit refuses names that lead somewhere else, or mean something to git.
func fit(name string) error {
	if !filepath.IsLocal(name) || path.Clean(name) != name || len(name) > 1000 {
		return fmt.Errorf("the name %q leads elsewhere", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(part, ".git") || len(part) > 255 {
			return fmt.Errorf("the name %q is not allowed", name)
		}
	}
	return nil
}

// write brings the entries into a folder, and nothing anywhere else, whatever
// symlinks are among them.
func (r *Repository) write(ctx context.Context, folder string, list []entry) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := r.command(ctx, 0, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	b := bufio.NewReader(out)
	for _, e := range list {
		if err = one(root, in, b, e); err != nil {
			cancel()
			break
		}
	}
	in.Close()
	if waited := cmd.Wait(); err == nil {
		err = waited
	}
	return err
}

// one asks for an object and writes it.
func one(root *os.Root, in io.Writer, out *bufio.Reader, e entry) error {
	if _, err := io.WriteString(in, e.hash+"\n"); err != nil {
		return err
	}
	head, err := out.ReadString('\n')
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s blob %d\n", e.hash, e.size); head != want {
		return fmt.Errorf("%q can't be read", e.name)
	}
	content := io.LimitReader(out, e.size)
	if err := root.MkdirAll(filepath.Dir(e.name), 0o755); err != nil {
		return err
	}
	if e.mode == "120000" {
		err = link(root, content, e)
	} else {
		err = file(root, content, e)
	}
	if err != nil {
		return err
	}
	_, err = out.Discard(1) // the newline after it
	return err
}

// link writes a symlink as it is: who reads the text follows none that leads out.
func link(root *os.Root, content io.Reader, e entry) error {
	if e.size > 4095 { // PATH_MAX
		return fmt.Errorf("the symlink %q is too long", e.name)
	}
	to, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	return root.Symlink(string(to), e.name)
}

func file(root *os.Root, content io.Reader, e entry) error {
	mode := os.FileMode(0o444)
	if e.mode == "100755" {
		mode = 0o555
	}
	f, err := root.OpenFile(e.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, content, e.size)
	return errors.Join(err, f.Close())
}

// Keep removes the checkouts of all other commits.
func (r *Repository) Keep(commits ...string) error {
	entries, err := os.ReadDir(filepath.Join(r.dir, "checkouts"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if !slices.Contains(commits, e.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(r.dir, "checkouts", e.Name())))
		}
	}
	return errors.Join(errs...)
}
