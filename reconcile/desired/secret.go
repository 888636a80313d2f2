package desired

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"strake/reconcile/resource"
	"strake/spec"
)

// secrets fills in which secrets the container has. Their digests come from
// their values, which are not known here.
func (b *builder) secrets(c spec.Container, made *resource.Container) {
	for name, from := range c.Hidden {
		if made.Hidden == nil {
			made.Hidden = map[string]resource.Secret{}
		}
		made.Hidden[name] = secret(from)
	}
	for _, f := range c.SecretFiles {
		mode, _ := spec.FileMode(f.Mode) // its fault was told before
		made.SecretFiles = append(made.SecretFiles, resource.SecretFile{
			Target: path.Clean(f.Target), Secret: secret(f.From), Mode: mode, Owner: f.Owner, Group: f.Group,
		})
		if id := max(f.Owner, f.Group); !made.IDMap.Privileged && id >= made.IDMap.Size && made.IDMap.Size > 0 {
			b.errs = append(b.errs, fmt.Errorf("container %s: secret_file %s: id %d is not one of its %d", c.Name, f.Target, id, made.IDMap.Size))
		}
	}
	slices.SortFunc(made.SecretFiles, func(x, y resource.SecretFile) int { return cmp.Compare(x.Target, y.Target) })
	if made.Secrets() && made.Image.Adopted() {
		b.errs = append(b.errs, fmt.Errorf("container %s: it was taken over with its root filesystem, where strake brings no secrets", c.Name))
	}
}

func secret(from spec.Confidential) resource.Secret {
	if from.Secret == "" {
		return resource.Secret{}
	}
	return resource.Secret{From: "secret." + from.Secret}
}
