package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"strake/cmd/internal/config"
	"strake/reconcile"
	"strake/spec/lang"
	"strake/spec/source"
	"strake/spec/source/git"
)

// text is what a source has at the moment.
type text struct {
	path   string     // folder or file
	head   string     // newest commit
	commit string     // the one that is taken; "": it has none
	by     git.Author // who is named in histories
}

// stack is what the text's stack is called where it does not say so itself; "": as
// the folder is.
func (w *worker) stack() string {
	if g := w.s.Git; g != nil && g.Path == "" {
		return source.StackName(w.called()) // the folder is called by the commit
	}
	return ""
}

// fetch has a source's text where it can be read. With an error there may be a head,
// which was seen and can't be taken.
func (w *worker) fetch(ctx context.Context, o Order, was Standing) (text, error) {
	if w.repo == nil {
		if o.Commit != "" {
			return text{}, fmt.Errorf("%w: source %s is a folder and has no commits", config.ErrInvalid, w.s.Name)
		}
		return text{path: w.s.Folder, by: git.Author{Name: "agent"}}, nil
	}
	head, err := w.repo.Head(ctx)
	anew := w.s.Git.Verify.Mode == "tag" // another tag may lead to the same commit
	if err == nil && (anew || head != was.Head) || o.Commit != "" {
		head, err = w.repo.Fetch(ctx)
	}
	if err != nil {
		return text{}, unfit(err)
	}
	t := text{head: head, commit: head}
	if o.Commit != "" {
		if t.commit, err = w.repo.Commit(ctx, o.Commit); err != nil {
			return t, err
		}
	}
	if err := w.trusted(ctx, t.commit, was.Commit, o.Rewritten); err != nil {
		return t, err
	}
	if t.by, err = w.repo.Author(ctx, t.commit); err != nil {
		return t, err
	}
	if t.path, err = w.repo.Checkout(ctx, t.commit); err != nil {
		return t, unfit(err)
	}
	if _, err := os.Lstat(t.path); errors.Is(err, fs.ErrNotExist) { // people know the repository, and not where it is read
		return t, fmt.Errorf("%w: commit %s has no %s; what is here stays as it is", config.ErrInvalid, t.commit[:12], w.s.Git.Path)
	}
	return t, nil
}

// called is what people call the text of a repository.
func (w *worker) called() string {
	if g := w.s.Git; g.Path != "" {
		return filepath.Base(g.Path)
	}
	name := w.s.Git.URL
	return strings.TrimSuffix(name[strings.LastIndexAny(name, "/:")+1:], ".git")
}

// unfit adds that what is not taken is refused.
func unfit(err error) error {
	if errors.Is(err, git.ErrUnfit) {
		return fmt.Errorf("%w: %w", reconcile.ErrPolicy, err)
	}
	return err
}

// trusted refuses a commit that does not come after the one before, or is not
// signed as it has to be, nor any on the way to it.
func (w *worker) trusted(ctx context.Context, commit, before string, rewritten bool) error {
	if before != "" && !rewritten {
		ok, err := w.repo.Descends(ctx, before, commit)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: commit %s does not come after %s, which was applied; `strake sync %s --rewritten` takes a history that was written anew",
				reconcile.ErrPolicy, commit[:12], before[:min(12, len(before))], w.s.Name)
		}
	}
	if known, _ := w.repo.Descends(ctx, before, before); !known {
		before = "" // nothing to go on from, or a history that was written anew: its head stands for itself
	}
	err := w.repo.Verify(ctx, before, commit)
	if errors.Is(err, git.ErrUnsigned) {
		err = fmt.Errorf("%w: %w", reconcile.ErrPolicy, err)
	}
	return err
}

// variables are those of the environment and of the source's files.
func (w *worker) variables() (lang.Variables, error) {
	v := lang.Variables{Environment: w.a.opt.Env}
	for _, path := range w.s.VarFiles {
		f, err := source.ReadVars(path)
		if err != nil {
			return v, fmt.Errorf("%w configuration: %w", config.ErrInvalid, err)
		}
		v.Given = append(v.Given, lang.Given{File: &f})
	}
	return v, nil
}
