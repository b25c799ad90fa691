/** What the program says, and when it gives up. */
import type { Helper } from '../helper.ts';

export const fail: Helper = {
  includes: ['stdarg.h', 'stdio.h'],
  code: String.raw`
static const char *where = "";
static int failures;

/* Say what differs from the rule, and go on. */
static void __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list args;

	printf("FAIL: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" (rule: %s; %s)\n", rule, where);
	failures++;
}`,
};

export const die: Helper = {
  includes: ['errno.h', 'stdio.h', 'stdlib.h', 'string.h'],
  code: String.raw`
/* The case could not be tried: this says nothing about the rule. */
static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "ERROR: %s: %s\n", what, strerror(errno));
	exit(2);
}`,
};

export const skip: Helper = {
  includes: ['stdio.h', 'stdlib.h'],
  code: String.raw`
static void __attribute__((noreturn)) skip(const char *what)
{
	printf("SKIP: not to be had here: %s\n", what);
	exit(4);
}`,
};

const errnoName: Helper = {
  includes: ['errno.h'],
  code: String.raw`
static const char *errno_name(int err)
{
#define E(name) [name] = #name
	static const char *const names[] = {
		E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(EBADF),
		E(EAGAIN), E(ENOMEM), E(EACCES), E(EFAULT), E(EBUSY), E(EEXIST), E(ENODEV),
		E(EINVAL), E(ENOTTY), E(ENOSPC), E(EPIPE), E(EDOM), E(ERANGE), E(ENOSYS),
		E(ENODATA), E(EOVERFLOW), E(ENOTSOCK), E(EDESTADDRREQ), E(EMSGSIZE), E(EPROTOTYPE),
		E(ENOPROTOOPT), E(EPROTONOSUPPORT), E(ESOCKTNOSUPPORT), E(EOPNOTSUPP),
		E(EPFNOSUPPORT), E(EAFNOSUPPORT), E(EADDRINUSE), E(EADDRNOTAVAIL), E(ENETDOWN),
		E(ENETUNREACH), E(ENOBUFS), E(EISCONN), E(ENOTCONN), E(ETIMEDOUT), E(ECONNREFUSED),
		E(EHOSTUNREACH), E(EALREADY), E(EINPROGRESS),
	};
#undef E
	int known = err >= 0 && err < (int)(sizeof(names) / sizeof(names[0])) && names[err];

	return known ? names[err] : "with another errno";
}`,
};

/** `expect(call, ret, want)`: prints the call as strace would and compares. */
export const expect: Helper = {
  needs: [fail, errnoName],
  includes: ['errno.h', 'limits.h', 'stdio.h'],
  code: String.raw`
#define ANY LONG_MAX	/* any success will do */

static const char *result(long ret, char *text, size_t size)
{
	if (ret == ANY)
		snprintf(text, size, "success");
	else if (ret < 0)
		snprintf(text, size, "-1 %s (%ld)", errno_name(-ret), -ret);
	else
		snprintf(text, size, "%ld", ret);
	return text;
}

/* A call and what it returned: want is a number, or minus an errno. True when as expected. */
static int expect(const char *call, long ret, long want)
{
	char got[64], wanted[64];

	ret = ret < 0 ? -errno : ret;
	printf("%s = %s\n", call, result(ret, got, sizeof(got)));
	if (want == ANY ? ret >= 0 : ret == want)
		return 1;
	fail("expected %s, got %s", result(want, wanted, sizeof(wanted)), got);
	return 0;
}`,
};
