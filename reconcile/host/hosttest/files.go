package hosttest

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"

	"strake/reconcile/resource"
)

// Files shows what lies at the paths of known.
func (h *Host) Files(_ int, container string, _ resource.IDMap, known []resource.File) ([]resource.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.mounted[container]; !ok {
		return nil, resource.ErrNotMounted
	}
	var list []resource.File
	for _, k := range known {
		f, ok := h.inside[container][k.Path]
		if ok && !slices.ContainsFunc(list, func(l resource.File) bool { return l.Path == f.Path }) {
			f.OnChange = ""
			list = append(list, f)
		}
	}
	return list, nil
}

// SetFiles writes files and removes others: its images have none.
func (h *Host) SetFiles(_ context.Context, set resource.FileSet) (changed []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := set.Root.Container
	if len(set.Files)+len(set.Gone) == 0 {
		return nil, nil
	}
	if _, ok := h.mounted[name]; !ok {
		return nil, resource.ErrNotMounted
	}
	if h.inside[name] == nil {
		h.inside[name] = map[string]resource.File{}
	}
	for _, f := range set.Files {
		if f.Digest != "" {
			if _, err := set.Reveal(f.Digest); err != nil {
				return changed, err
			}
		}
		have, ok := h.inside[name][f.Path]
		if ok && set.Leaves(f, "content") {
			f.Content, f.Digest, f.Size = have.Content, have.Digest, have.Size
		}
		if f.OnChange = ""; !ok || have != f {
			h.inside[name][f.Path] = f
			changed = append(changed, f.Path)
		}
	}
	for _, path := range set.Gone {
		if _, ok := h.inside[name][path]; ok {
			delete(h.inside[name], path)
			changed = append(changed, path)
		}
	}
	return changed, h.call("SetFiles", name)
}

// KeepFiles writes down what lies there.
func (h *Host) KeepFiles(container string, paths []string, folder string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.mounted[container]; !ok {
		return resource.ErrNotMounted
	}
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	was := map[string]*resource.File{}
	for _, path := range paths {
		was[path] = nil
		if f, ok := h.inside[container][path]; ok {
			was[path] = &f
		}
	}
	text, err := json.Marshal(was)
	if err != nil {
		return err
	}
	return os.WriteFile(folder, text, 0o600)
}

// RestoreFiles puts it back.
func (h *Host) RestoreFiles(root resource.Root, folder string) (changed []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text, err := os.ReadFile(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	was := map[string]*resource.File{}
	if err == nil {
		err = json.Unmarshal(text, &was)
	}
	for path, f := range was {
		have, there := h.inside[root.Container][path]
		switch {
		case f == nil && there:
			delete(h.inside[root.Container], path)
		case f != nil && *f != have:
			h.inside[root.Container][path] = *f
		default:
			continue
		}
		changed = append(changed, path)
	}
	return changed, err
}

// Tell reaches every unit of a container that is up.
func (h *Host) Tell(_ context.Context, name, verb, unit string) error {
	return h.change("Tell", name, func(*process) error { return h.Fail[verb+" "+unit] })
}
