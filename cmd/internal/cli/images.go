package cli

import (
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
)

func (r *run) imagesCommand() *cli.Command {
	return &cli.Command{
		Name: "images", Category: "looking", Usage: "list the images in the store",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			d, err := r.deps()
			if err != nil {
				return err
			}
			metas, err := d.Images.List()
			if err != nil {
				return err
			}
			uses, err := d.Engine.ImageUses(nil)
			if err != nil {
				return err
			}
			readings, err := d.Engine.State.Readings()
			if err != nil {
				return err
			}
			list := []view.Image{}
			for _, m := range metas {
				list = append(list, view.Image{Meta: m, Read: readings.Last(m.Digest, m.Created, time.Now()), Used: len(uses[m.Digest]) > 0, Users: uses[m.Digest]})
			}
			return r.showImages(list)
		},
	}
}

func (r *run) showImages(list []view.Image) error {
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version int          `json:"version"`
			Images  []view.Image `json:"images"`
		}{1, list})
	}
	return view.Images(list).Write(r.Stdout, r.style(r.Stdout))
}
