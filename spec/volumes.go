package spec

import "fmt"

// Volume is a folder of data that belongs to nobody's generation: it is never
// pruned, never rolled back, and its files are never given other owners.
type Volume struct {
	Name    string
	Path    string // absolute folder on the host
	Size    int64  // bytes; 0: a plain folder, else a file system image of that size
	Protect bool
	Pos     Pos
	At      map[string]Pos // by key
}

func (v *Volume) place(key string) Pos {
	if p, ok := v.At[key]; ok {
		return p
	}
	return v.Pos
}

const leastVolume = 16 << 20 // ext4 with its journal does not fit into less

func (c *checker) allVolumes() {
	paths := map[string]*Volume{}
	for i := range c.stack.Volumes {
		v := &c.stack.Volumes[i]
		c.volumes[v.Name] = v
		c.name("", v.Pos, "volume", v.Name)
		c.volume(v)
		if v.Path == "" {
			continue
		}
		for _, p := range above(v.Path) {
			if other := paths[p]; other != nil && (p == clean(v.Path) || other.Size != 0) {
				c.amiss(v, "path", "path "+quote(v.Path)+" is in volume "+quote(other.Name), "Two volumes can't be one folder. See "+other.place("path").String()+".")
				break
			}
		}
		paths[clean(v.Path)] = v
	}
}

// amiss adds a problem of a volume's setting.
func (c *checker) amiss(v *Volume, key, summary, detail string) {
	_, said := v.At[key]
	c.add(Problem{Path: key, Pos: v.place(key), Summary: "volume " + quote(v.Name) + ": " + summary, Detail: detail, Absent: !said})
}

func (c *checker) volume(v *Volume) {
	switch why := pathFault(v.Path); {
	case v.Path == "":
		c.amiss(v, "path", "it has no path", `Say where its data is: path = "/srv/`+v.Name+`".`)
	case why != "":
		c.amiss(v, "path", "path "+quote(v.Path)+" "+why, "It is an absolute path on the host.")
	case clean(v.Path) == "/":
		c.amiss(v, "path", "a volume can't be the host's root folder", `Write a folder of its own: path = "/srv/`+v.Name+`".`)
	}
	if _, said := v.At["size"]; (said || v.Size != 0) && v.Size < leastVolume {
		c.amiss(v, "size", fmt.Sprintf("size of %d bytes is too small for a file system", v.Size), `The least is 16MiB. Leave it out for a plain folder.`)
	}
}

// above lists a path and the folders that it is in, from the inside out.
func above(p string) []string {
	p = clean(p)
	list := []string{p}
	for i := len(p) - 1; i > 0; i-- {
		if p[i] == '/' {
			list = append(list, p[:i])
		}
	}
	return list
}
