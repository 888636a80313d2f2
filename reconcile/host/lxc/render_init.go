package lxc

import (
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/resource"
)

// init has LXC run the image's own program where it has no init. It is the
// first process of the container then, as it would be with docker.
func (t *text) init(c resource.Container) {
	i := c.Image.Init
	if i == nil {
		return
	}
	t.set("lxc.init.cmd", command(i.Command))
	t.optional("lxc.init.cwd", i.Dir)
	t.number("lxc.init.uid", int64(i.UID))
	t.number("lxc.init.gid", int64(i.GID))
	for _, v := range i.Env {
		name, _, _ := strings.Cut(v, "=")
		if _, own := c.Environment[name]; !own {
			t.set("lxc.environment", v)
		}
	}
}

// command is a command as lxc.init.cmd takes it: words between blanks, with no
// way to write a blank in one, and liblxc's versions differ in what they make
// of quotes. A command that needs either goes through the image's shell, which
// makes it of the octal numbers of its characters; ${IFS} is a blank there.
func command(args []string) string {
	plain := func(arg string) bool {
		return arg != "" && strings.Trim(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:,@=%") == ""
	}
	if !slices.ContainsFunc(args, func(arg string) bool { return !plain(arg) }) {
		return strings.Join(args, " ")
	}
	var octal strings.Builder
	for _, b := range []byte("exec " + shell(args)) {
		fmt.Fprintf(&octal, `\%03o`, b)
	}
	return `/bin/sh -c eval${IFS}"$(printf${IFS}"` + octal.String() + `")"`
}
