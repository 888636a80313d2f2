//go:build linux && cgo

/*
 * The part of this package that runs before the Go runtime does.
 *
 * liblxc forks the process that starts a container, and that fork stays for
 * life as the container's monitor with every page its parent had. The Go
 * runtime alone is some 4 MB of those and dozens of threads' worth of state.
 * So a start is a re-exec of our own binary that is caught here, in a
 * constructor: it calls liblxc and leaves, and Go never comes up. Commands
 * inside a container go the same way, because the child between fork and exec
 * has to make itself a session of its own, which Go can't do after a fork.
 *
 * It acts only when MARK is in the environment, the user is really root, and
 * descriptor 3 holds a request that begins with MAGIC:
 *
 *	MAGIC, "start", lxcpath, name
 *	MAGIC, "run",   lxcpath, name, dir, uid, gid, tty, N, N args, environment...
 *
 * all of them strings that end in NUL. The outcome goes to descriptor 4:
 * "ok", "exit N", or the word of a failure (see helper.go). What liblxc has
 * to say on the way goes to descriptor 5.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>

#define MARK "STRAKE_LXC_HELPER"
#define MAGIC "strake-lxc-1"
#define READY "STRAKE_LXC_READY"
#define HOOK "</dev/null; test " /* how strake's own hooks begin, see render.go */

enum { REQUEST = 3, OUTCOME = 4, LOG = 5 };

/* leave ends the helper with its outcome. */
static void __attribute__((noreturn, format(printf, 1, 2))) leave(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(OUTCOME, format, ap);
	va_end(ap);
	_exit(0);
}

/* request is what is left to read of descriptor 3. */
struct request {
	char *at, *end;
};

static struct request receive(void)
{
	struct request r = {0};
	off_t size = lseek(REQUEST, 0, SEEK_END);
	char *text = size > 0 ? malloc(size) : NULL;

	if (text && pread(REQUEST, text, size, 0) == size && text[size - 1] == '\0') {
		r.at = text;
		r.end = text + size;
	}
	close(REQUEST);
	return r;
}

/* next is the next string, or NULL at the end. */
static char *next(struct request *r)
{
	char *word = r->at;

	if (word == r->end)
		return NULL;
	r->at += strlen(word) + 1; /* receive made sure of a NUL at the end */
	return word;
}

/* need is the next string, which must be there. */
static char *need(struct request *r)
{
	char *word = next(r);

	if (!word)
		leave("request");
	return word;
}

/* log_to sends what liblxc says to LOG. Without a log all still works. */
static void log_to(const char *level)
{
	struct lxc_log log = {
		.name = "strake", .prefix = "strake", .quiet = true,
		.level = level, .file = "/proc/self/fd/5",
	};

	lxc_log_init(&log);
	close(LOG);
}

static struct lxc_container *open_container(struct request *r)
{
	char *path = need(r), *name = need(r);
	struct lxc_container *c = lxc_container_new(name, path);

	if (!c)
		leave("config");
	return c;
}

/*
 * PATH has apparmor_parser, which liblxc runs where the kernel has AppArmor,
 * and not newuidmap: liblxc writes the id maps itself then (10 ms less).
 * Where all programs are in one folder it works too, and takes longer.
 */
#define PATH "/usr/sbin:/sbin"

/*
 * USUAL is for containers with programs of other people's on their way up: a
 * script looks for its tools in the PATH that lxc-start would have had.
 */
#define USUAL "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int has(struct lxc_container *c, const char *key)
{
	return c->get_config_item(c, key, NULL, 0) > 0;
}

/*
 * ours says whether a hook is one line and strake's, which run nothing by name,
 * and has that word.
 */
static bool ours(struct lxc_container *c, const char *key, const char *word)
{
	char line[8192];

	if (c->get_config_item(c, key, line, sizeof(line)) >= (int)sizeof(line))
		return false;
	return strncmp(line, HOOK, strlen(HOOK)) == 0 && strchr(line, '\n') == strrchr(line, '\n') && strstr(line, word);
}

static const char *path_for(struct lxc_container *c)
{
	static const char *hooks[] = {
		"pre-start", "pre-mount", "mount", "autodev", "start-host", "start", "stop", "post-stop",
	};
	char key[64];
	unsigned int i;

	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		snprintf(key, sizeof(key), "lxc.hook.%s", hooks[i]);
		if (has(c, key) && !ours(c, key, ""))
			return USUAL;
	}
	for (i = 0; i < 64; i++) {
		snprintf(key, sizeof(key), "lxc.net.%u.script.up", i);
		if (has(c, key))
			return USUAL;
	}
	return PATH;
}

/* apart says that nobody else can have the addresses of what is started, or give it any. */
static bool apart;

/*
 * unshare takes the place of libc's for liblxc, which makes the network
 * namespace of a container with it, and puts the interfaces there afterwards.
 * The kernel has an IPv6 address wait for up to two seconds in case somebody
 * else answers for it (RFC 4862, 5.4), and liblxc has no word against that. It
 * is the namespace's own default that counts, and only before the interfaces
 * are there. For a start by others, strake's start-host hook adds the
 * addresses again.
 *
 * An address that works at once has the kernel ask for routers at once, and what
 * one answers would be a default route before liblxc adds its own, which fails
 * then (EEXIST). The way out is given; no advertisement is waited for.
 */
