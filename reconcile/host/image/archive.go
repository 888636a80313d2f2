package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// makeTar unpacks an archive of this host or of another one.
func (s *Store) makeTar(ctx context.Context, src source, tmp, root string, progress func(string)) (m making, err error) {
	file := src.name
	m.from = map[string]string{}
	if isURL(src.name) {
		progress("fetching " + src.name)
		file = filepath.Join(tmp, scratch)
		if err := s.download(ctx, open, src.name, src.sha256, file); err != nil {
			return m, err
		}
		m.from["url"] = src.name
	}
	progress("unpacking " + src.name)
	m.sums, m.from["sha256"], err = s.unpackSummed(ctx, file, src.sha256, root)
	return m, err
}

// unpackSummed unpacks a file and takes the digest of just what it read.
func (s *Store) unpackSummed(ctx context.Context, name, want, root string) (sums, string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	at, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	metered, end := s.metered("unpacking", at.Size(), f)
	defer end()
	sum := sha256.New()
	read := io.TeeReader(metered, sum)
	made, err := unpackStream(ctx, read, root, "")
	if err == nil {
		err = exhaust(read) // an archive may end before its file does
	}
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", name, err)
	}
	if want != "" {
		err = same(sum.Sum(nil), "sha256:"+want)
	}
	return made, hex.EncodeToString(sum.Sum(nil)), err
}
