package rootfs

import (
	"fmt"
	"os"
	"sync"

	"strake/reconcile/resource"
)

// builder is the id on disk that stands for the host's root while an overlay
// is at work: the kernel makes files in an overlay's work folder as the one
// who mounted it, and refuses (EOVERFLOW, read-only overlay) where that one
// has no id on the layer. It lies above every range and is not tied to the
// size of one, so a layer also fits a larger or smaller range. Images never
// hold it: package image refuses ids above 2^31.
const builder = 0xffffff00

// spaces hands out one user namespace for each id range: id-mapped mounts take
// their mapping from a descriptor of one.
type spaces struct {
	mu   sync.Mutex
	made map[resource.IDMap]*space
}

type space struct {
	once sync.Once
	file *os.File
	err  error
}

func (s *spaces) of(m resource.IDMap) (*os.File, error) {
	s.mu.Lock()
	one, ok := s.made[m]
	if !ok {
		one = &space{}
		s.made[m] = one
	}
	s.mu.Unlock()
	one.once.Do(func() { one.file, one.err = newSpace(m) })
	if one.err != nil {
		s.mu.Lock()
		if s.made[m] == one {
			delete(s.made, m) // the next one may have more luck
		}
		s.mu.Unlock()
		return nil, fmt.Errorf("make user namespace for %d+%d: %w", m.Base, m.Size, one.err)
	}
	return one.file, nil
}
