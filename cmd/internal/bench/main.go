// Command bench measures strake beside its floor, LXC's own tools on
// containers that were prepared for them, and its peer, LXD, all in one run
// and on one machine, and keeps the table in a README. It changes nothing of
// the host: everything happens in namespaces and folders of its own, which end
// with it. It judges by medians and leaves the samples to whoever asks.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// options are what the user may choose.
type options struct {
	Strake string // the program that is measured
	Cache  string // images are kept here between runs
	Table  string // README with the markers; "": only print
	Raw    string // file for the samples; "": none
	Rows   []int
	Runs   int
	Many   int // containers of the rows with many
	LXD    bool
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	switch os.Getenv(stage) {
	case "reaper":
		return reap()
	case "worker":
		return work()
	case "planner":
		return planOnly(os.Args[1])
	case "egress":
		many, _ := strconv.Atoi(os.Args[1])
		return serveEgress(many)
	}
	o, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("it runs real containers: be root")
	}
	return outside(o)
}

func parse(args []string) (options, error) {
	o := options{}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.StringVar(&o.Strake, "strake", "./strake", "the program")
	set.StringVar(&o.Cache, "cache", cacheFolder(), "folder that keeps images between runs")
	set.StringVar(&o.Table, "o", "reconcile/README.md", "file to write the table into, between its markers; written by whole runs only")
	set.StringVar(&o.Raw, "json", "", "file for the samples")
	set.IntVar(&o.Runs, "runs", 5, "samples of each figure")
	set.BoolVar(&o.LXD, "lxd", true, "measure LXD too, where it is installed")
	quick := set.Bool("quick", false, "one sample of each, 20 containers instead of 100; prints only")
	rows := set.String("rows", "", "only these rows, \"1,3\"; prints only")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.Many = 100
	if *quick {
		o.Runs, o.Many = 1, 20
	}
	var err error
	if o.Rows, err = chosen(*rows); err != nil {
		return o, err
	}
	if *quick || *rows != "" || o.Runs < 5 {
		o.Table = "" // medians of fewer samples, or half a table, are for development
	}
	return o, absolute(&o.Strake, &o.Cache, &o.Table, &o.Raw)
}

func cacheFolder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = "/var/cache" // no HOME
	}
	return filepath.Join(dir, "strake-bench")
}

const lastRow = 18

// chosen reads "1,3"; nothing is all.
func chosen(list string) ([]int, error) {
	if list == "" {
		return []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, lastRow}, nil
	}
	var rows []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || n > lastRow {
			return nil, fmt.Errorf("-rows %s: rows are 1 to %d", list, lastRow)
		}
		rows = append(rows, n)
	}
	return slices.Compact(slices.Sorted(slices.Values(rows))), nil
}

func absolute(paths ...*string) error {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

func (o options) wants(rows ...int) bool {
	return slices.ContainsFunc(rows, func(n int) bool { return slices.Contains(o.Rows, n) })
}
