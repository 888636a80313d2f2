package cli

import (
	"cmp"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Category: "looking",
		Usage: "read all images and system layers again, and take what is damaged out of the store; exit 2 if anything is",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			list, err := e.Verify(c.Context)
			if err != nil && len(list) == 0 {
				return err
			}
			return cmp.Or(err, r.showVerified(list))
		},
	}
}

func (r *run) showVerified(list []reconcile.Checked) error {
	var err error
	if r.g.JSON {
		err = view.JSON(r.Stdout, struct {
			Version int                 `json:"version"`
			Checked []reconcile.Checked `json:"checked"`
		}{1, append([]reconcile.Checked{}, list...)})
	} else {
		err = view.Verified(list).Write(r.Stdout, r.style(r.Stdout))
	}
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Damaged == "" {
			continue
		}
		err = exitCode(differentCode)
		r.say("%s", c.Damaged)
		for _, u := range c.Users {
			if u.Standing == "" {
				r.say("  `strake restart %s` starts it on a sound one, which is fetched or built again", u.Container)
			}
		}
	}
	return err
}
