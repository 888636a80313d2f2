package main

import (
	"io"
	"strconv"
	"testing"
)

func BenchmarkScale(b *testing.B) {
	for form, write := range forms() {
		for _, n := range []int{100, 1000, 10_000} {
			b.Run(form+"/"+strconv.Itoa(n), func(b *testing.B) {
				folder := b.TempDir()
				if err := write(folder, n); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := conclude(folder, io.Discard); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
