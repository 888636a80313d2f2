package layer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"strake/reconcile/resource"
)

// deny keeps packages from starting their services: there is no init that
// would look after them (Debian policy 9.3.3.2).
var deny = resource.File{Path: "/usr/sbin/policy-rc.d", Content: "#!/bin/sh\nexit 101\n", Mode: "0755", Owner: "root:root"}

const resolvConf = "/etc/resolv.conf"

// work is a build under way.
type work struct {
	*place
	job  resource.LayerJob
	root resource.Root
	file *os.File // the log
	left int      // what of it may still be written
	tail []string // what was said last
}

// mostLog bounds what a command can write on the host's disk.
const mostLog = 8 << 20

func newWork(p *place, job resource.LayerJob, root resource.Root) (*work, error) {
	f, err := os.OpenFile(p.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	return &work{place: p, job: job, root: root, file: f, left: mostLog}, err
}

func (w *work) end() { _ = w.file.Close() }

func (w *work) write(ctx context.Context, files []resource.File) error {
	_, err := w.ground.SetFiles(ctx, resource.FileSet{Root: w.root, Files: files, Reveal: w.job.Reveal})
	return err
}

// make carries the recipe out: packages by themselves; else accounts, then
// files, which may belong to them, then commands, then services.
func (w *work) make(ctx context.Context, s resource.System) error {
	if len(s.Packages) > 0 {
		if err := w.write(ctx, s.Files); err != nil {
			return err
		}
		return w.packages(ctx, s.Packages)
	}
	for _, u := range s.Users {
		if err := w.user(ctx, u); err != nil {
			return err
		}
	}
	if err := w.write(ctx, s.Files); err != nil {
		return err
	}
	for _, line := range s.Run {
		if err := w.run(ctx, "/bin/sh", "-c", line); err != nil {
			return err
		}
	}
	for _, v := range s.Services {
		if err := w.service(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// open opens the way out that the build may use. It ends with the container.
func (w *work) open(ctx context.Context) error {
	if w.job.Outlet == nil {
		return nil
	}
	live, err := w.machine.Inspect(ctx, name, nil)
	if err != nil {
		return err
	}
	return w.job.Outlet(live.Init)
}

// environment is what commands of the build get.
func (w *work) environment() []string {
	if w.job.Outlet == nil {
		return environment
	}
	const proxy = "http://" + resource.LoopbackProxy
	list := slices.Clone(environment)
	for name, value := range map[string]string{"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "localhost,127.0.0.1,::1"} {
		list = append(list, name+"="+value, strings.ToUpper(name)+"="+value)
	}
	return list
}

// run runs a command in the container. Its error has what it said last.
func (w *work) run(ctx context.Context, args ...string) error {
	defer w.job.Step()
	w.note("$ " + strings.Join(args, " "))
	exit, err := w.exec(ctx, args)
	if err != nil {
		return err
	}
	if exit != 0 {
		return fmt.Errorf("%w: %s: exit %d\n  %s", ErrBuild, strings.Join(args, " "), exit, strings.Join(w.tail, "\n  "))
	}
	return nil
}

// has says whether the container has a program.
func (w *work) has(ctx context.Context, program string) bool {
	exit, err := w.machine.Exec(ctx, name, []string{"/bin/sh", "-c", `command -v "$0"`, program}, environment, nil)
	return err == nil && exit == 0
}

// environment is what commands of a build get: nothing of the host's.
var environment = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
	"DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1", "SOURCE_DATE_EPOCH=1700000000",
}

func (w *work) exec(ctx context.Context, args []string) (int, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer out.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		w.listen(out)
	}()
	exit, err := w.machine.Exec(ctx, name, args, w.environment(), in)
	_ = in.Close()
	_ = out.SetReadDeadline(time.Now().Add(time.Second)) // what it left running may hold the other end
	<-read
	return exit, err
}

func (w *work) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		w.note(lines.Text())
	}
	_, _ = io.Copy(io.Discard, out) // a line without an end
}

// note is one line for the log, and for people who wait.
func (w *work) note(line string) {
	line = printable(line)
	w.tail = append(w.tail[max(0, len(w.tail)-19):], line)
	if w.left -= len(line) + 1; w.left > 0 {
		fmt.Fprintln(w.file, line)
	}
	w.job.Progress(line)
}

// printable takes off what would do something to a terminal.
func printable(line string) string {
	if i := strings.LastIndexByte(strings.TrimRight(line, "\r"), '\r'); i >= 0 {
		line = line[i+1:] // as a terminal would show it
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, line)
}
