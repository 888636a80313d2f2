package porter

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"strake/reconcile/host/egress"
)

// Attempts calls f with every attempt of a container that is on record, the
// oldest first, and with follow with those that come, until ctx ends or f fails.
func (p *Porter) Attempts(ctx context.Context, container string, follow bool, f func(egress.Attempt) error) error {
	path := filepath.Join(p.file("log"), container)
	if err := eachLine(path+earlier, f); err != nil {
		return err
	}
	if !follow {
		return eachLine(path, f)
	}
	return tail(ctx, path, f)
}

func eachLine(path string, f func(egress.Attempt) error) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = lines(file, f)
	return err
}

// lines calls f with what whole lines say, and tells how many bytes they were.
// One that is damaged, as after a power cut, is passed over.
func lines(r io.Reader, f func(egress.Attempt) error) (n int64, err error) {
	for buffered := bufio.NewReader(r); ; {
		line, err := buffered.ReadBytes('\n')
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += int64(len(line))
		var a egress.Attempt
		if json.Unmarshal(line, &a) != nil {
			continue
		}
		if err := f(a); err != nil {
			return n, err
		}
	}
}

// beat is how often a file is looked at that somebody follows.
const beat = 200 * time.Millisecond

// tail goes on with the next file when this one has become the earlier one.
func tail(ctx context.Context, path string, f func(egress.Attempt) error) error {
	for {
		file, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			if !pause(ctx) {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		again, err := tailFile(ctx, file, path, f)
		file.Close()
		if !again || err != nil {
			return err
		}
	}
}

func tailFile(ctx context.Context, file *os.File, path string, f func(egress.Attempt) error) (again bool, err error) {
	for at := int64(0); ; {
		moved := elsewhere(file, path) // before reading: what was written until then is read
		n, err := lines(io.NewSectionReader(file, at, 1<<62-at), f)
		if at += n; err != nil || moved {
			return moved, err
		}
		if !pause(ctx) {
			return false, nil
		}
	}
}

func elsewhere(file *os.File, path string) bool {
	a, err := file.Stat()
	b, err2 := os.Stat(path)
	return err == nil && (err2 != nil || !os.SameFile(a, b))
}

func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(beat):
		return true
	}
}
