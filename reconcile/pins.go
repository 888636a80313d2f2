package reconcile

import (
	"context"
	"fmt"

	"strake/reconcile/desired"
	"strake/reconcile/resource"
	"strake/spec"
)

// ImagesOf is what the images of a stack are made of on this host: those in
// the store whose source is more than this host's.
func (e *Engine) ImagesOf(ctx context.Context, s spec.Stack) ([]resource.Image, error) {
	return pinnable(s, func(img resource.Image) (resource.Image, error) {
		now, _, err := e.Host.Images.Resolve(ctx, img)
		return now, err
	})
}

// PinImages fetches the images of a stack that are not in the store yet, and those
// to be moved whatever is there.
func (e *Engine) PinImages(ctx context.Context, s spec.Stack, move func(resource.Image) bool) ([]resource.Image, error) {
	return pinnable(s, func(img resource.Image) (resource.Image, error) {
		if move(img) {
			return e.Host.Images.Refresh(ctx, img, e.progress)
		}
		return e.Host.Images.Ensure(ctx, img, e.progress)
	})
}

func pinnable(s spec.Stack, digest func(resource.Image) (resource.Image, error)) ([]resource.Image, error) {
	var list []resource.Image
	for _, img := range desired.Images(s) {
		if !spec.Pinnable(img.Source) {
			continue
		}
		now, err := digest(img)
		if err != nil {
			return list, fmt.Errorf("image %s: %w", img.Source, err)
		}
		if now.Digest != "" {
			list = append(list, now)
		}
	}
	return list, nil
}
