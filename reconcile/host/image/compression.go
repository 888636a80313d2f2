package image

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// decompress tells the compression by the first bytes, whatever the name.
func decompress(f io.Reader) (io.ReadCloser, error) {
	r := bufio.NewReaderSize(f, 1<<18)
	head, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		x, err := xz.NewReader(r)
		return io.NopCloser(x), err
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(256<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(r)), nil
	}
	return io.NopCloser(r), nil
}

// ahead reads from r while what was read before is still being worked on, until
// stop is called.
func ahead(r io.Reader) (a *reader, stop func()) {
	a = &reader{full: make(chan block, blocks), empty: make(chan []byte, blocks)}
	for range blocks {
		a.empty <- make([]byte, blockSize)
	}
	over, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		a.fill(r, over)
	}()
	return a, func() {
		close(over)
		<-ended
	}
}

const (
	blocks    = 4
	blockSize = 1 << 20
)

type block struct {
	data []byte
	err  error
}

type reader struct {
	full  chan block
	empty chan []byte
	now   block
	rest  []byte // of now
}

func (a *reader) fill(r io.Reader, over <-chan bool) {
	for {
		select {
		case buffer := <-a.empty:
			n, err := 0, error(nil)
			for n < len(buffer) && err == nil { // io.ReadFull has no word for an end that comes too soon
				var more int
				more, err = r.Read(buffer[n:])
				n += more
			}
			a.full <- block{buffer[:n], err} // there is room: as many blocks as buffers
			if err != nil {
				return
			}
		case <-over:
			return
		}
	}
}

func (a *reader) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if err := a.now.err; err != nil {
			return 0, err
		}
		if a.now.data != nil {
			a.empty <- a.now.data[:blockSize]
		}
		a.now = <-a.full
		a.rest = a.now.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}
