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
		c.mounted(o, m)
	}
	for i := range o.Mounts {
		m := &o.Mounts[i]
		if pathFault(m.Target) != "" {
			continue
		}
		for _, p := range above(m.Target)[1:] {
			if outer := seen[p]; outer != nil {
				c.wrong(o, mountPath(m, ""), "mount target "+quote(m.Target)+" is in mount "+quote(outer.Target), "The one would cover what the other shows: mount them side by side. See "+o.place(mountPath(outer, "")).String()+".")
				break
			}
		}
	}
}

// mounted checks what a mount shows.
func (c *checker) mounted(o *Container, m *Mount) {
	why := pathFault(m.Source)
	switch {
	case m.Volume != "" && o.said(mountPath(m, "source")):
		c.wrong(o, mountPath(m, "source"), "mount "+quote(m.Target)+" has a source and a volume", "Write one of the two.")
	case m.Volume != "" && c.volumes[m.Volume] == nil:
		c.wrong(o, mountPath(m, "volume"), "mount "+quote(m.Target)+": there is no volume "+quote(m.Volume), `Define it: volume "`+m.Volume+`" { ... }`)
	case m.Volume != "":
	case m.Source == "":
		c.wrong(o, mountPath(m, "source"), "mount "+quote(m.Target)+" has no source", `Say what is mounted: source = "/path/on/the/host", or volume = volume.NAME.`)
	case why != "":
		c.wrong(o, mountPath(m, "source"), "mount source "+quote(m.Source)+" "+why, "The source is an absolute path on the host.")
	}
}
