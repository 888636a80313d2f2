package hosttest

import (
	"context"
	"errors"
	"sync"
	"time"

	"strake/reconcile/resource"
)

// Layers is a store of system layers that builds anything, but commands that
// say "false".
type Layers struct {
	mu     sync.Mutex
	stored map[string]resource.Layer

	Builds int // how many were built
}

// Has says whether it was built.
func (l *Layers) Has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.stored[key]
	return ok
}

// Ensure builds what is not there.
func (l *Layers) Ensure(_ context.Context, job resource.LayerJob) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := job.Recipe.Key()
	if _, ok := l.stored[key]; ok {
		return nil
	}
	for _, line := range job.Recipe.System.Run {
		if line == "false" {
			return errors.New("false: exit 1")
		}
	}
	if l.stored == nil {
		l.stored = map[string]resource.Layer{}
	}
	l.stored[key] = resource.Layer{Key: key, Recipe: job.Recipe}
	l.Builds++
	return nil
}

// Sweep has nothing to clear.
func (*Layers) Sweep(context.Context) error { return nil }

// List lists what was built.
func (l *Layers) List() ([]resource.Layer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []resource.Layer
	for _, s := range l.stored {
		list = append(list, s)
	}
	return list, nil
}

// Remove takes one away.
func (l *Layers) Remove(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.stored[key]; !ok {
		return resource.ErrNotFound
	}
	delete(l.stored, key)
	return nil
}

// Made is at no time.
func (l *Layers) Made() (map[string]time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := map[string]time.Time{}
	for key := range l.stored {
		made[key] = time.Time{}
	}
	return made, nil
}

// Verify finds all as it was.
func (*Layers) Verify(context.Context, string) error { return nil }

// Reject takes one away.
func (l *Layers) Reject(key string) error { return l.Remove(key) }

// Rejected are none.
func (*Layers) Rejected() (map[string]string, error) { return nil, nil }

// RemoveRejected finds none.
func (*Layers) RemoveRejected(string) error { return resource.ErrNotFound }
