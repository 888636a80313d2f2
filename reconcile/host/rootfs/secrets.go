package rootfs

import (
	"errors"
	"fmt"
	"maps"
	"path"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// Secrets says which secrets the container whose init is pid really has:
// files in memory, by the names of want where they lie there, and variables
// that reach logins and services. Values are told as what digest makes of
// them. A file of variables that is not as it should be is in drift, by its
// path, as Environment tells it. Error: ErrNotMounted.
func (r *Roots) Secrets(pid int, want resource.Container, digest func([]byte) string) (have resource.Container, drift map[string]string, err error) {
	have, drift, err = r.secrets(pid, want, digest)
	if err != nil {
		return have, nil, fmt.Errorf("look at secrets of %s: %w", want.Name, err)
	}
	return have, drift, nil
}

func (r *Roots) secrets(pid int, want resource.Container, digest func([]byte) string) (resource.Container, map[string]string, error) {
	var have resource.Container
	list, err := mounts(pid)
	if err != nil {
		return have, nil, err
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return have, nil, err
	}
	in := &inside{fd: fd, owner: int(want.IDMap.Base)}
	defer in.close()
	ours := coverings(list)
	below, err := r.enter(want.Name, in.owner)
	if err != nil {
		return have, nil, err
	}
	defer below.close()
	var drift map[string]string
	if have.Hidden, drift, err = in.hidden(below, ours, digest); err != nil {
		return have, nil, err
	}
	for _, f := range want.SecretFiles {
		if err := in.secretFile(f.Target, ours, digest, &have); err != nil {
			return have, nil, err
		}
	}
	for _, at := range maps.Clone(ours) {
		if err := in.secretFile(at, ours, digest, &have); err != nil {
			return have, nil, err
		}
	}
	return have, drift, nil
}

// secretFile adds what lies at target, if that is ours, and takes it off the
// list.
func (in *inside) secretFile(target string, ours map[int]string, digest func([]byte) string, have *resource.Container) error {
	text, ok, err := in.coverAt(target, ours)
	if err != nil || !ok {
		return err
	}
	have.SecretFiles = append(have.SecretFiles, resource.SecretFile{
		Target: path.Clean(target), Secret: resource.Secret{Digest: digest(text.text)},
		Mode: text.mode, Owner: uint32(text.owner - in.owner), Group: uint32(text.group - in.owner),
	})
	return nil
}

// coverAt reads what lies over a path, if that is ours, and takes it off the
// list.
func (in *inside) coverAt(name string, ours map[int]string) (content, bool, error) {
	fd, err := resolve(in.fd, name, unix.O_PATH)
	if err != nil {
		return content{}, false, nil // not there, or no way leads to it
	}
	defer unix.Close(fd)
	id, mounted, err := mountID(fd, "")
	if _, our := ours[id]; err != nil || !mounted || !our {
		return content{}, false, err
	}
	delete(ours, id)
	have, err := in.readAt(fd)
	return have, err == nil, err
}

// hidden are the variables that only the files in memory tell. below is the
// tree without those.
func (in *inside) hidden(below *inside, ours map[int]string, digest func([]byte) string) (map[string]resource.Secret, map[string]string, error) {
	list := below.deliveries()
	over, under := make([]content, len(list)), make([]content, len(list))
	covered := make([]bool, len(list))
	var told, plainly []map[string]string
	for i, d := range list {
		var err, err2 error
		under[i], err = below.read(d.path)
		over[i], covered[i], err2 = in.coverAt("/"+d.path, ours)
		if err != nil || err2 != nil {
			return nil, nil, fmt.Errorf("%s: %w", d.path, errors.Join(err, err2))
		}
		if d.parse != nil {
			told = append(told, d.parse(string(over[i].text)))
			plainly = append(plainly, d.parse(string(under[i].text)))
		}
	}
	whole, plain := agreed(told), agreed(plainly)
	secrets, drift := map[string]resource.Secret{}, map[string]string{}
	for name, value := range whole {
		if plain[name] != value {
			secrets[name] = resource.Secret{Digest: digest([]byte(value))}
		}
	}
	for i, d := range list {
		without, _ := d.render(string(under[i].text), plain)
		with, _ := d.render(string(under[i].text), whole)
		switch {
		case !covered[i] && with != without && len(secrets) > 0:
			drift["/"+d.path] = "hides its secrets no more"
		case covered[i] && string(over[i].text) != with:
			drift["/"+d.path] = "was changed by hand"
		}
	}
	return secrets, drift, nil
}
