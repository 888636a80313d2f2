package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
)

func (r *run) logsCommand() *cli.Command {
	return &cli.Command{
		Name: "logs", Category: "looking", Usage: "print liblxc's log of a container and its console", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			d, err := r.deps()
			if err != nil {
				return err
			}
			if _, _, err := d.Engine.Current(name); err != nil {
				return err
			}
			for _, path := range d.Engine.State.Logs(name) {
				if err := r.printLog(path); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// printLog copies a log under its name. What a container wrote must not move
// the cursor of root's terminal, so there control characters are shown.
func (r *run) printLog(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not started yet
	}
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer f.Close()
	r.say("==> %s <==", path)
	if !terminal(r.Stdout) {
		_, err = io.Copy(r.Stdout, f)
		return err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		fmt.Fprintln(r.Stdout, view.Safe(lines.Text()))
	}
	return lines.Err()
}
