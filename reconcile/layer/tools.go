package layer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

// manager is a way to install packages.
type manager struct {
	program string
	update  []string // reads the lists of what there is; nil: it does so by itself
	install []string // in front of the packages
	accept  bool     // packages follow behind "--"
}

// managers are tried in this order. What people changed of a configuration
// file stays, and nothing is ever asked.
var managers = []manager{
	{"apt-get", []string{"apt-get", "-q", "update", "-o", "Acquire::Retries=0"},
		[]string{"apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-confold", "install"}, true},
	{"apk", nil, []string{"apk", "add", "--no-progress", "--no-cache"}, false},
	{"dnf", nil, []string{"dnf", "-y", "--setopt=install_weak_deps=False", "install"}, false},
	{"microdnf", nil, []string{"microdnf", "-y", "install"}, false},
}

func (w *work) packages(ctx context.Context, names []string) error {
	for _, m := range managers {
		if !w.has(ctx, m.program) {
			continue
		}
		if m.update != nil {
			if err := w.run(ctx, m.update...); err != nil {
				return err
			}
		}
		args := append([]string(nil), m.install...)
		if m.accept {
			args = append(args, "--")
		}
		return w.run(ctx, append(args, names...)...)
	}
	return fmt.Errorf("%w: the image has neither apt-get, apk nor dnf to install packages with", ErrBuild)
}

// user makes an account, or makes one that a package brought as it should be.
func (w *work) user(ctx context.Context, u resource.User) error {
	if !w.has(ctx, "useradd") {
		return w.smallUser(ctx, u)
	}
	args := []string{"--home-dir", u.Home, "--shell", u.Shell}
	if u.UID != 0 {
		args = append(args, "--uid", strconv.FormatInt(u.UID, 10))
	}
	if len(u.Groups) > 0 {
		args = append(args, "--groups", strings.Join(u.Groups, ","))
	}
	if w.account(ctx, u.Name) {
		args[0] = "--home"
		return w.run(ctx, append(append([]string{"usermod"}, args...), u.Name)...)
	}
	return w.run(ctx, append(append([]string{"useradd", "--create-home", "--user-group"}, args...), u.Name)...)
}

// smallUser is user with busybox's programs.
func (w *work) smallUser(ctx context.Context, u resource.User) error {
	if !w.has(ctx, "adduser") {
		return fmt.Errorf("%w: user %s: the image has neither useradd nor adduser", ErrBuild, u.Name)
	}
	if !w.account(ctx, u.Name) {
		args := []string{"adduser", "-D", "-h", u.Home, "-s", u.Shell}
		if u.UID != 0 {
			args = append(args, "-u", strconv.FormatInt(u.UID, 10))
		}
		if err := w.run(ctx, append(args, u.Name)...); err != nil {
			return err
		}
	}
	for _, g := range u.Groups {
		if err := w.run(ctx, "addgroup", u.Name, g); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) account(ctx context.Context, user string) bool {
	exit, err := w.machine.Exec(ctx, name, []string{"id", "-u", user}, environment, nil)
	return err == nil && exit == 0
}

// service has init start a service, or not. Each of the commands is content
// with what is so already.
func (w *work) service(ctx context.Context, v resource.Service) error {
	switch {
	case w.has(ctx, "systemctl") && v.Enabled:
		return w.run(ctx, "systemctl", "enable", v.Name)
	case w.has(ctx, "systemctl"):
		return w.run(ctx, "systemctl", "disable", v.Name)
	case !w.has(ctx, "rc-update"):
		return fmt.Errorf("%w: service %s: the image has neither systemd nor OpenRC", ErrBuild, v.Name)
	case v.Enabled:
		return w.run(ctx, "rc-update", "add", v.Name, "default")
	}
	return w.run(ctx, "/bin/sh", "-c", removeFromAll, "rc-update", v.Name)
}

// removeFromAll takes a service out of OpenRC's runlevels: which one it is in
// is the package's choice, and rc-update fails where it is not in all.
const removeFromAll = `test -e "/etc/init.d/$1" || { echo "there is no service $1"; exit 1; }; ` +
	`rc-update --quiet --all del "$1"; set -- /etc/runlevels/*/"$1"; test ! -L "$1"`
