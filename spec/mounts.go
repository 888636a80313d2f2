package spec

func mountPath(m *Mount, key string) string {
	path := `mount["` + m.Target + `"]`
	if key == "" {
		return path
	}
	return path + "." + key
}

func (c *checker) mounts(o *Container) {
	seen := make(map[string]*Mount, len(o.Mounts))
	for i := range o.Mounts {
		m := &o.Mounts[i]
		if why := pathFault(m.Target); why != "" {
			c.wrong(o, mountPath(m, ""), "mount target "+quote(m.Target)+" "+why, `The label is the absolute path inside the container, such as "/srv/data".`)
		} else if clean(m.Target) == "/" {
			c.wrong(o, mountPath(m, ""), "a mount can't be the root folder", "Set image instead.")
		} else if other := seen[clean(m.Target)]; other != nil {
			c.wrong(o, mountPath(m, ""), "mount target "+quote(m.Target)+" is there twice", "The other one is at "+o.place(mountPath(other, "")).String()+".")
		}
		seen[clean(m.Target)] = m
		switch why := pathFault(m.Source); {
		case m.Source == "":
			c.wrong(o, mountPath(m, "source"), "mount "+quote(m.Target)+" has no source", `Say what is mounted: source = "/path/on/the/host".`)
		case why != "":
			c.wrong(o, mountPath(m, "source"), "mount source "+quote(m.Source)+" "+why, "The source is an absolute path on the host.")
		}
	}
}
