package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/config"
	"strake/cmd/internal/view"
	"strake/generations"
	"strake/spec"
	"strake/spec/format"
	"strake/spec/source"
)

func (r *run) fmtCommand() *cli.Command {
	return &cli.Command{
		Name: "fmt", Category: "configuration",
		Usage: "bring configuration files into their canonical layout", ArgsUsage: "[PATH|-]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "change nothing; exit 2 when a file would change"},
			&cli.BoolFlag{Name: "diff", Usage: "change nothing; print what would"},
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"r"}, Usage: "also in folders below"},
		},
		Action: r.fmt,
	}
}

func (r *run) fmt(c *cli.Context) error {
	args, err := arguments(c, "[PATH|-]")
	if err != nil {
		return err
	}
	path := optional(args, 0)
	if path == "-" {
		return r.fmtInput(c)
	}
	if path == "" {
		path = "."
	}
	files, err := layoutFiles(path, c.Bool("recursive"))
	if err != nil {
		return err
	}
	var errs []error
	var wrong spec.Diagnostics
	changed := false
	for _, name := range files {
		did, err := r.fmtFile(c, name)
		changed = changed || did
		if ds := (spec.Diagnostics{}); errors.As(err, &ds) {
			wrong, err = append(wrong, ds...), nil
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if wrong != nil {
		return wrong
	}
	if changed && c.Bool("check") {
		return exitCode(differentCode)
	}
	return nil
}

func (r *run) fmtInput(c *cli.Context) error {
	text, err := io.ReadAll(io.LimitReader(r.Stdin, source.MaxFile+1))
	if err != nil {
		return fmt.Errorf("read the standard input: %w", err)
	}
	laid, err := layout("<stdin>", text)
	if err != nil {
		return err
	}
	switch differs := !bytes.Equal(text, laid); {
	case c.Bool("diff"):
		err = view.TextDiff(r.Stdout, "<stdin>", text, laid)
		if err == nil && differs && c.Bool("check") {
			err = exitCode(differentCode)
		}
		return err
	case c.Bool("check") && differs:
		return exitCode(differentCode)
	case c.Bool("check"):
		return nil
	}
	_, err = r.Stdout.Write(laid)
	return err
}

func layout(name string, text []byte) ([]byte, error) {
	if len(text) > source.MaxFile {
		return nil, unfit(fmt.Errorf("%s %w", name, source.ErrTooLarge))
	}
	return format.Format(name, text)
}

// unfit is what is wrong with a file as a whole.
func unfit(err error) spec.Diagnostics {
	return spec.Diagnostics{{Severity: spec.Error, Summary: err.Error()}}
}

// layoutFiles lists the *.hcl files at path.
func layoutFiles(path string, deep bool) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInvalid, config.Unread(path, err))
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(e.Name(), ".") && p != path
		switch {
		case err != nil:
			return err
		case e.IsDir() && p != path && (hidden || !deep):
			return fs.SkipDir
		case e.Type().IsRegular() && !hidden && (strings.HasSuffix(p, ".hcl") || strings.HasSuffix(p, ".hclvars")):
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	return files, nil
}

// fmtFile lays out one file and says whether it changed, or would.
func (r *run) fmtFile(c *cli.Context, name string) (bool, error) {
	name, err := filepath.EvalSymlinks(name) // the file is replaced, not the link
	if err != nil {
		return false, err
	}
	read, err := source.ReadVars(name) // any one text file
	if err != nil {
		return false, unfit(err)
	}
	laid, err := layout(name, read.Bytes)
	if err != nil || bytes.Equal(read.Bytes, laid) {
		return false, err
	}
	if c.Bool("diff") {
		if err := view.TextDiff(r.Stdout, name, read.Bytes, laid); err != nil {
			return true, err
		}
	} else {
		fmt.Fprintln(r.Stdout, name)
	}
	if c.Bool("check") || c.Bool("diff") {
		return true, nil
	}
	return true, replace(name, laid)
}

// replace writes a file anew and leaves it to its owner.
func replace(name string, text []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if err := generations.WriteFile(name, text, info.Mode().Perm()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return os.Lchown(name, int(st.Uid), int(st.Gid))
	}
	return nil
}
