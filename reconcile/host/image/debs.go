package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// release says what a folder of packages is an archive of. Its date is the
// one that everything has which is made: see epoch.
const release = `Suite: %[1]s
Codename: %[1]s
Date: Tue, 14 Nov 2023 22:13:20 UTC
Architectures: %[2]s
Components: main
SHA256:
 %[3]s %[4]d main/binary-%[2]s/Packages
`

// archiveOf makes an archive of a suite, as Debian's mirrors are laid out, of
// the .deb files that are anywhere in a folder. apt and debootstrap take
// nothing less.
func archiveOf(ctx context.Context, folder, suite, dir string) error {
	arch, err := debianArch(ctx)
	if err != nil {
		return err
	}
	lists, pool := filepath.Join(dir, "dists", suite, "main", "binary-"+arch), filepath.Join(dir, "pool")
	if err := errors.Join(os.MkdirAll(lists, 0o755), os.MkdirAll(pool, 0o755)); err != nil {
		return err
	}
	debs, err := debsBelow(folder)
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, deb := range debs {
		if err := entryOf(ctx, &list, deb, pool); err != nil {
			return fmt.Errorf("package %s: %w", deb, err)
		}
	}
	sum := sha256.Sum256(list.Bytes())
	head := fmt.Sprintf(release, suite, arch, hex.EncodeToString(sum[:]), list.Len())
	return errors.Join(
		os.WriteFile(filepath.Join(lists, "Packages"), list.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, "dists", suite, "Release"), []byte(head), 0o644))
}

// debianArch is what dpkg calls this machine's architecture.
func debianArch(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "dpkg", "--print-architecture").Output()
	if err != nil {
		return "", fmt.Errorf("ask dpkg for the architecture: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func debsBelow(folder string) ([]string, error) {
	var list []string
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ".deb") {
			list = append(list, path)
		}
		return err
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: no .deb file in it", folder)
	}
	slices.Sort(list)
	return list, err
}

// entryOf writes what an archive says of a package: its own words, and where
// it is. In the archive it is named by its digest: apt unquotes names.
func entryOf(ctx context.Context, list *bytes.Buffer, deb, pool string) error {
	said, err := exec.CommandContext(ctx, "dpkg-deb", "--field", deb).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("dpkg-deb: %w: %s", err, strings.TrimSpace(string(failed.Stderr)))
		}
		return err
	}
	sum, err := hashFile(deb)
	if err != nil {
		return err
	}
	at, err := os.Stat(deb)
	if err != nil {
		return err
	}
	name := sum + ".deb"
	if err := os.Symlink(deb, filepath.Join(pool, name)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fmt.Fprintf(list, "%s\nFilename: pool/%s\nSize: %d\nSHA256: %s\n\n", strings.TrimRight(string(said), "\n"), name, at.Size(), sum)
	return nil
}
