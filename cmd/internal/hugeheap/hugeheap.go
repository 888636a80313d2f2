// Package hugeheap has the kernel give the program its heap in huge pages, from the
// start on. A command lives for a moment and touches each page of its heap for the
// first time: a fault for every 4 kB. Where the host is a virtual machine within
// another, such a fault was measured at 15 µs, half of what a command took.
//
// Most distributions give huge pages to those alone who ask by madvise(2), and Go's
// runtime does not ask any more (golang.org/issue/61718): what it gives back to the
// kernel would come back with the next huge page. So whoever lives on asks for
// Small.
package hugeheap

// #include "mmap.h"
import "C"

// Small ends it, also for the heap that there is: memory of a process that mostly
// rests is worth more than its time.
func Small() { C.small_heap() }
