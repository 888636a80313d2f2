#include <sys/types.h>

/* space is a process that does nothing in a user namespace of its own. */
struct space {
	pid_t pid;
	char *stack;
};

int space_begin(struct space *s); /* 0 or an errno; the thread must stay until space_end */
void space_end(struct space *s);
