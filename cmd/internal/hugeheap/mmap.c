#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmap.h"

enum { CHUNK = 4 << 20 }; // the least by which Go's heap grows

static atomic_bool small;
static atomic_uintptr_t first = UINTPTR_MAX, last; // what was advised lies between

static void advise(void *at, size_t length)
{
	uintptr_t from = (uintptr_t)at, to = from + length, was;

	for (was = first; from < was && !atomic_compare_exchange_weak(&first, &was, from);)
		;
	for (was = last; to > was && !atomic_compare_exchange_weak(&last, &was, to);)
		;
	madvise(at, length, small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
}

// mmap stands before libc's. Go's runtime asks it for its heap (x_cgo_mmap): places
// are reserved first, and mapped over, in fixed places, as the heap grows.
void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *got = (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);

	if (got != MAP_FAILED && fd < 0 && flags & MAP_FIXED && protection & PROT_WRITE && length >= CHUNK)
		advise(got, length);
	return got;
}

// What is no heap and lies between is advised along: that has no effect but on its
// speed.
void small_heap(void)
{
	small = 1;
	if (first < last)
		madvise((void *)first, last - first, MADV_NOHUGEPAGE);
}
