package porter

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// watcher hears of the ends of processes: one thread for all of them. A pidfd
// can be read when its process has ended (pidfd_open(2)).
type watcher struct {
	epoll int
	mu    sync.Mutex
	gone  map[int32]func() // by pidfd
}

func newWatcher() (*watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &watcher{epoll: fd, gone: map[int32]func(){}}, err
}

// watch calls gone once when the process ends, unless end was called before.
func (w *watcher) watch(pid int, gone func()) (end func(), err error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone[int32(fd)] = gone
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		delete(w.gone, int32(fd))
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	var once sync.Once
	return func() { once.Do(func() { w.drop(int32(fd)) }) }, nil
}

func (w *watcher) drop(fd int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.gone[fd]; ok {
		delete(w.gone, fd)
		_ = unix.Close(int(fd)) // that also takes it out of the set
	}
}

func (w *watcher) run() {
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for _, e := range events[:max(n, 0)] {
			w.mu.Lock()
			gone := w.gone[e.Fd]
			w.mu.Unlock()
			if gone != nil {
				w.drop(e.Fd)
				gone()
			}
		}
	}
}
