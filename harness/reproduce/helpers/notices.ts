/** What waits on a socket's error queue: include/uapi/linux/errqueue.h. */
import type { Helper } from '../helper.ts';
import { fail } from './report.ts';
import { wires } from './wires.ts';

const noticeOf: Helper = {
  includes: ['arpa/inet.h', 'linux/errqueue.h', 'netinet/in.h', 'stdio.h', 'string.h', 'sys/socket.h'],
  code: String.raw`
/* One notice. Of one that must come: -1, or no offender, where nothing is said. */
struct notice {
	long long origin, err, type, code, info, data;
	long long length;	/* what recvmsg returns */
	long long stamped;	/* a software time stamp came along */
	char offender[INET6_ADDRSTRLEN];
};

static void read_error(const struct sock_extended_err *ee, struct notice *notice)
{
	const struct sockaddr *from = SO_EE_OFFENDER(ee);
	const void *address = from->sa_family == AF_INET
		? (const void *)&((const struct sockaddr_in *)from)->sin_addr
		: (const void *)&((const struct sockaddr_in6 *)from)->sin6_addr;

	notice->origin = ee->ee_origin;
	notice->err = ee->ee_errno;
	notice->type = ee->ee_type;
	notice->code = ee->ee_code;
	notice->info = ee->ee_info;
	notice->data = ee->ee_data;
	if (from->sa_family == AF_INET || from->sa_family == AF_INET6)
		inet_ntop(from->sa_family, address, notice->offender, sizeof(notice->offender));
}

static struct notice notice_of(struct msghdr *msg, long long length)
{
	static const char zero[16];
	struct notice notice = { .length = length };
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if ((cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) ||
		    (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR))
			read_error((const struct sock_extended_err *)CMSG_DATA(cmsg), &notice);
		else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMPING)
			notice.stamped = memcmp(CMSG_DATA(cmsg), zero, sizeof(zero)) != 0;
	}
	printf("notice: origin %lld, errno %lld, type %lld, code %lld, info %lld, data %lld%s%s%s\n",
	       notice.origin, notice.err, notice.type, notice.code, notice.info, notice.data,
	       *notice.offender ? ", from " : "", notice.offender, notice.stamped ? ", stamped" : "");
	return notice;
}`,
};

const reader = (between: boolean): Helper => ({
  needs: [noticeOf, fail, ...(between ? [wires] : [])],
  includes: ['errno.h', 'poll.h', 'string.h', 'sys/socket.h', 'sys/uio.h'],
  code: String.raw`
#define NOTICES 2048

static struct notice seen[NOTICES];

/* Everything that is there once as many things are told of as are wanted, or the time has passed. */
static int read_notices(int fd, long long want, int wait_ms)
{
	static char data[131072];
	static _Alignas(struct cmsghdr) char control[4096];
	struct iovec iov = { data, sizeof(data) };
	struct pollfd ready = { .fd = fd };
	long long told = 0;
	int n = 0;

	while (n < NOTICES) {
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		ssize_t ret = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);

		if (ret >= 0) {
			seen[n] = notice_of(&msg, ret);
			/* One notice tells of a range of zerocopy sends. */
			told += seen[n].origin == SO_EE_ORIGIN_ZEROCOPY ? seen[n].data - seen[n].info + 1 : 1;
			n++;
			continue;
		}
		if (errno != EAGAIN)
			fail("the error queue could not be read: %s", strerror(errno));
		if (errno != EAGAIN || told >= want)
			break;
${between ? '\t\tpump();\n' : ''}		if (poll(&ready, 1, wait_ms) <= 0 || !(ready.revents & POLLERR))
			break;
	}
	return n;
}`,
});

const readers = { plain: reader(false), wires: reader(true) } as const;

/** `read_notices(fd, want, wait_ms)`, to be used before what checks them. `between`: there are wires that the program is. */
export function readNotices(between: boolean): Helper {
  return between ? readers.wires : readers.plain;
}

/** `expect_notices(fd, wait_ms, want, items)` */
export const expectNotices: Helper = {
  code: String.raw`
static void expect_of_notice(int notice, const char *name, long long want, long long got)
{
	if (want >= 0 && want != got)
		fail("notice %d: expected %s %lld, got %lld", notice, name, want, got);
}

static void expect_notices(int fd, int wait_ms, const struct notice *want, int items)
{
	int n = read_notices(fd, items, wait_ms), i;

	if (n != items)
		fail("expected %d notices, got %d", items, n);
	for (i = 0; i < n && i < items; i++) {
		expect_of_notice(i, "origin", want[i].origin, seen[i].origin);
		expect_of_notice(i, "errno", want[i].err, seen[i].err);
		expect_of_notice(i, "type", want[i].type, seen[i].type);
		expect_of_notice(i, "code", want[i].code, seen[i].code);
		expect_of_notice(i, "info", want[i].info, seen[i].info);
		expect_of_notice(i, "data", want[i].data, seen[i].data);
		expect_of_notice(i, "length", want[i].length, seen[i].length);
		expect_of_notice(i, "stamp", want[i].stamped, seen[i].stamped);
		if (*want[i].offender && strcmp(want[i].offender, seen[i].offender))
			fail("notice %d: expected it from %s, got %s", i, want[i].offender, seen[i].offender);
	}
}`,
};

/** `expect_completions(fd, wait_ms, first, last, copied)` */
export const expectCompletions: Helper = {
  code: String.raw`
/* Of the zerocopy sends first to last, each told of once and in order, in ranges of any length. */
static void expect_completions(int fd, int wait_ms, long long first, long long last, int copied)
{
	int n = read_notices(fd, last - first + 1, wait_ms), i;
	long long next = first;

	for (i = 0; i < n; i++) {
		if (seen[i].origin != SO_EE_ORIGIN_ZEROCOPY || seen[i].err) {
			fail("notice %d is no completion", i);
			continue;
		}
		if (seen[i].info != next || seen[i].data < seen[i].info)
			fail("expected completions from %lld on, got %lld to %lld", next, seen[i].info, seen[i].data);
		next = seen[i].data + 1;
		if (!(seen[i].code & SO_EE_CODE_ZEROCOPY_COPIED) != !copied)
			fail("notice %d: expected the data %scopied", i, copied ? "" : "not ");
	}
	if (next != last + 1)
		fail("expected completions to %lld, got them to %lld", last, next - 1);
}`,
};