int unshare(int flags)
{
	static const char *defaults[] = {
		"/proc/sys/net/ipv6/conf/all/accept_dad", "/proc/sys/net/ipv6/conf/default/accept_dad",
		"/proc/sys/net/ipv6/conf/default/accept_ra",
	};
	int err = (int)syscall(SYS_unshare, flags);

	for (int i = 0; apart && err == 0 && (flags & CLONE_NEWNET) && i < 3; i++) {
		int fd = open(defaults[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			continue; /* a kernel without IPv6 */
		if (write(fd, "0", 1) != 1)
			err = -1;
		close(fd);
	}
	return err;
}

static void start(struct request *r)
{
	struct lxc_container *c;

	log_to("DEBUG"); /* the only level that shows what a failing hook printed */
	c = open_container(r);
	if (!c->is_defined(c))
		leave("undefined");
	if (c->is_running(c))
		leave("running");
	setenv("PATH", path_for(c), 1);
	apart = ours(c, "lxc.hook.start-host", READY); /* see render.go */
	setenv(READY, "1", 1); /* for the pre-start hook, see render.go; init gets none of this */
	c->want_daemonize(c, true);
	c->want_close_all_fds(c, true);
	leave(c->start(c, 0, NULL) ? "ok" : "start");
}

/* command is what run_inside executes. */
struct command {
	char **args, **env;
	bool tty;
};

/*
 * run_inside is what the attached process does last. The session is its own,
 * so no terminal of the host is its controlling one: with that it could push
 * key strokes into it (TIOCSTI).
 */
static int run_inside(void *payload)
{
	struct command *c = payload;
	sigset_t none;

	setsid();
	if (c->tty)
		ioctl(STDIN_FILENO, TIOCSCTTY, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* ends with the helper, and that with its caller */
	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = c->env;
	execvp(c->args[0], c->args); /* searched for in the PATH of c->env */
	dprintf(STDERR_FILENO, "%s: %s\n", c->args[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

static volatile pid_t attached;

static void forward(int signal)
{
	kill(attached, signal);
}

/* strings takes n strings (or all, n < 0) into an array that ends in NULL. */
static char **strings(struct request *r, long n)
{
	size_t size = r->end - r->at;
	char **list = calloc((n < 0 || (size_t)n > size ? size : (size_t)n) + 1, sizeof(*list));

	if (!list)
		leave("memory");
	for (long i = 0; n < 0 ? r->at != r->end : i < n; i++)
		list[i] = need(r);
	return list;
}

/* finish waits for the attached process and tells how it ended. */
static void __attribute__((noreturn)) finish(void)
{
	int status;

	while (waitpid(attached, &status, 0) < 0)
		if (errno != EINTR)
			leave("wait");
	leave("exit %d", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void run(struct request *r)
{
	lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
	struct sigaction action = {.sa_handler = forward};
	struct lxc_container *c;
	struct command command;
	sigset_t polite, before;
	pid_t pid;

	log_to("WARN");
	c = open_container(r);
	if (!c->is_running(c))
		leave("stopped"); /* attach would say so on stderr, in liblxc's words */
	options.initial_cwd = need(r);
	options.uid = (uid_t)strtol(need(r), NULL, 10);
	options.gid = (gid_t)strtol(need(r), NULL, 10);
	options.env_policy = LXC_ATTACH_CLEAR_ENV;
	command.tty = *need(r) == '1';
	command.args = strings(r, strtol(need(r), NULL, 10));
	command.env = strings(r, -1);

	sigemptyset(&polite);
	sigaddset(&polite, SIGTERM);
	sigaddset(&polite, SIGINT);
	sigaddset(&polite, SIGHUP);
	sigprocmask(SIG_BLOCK, &polite, &before); /* till there is someone to send them to */
	if (c->attach(c, run_inside, &command, &options, &pid) < 0)
		leave(c->is_running(c) ? "attach" : "stopped");
	attached = pid;
	for (int n = 1; n < NSIG; n++)
		if (sigismember(&polite, n))
			sigaction(n, &action, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(STDIN_FILENO); /* or a pipe's other end never learns that its reader left */
	close(STDOUT_FILENO);
	finish();
}

static void __attribute__((constructor)) strake_lxc_helper(void)
{
	struct request r;
	char *magic, *verb;

	if (!getenv(MARK))
		return;
	unsetenv(MARK);
	if (getuid() != 0 || geteuid() != 0 || getauxval(AT_SECURE))
		return;
	r = receive();
	magic = next(&r);
	if (!magic || strcmp(magic, MAGIC) != 0)
		return;
	fcntl(OUTCOME, F_SETFD, FD_CLOEXEC);
	fcntl(LOG, F_SETFD, FD_CLOEXEC);
	close_range(LOG + 1, ~0U, 0); /* what strake's own caller let it inherit */
	verb = need(&r);
	if (strcmp(verb, "start") == 0)
		start(&r);
	if (strcmp(verb, "run") == 0)
		run(&r);
	leave("request");
}
