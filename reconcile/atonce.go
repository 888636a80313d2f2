package reconcile

import (
	"errors"
	"sync"
)

// workers is how many things are asked at a time: what they wait for is the
// kernel, and a little more than the usual number of cores is enough of it.
const workers = 4

// atOnce does f to all items, some at a time, and joins what went wrong.
func atOnce[T any](items []T, f func(T) error) error {
	var group sync.WaitGroup
	errs := make([]error, len(items))
	next := make(chan int)
	for range min(workers, len(items)) {
		group.Go(func() {
			for i := range next {
				errs[i] = f(items[i])
			}
		})
	}
	for i := range items {
		next <- i
	}
	close(next)
	group.Wait()
	return errors.Join(errs...)
}

// together runs all of them at the same time.
func together(all ...func() error) error {
	var group sync.WaitGroup
	errs := make([]error, len(all))
	for i, f := range all {
		group.Go(func() { errs[i] = f() })
	}
	group.Wait()
	return errors.Join(errs...)
}

func indexes[T any](list []T) []int {
	all := make([]int, len(list))
	for i := range all {
		all[i] = i
	}
	return all
}
