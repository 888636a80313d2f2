package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// again takes the digest of a tree as the disk has it now, layer as of a layer.
func again(ctx context.Context, root string, layer bool) (string, error) {
	buffer, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return "", os.NewSyscallError("mmap", err)
	}
	defer func() { _ = unix.Munmap(buffer) }()
	digest, _, err := (&lister{root: root, layer: layer, read: disk{buffer}.hash}).all(ctx)
	return digest, err
}

// disk reads files past the page cache: what is there is what was written, and
// may be another thing than what can be read again; and what is in use of it
// stays there. The buffer begins where any disk can write to (open(2), O_DIRECT).
type disk struct{ buffer []byte }

// hash is the digest of a file. A file system that can't read it so reads it as it can.
func (d disk) hash(ctx context.Context, path string) (string, error) {
	sum, err := d.direct(ctx, path)
	if errors.Is(err, unix.EINVAL) {
		return hashFile(path)
	}
	return sum, err
}

func (d disk) direct(ctx context.Context, path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	at, err := f.Stat()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for left := at.Size(); left > 0; { // to ask behind its end would be asked for what is no whole block
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.Read(d.buffer)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if n == 0 {
			break
		}
		sum.Write(d.buffer[:n])
		left -= int64(n)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// damage says of what could not be read whether it is damaged: there are parts
// missing, or the disk, or the file system's own sums, do not give them back.
func damage(err error) error {
	for _, sign := range []error{os.ErrNotExist, errKind, unix.EIO, unix.EUCLEAN, unix.EBADMSG} {
		if errors.Is(err, sign) {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return err
}
