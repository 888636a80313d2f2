package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gnupg is the folder of the keys that count, and of no others.
func (r *Repository) gnupg() string { return filepath.Join(r.dir, "gnupg") }

// Verify wants good signatures: of every commit that newer has and older has not
// (of newer alone where older is ""), of newer, or of the tag that leads to it.
// Signers and keyring say whose are good.
func (r *Repository) Verify(ctx context.Context, older, newer string) error {
	if !r.from.Signed() {
		return nil
	}
	if err := r.keys(ctx); err != nil {
		return err
	}
	switch r.from.Verify.Mode {
	case "tag":
		return r.verifyTag(ctx, newer)
	case "head":
		older = ""
	}
	args := []string{"log", "--no-show-signature", "--format=%H %G?", "--end-of-options", newer}
	if older == "" {
		args = append(args[:2], append([]string{"-1"}, args[2:]...)...)
	} else {
		args = append(args, "^"+older)
	}
	out, err := r.git(ctx, limits{time: 10 * time.Minute, out: 64 << 20}, append(args, "--")...)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		commit, verdict, _ := strings.Cut(strings.TrimSpace(line), " ")
		if verdict != "G" { // U: by somebody unknown, which with SSH is anybody
			return fmt.Errorf("commit %s %w (%s)", commit[:min(12, len(commit))], ErrUnsigned, verdicts()[verdict])
		}
	}
	return nil
}

// verifyTag wants the tag that was fetched to be signed, and to lead there.
func (r *Repository) verifyTag(ctx context.Context, commit string) error {
	if at, err := r.resolve(ctx, tracked); err != nil || at != commit {
		return errors.Join(err, fmt.Errorf("commit %s %w (the tag %s does not lead to it)", commit[:min(12, len(commit))], ErrUnsigned, r.from.Tag))
	}
	if _, err := r.git(ctx, limits{time: time.Minute, out: 1 << 20}, "verify-tag", tracked); err != nil {
		return fmt.Errorf("tag %s %w: %w", r.from.Tag, ErrUnsigned, err)
	}
	// The signature is of the name in it: another tag's must not stand for this one.
	name, err := r.local(ctx, "for-each-ref", "--format=%(tag)", tracked)
	if err == nil && strings.TrimSpace(string(name)) != r.from.Tag {
		err = fmt.Errorf("tag %s %w (what is there was signed as %s)", r.from.Tag, ErrUnsigned, line(string(name), 60))
	}
	return err
}

// verdicts are the letters of git-log's %G?.
func verdicts() map[string]string {
	return map[string]string{
		"N": "no signature", "B": "bad signature", "U": "signed by somebody unknown", "X": "the signature has expired",
		"Y": "the key has expired", "R": "the key was revoked", "E": "the signature can't be checked: an unknown key",
	}
}

// keys makes the OpenPGP keyring anew from its file: a key that was taken out
// there counts no more.
func (r *Repository) keys(ctx context.Context) error {
	if err := os.RemoveAll(r.gnupg()); err != nil {
		return err
	}
	if err := os.MkdirAll(r.gnupg(), 0o700); err != nil {
		return err
	}
	// Every key in the file is one that may sign: nobody has to say so once more.
	if err := os.WriteFile(filepath.Join(r.gnupg(), "gpg.conf"), []byte("trust-model always\nno-auto-key-locate\nno-autostart\n"), 0o600); err != nil {
		return err
	}
	if r.from.Verify.Signers != "" {
		if _, err := os.Stat(r.from.Verify.Signers); err != nil {
			return fmt.Errorf("read allowed signers: %w", err)
		}
	}
	if r.from.Verify.Keyring == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gpg", "--homedir", r.gnupg(), "--batch", "--quiet", "--no-tty", "--import", "--", r.from.Verify.Keyring)
	cmd.Env = r.environment()
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("read keyring %s: %w: %s", r.from.Verify.Keyring, err, line(lastLines(said.String(), 2), 300))
	}
	return nil
}
