package view

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Meter shows on a terminal how much of something has come, and takes the line
// away at its end.
func Meter(w io.Writer) func(what string, total int64) (add func(n int), end func()) {
	return func(what string, total int64) (func(int), func()) {
		if total == 0 {
			total = -1 // not known
		}
		bar := progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		return func(n int) { _ = bar.Add(n) }, func() { _ = bar.Finish() } // it is only shown
	}
}
