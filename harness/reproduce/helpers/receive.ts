/** Datagrams that must come, and the proof that no others do. */
import type { Helper } from '../helper.ts';
import { useMark } from './mark.ts';
import { slices } from './payload.ts';
import { expectControl } from './received-control.ts';
import { expect, fail } from './report.ts';
import { expectTime, stampOf } from './times.ts';
import { wires } from './wires.ts';

const AFTER_MS = '\tdouble after_ms;\t\t/* since the first send; -1: at any time */\n';

/** `SPAN`, the room for parts of one item, is defined by the program. */
/** What datagrams of a case have besides what all have, and what is between them and their sender. */
export interface Extras {
  /** Control messages that must come along. */
  readonly control: boolean;
  /** A time at which they must arrive. */
  readonly timed: boolean;
  /** A wire that the program is. */
  readonly wires: boolean;
}

const datagram = ({ control, timed }: Extras): Helper => ({
  needs: control ? [slices, expectControl] : [slices],
  code: String.raw`
#define NO_GRO -1	/* no UDP_GRO control message */

/* A datagram that must come, or count of them whose bytes follow on from each other. */
struct datagram {
	int count;
	int length;		/* what recvmsg returns */
	int gro;
	int flags;		/* msg_flags */
${timed ? AFTER_MS : ''}	struct slice part[SPAN];
${control ? CONTROL_MEMBERS : ''}};

struct receive {
	int fd;
	const char *name;
	const struct datagram *want;
	int items;
	int error;		/* expected in place of datagrams: minus an errno */
	int room, control_room;
	int flags;
	int wait_ms;
	int mark;		/* socket to send the end mark from, -1: none */
	const char *to;		/* where to send it */
	int port;
};`,
});

const CONTROL_MEMBERS = `	const struct came *control;	/* that must come along */
	int controls;
`;

const readOne = (extras: Extras): Helper => ({
  needs: [datagram(extras), ...(extras.timed ? [stampOf] : [])],
  includes: ['arpa/inet.h', 'errno.h', 'netinet/in.h', 'stdio.h', 'sys/socket.h', 'sys/uio.h'],
  code: String.raw`
/* The UDP_GRO control message, an int. */
static int gro_of(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int value = NO_GRO;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_UDP || cmsg->cmsg_type != UDP_GRO)
			continue;
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(value)) || value != NO_GRO)
			return -2;
		memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
	}
	return value;
}

static struct {
	unsigned char data[131072];
	_Alignas(struct cmsghdr) char control[4096];
	size_t control_length;
	struct sockaddr_in6 from;
	int stored, gro, flags;
${extras.timed ? '\tstruct timespec stamp;\n' : ''}} in;

/* One recvmsg: its result, or minus an errno. */
static int read_one(const struct receive *r)
{
	struct iovec iov = { .iov_base = in.data, .iov_len = r->room };
	struct msghdr msg = {
		.msg_name = &in.from, .msg_namelen = sizeof(in.from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = in.control, .msg_controllen = r->control_room,
	};
	int ret;

	memset(&in.from, 0, sizeof(in.from));
	ret = recvmsg(r->fd, &msg, r->flags | MSG_DONTWAIT);
	if (ret < 0) {
		ret = -errno;
		printf("recvmsg(%s, ...) = -1 %s\n", r->name, errno_name(-ret));
		return ret;
	}
	/* With MSG_TRUNC in the call the return value is the true size. */
	in.stored = ret < r->room ? ret : r->room;
	in.control_length = msg.msg_controllen;
	in.gro = gro_of(&msg);
${extras.timed ? '\tin.stamp = stamp_of(&msg);\n' : ''}	in.flags = msg.msg_flags & ~MSG_CMSG_CLOEXEC;
	printf("recvmsg(%s, {port=%d, iov=[%d of %d], gro=%d, flags=0x%x}) = %d\n", r->name,
	       ntohs(in.from.sin6_port), in.stored, r->room, in.gro, in.flags, ret);
	return ret;
}`,
});

const expectDatagram = (extras: Extras): Helper => ({
  needs: [readOne(extras), fail, ...(extras.timed ? [expectTime] : [])],
  code: String.raw`
static void expect_gro(int index, int want)
{
	if (in.gro == want)
		return;
	if (want == NO_GRO)
		fail("expected no UDP_GRO cmsg with datagram %d, got %d", index, in.gro);
	else if (in.gro == NO_GRO)
		fail("expected a UDP_GRO cmsg of %d with datagram %d, got none", want, index);
	else
		fail("expected a UDP_GRO cmsg of %d with datagram %d, got %d", want, index, in.gro);
}

static void expect_datagram(const struct receive *r, int index, int ret)
{
	const struct datagram *want = r->want;
	int nth = index;

	while (nth >= want->count)
		nth -= want++->count;
	if (ret != want->length)
		fail("expected datagram %d to have %d bytes, got %d", index, want->length, ret);
	else
		expect_bytes(index, in.data, in.stored, want->part, nth * want->part[0].length);
	expect_gro(index, want->gro);
	if (in.flags != want->flags)
		fail("expected msg_flags 0x%x with datagram %d, got 0x%x", want->flags, index, in.flags);
${extras.timed ? '\texpect_time("datagram", index, want->after_ms, &in.stamp);\n' : ''}${extras.control ? CONTROL_CHECK : ''}}`,
});

const CONTROL_CHECK = `	expect_control(index, in.control, in.control_length, want->control, want->controls);
`;

const make = (extras: Extras): Helper => ({
  needs: [expect, expectDatagram(extras), useMark, ...(extras.wires ? [wires] : [])],
  includes: ['poll.h'],
  code: String.raw`
static int readable(const struct receive *r)
{
	struct pollfd poller = { .fd = r->fd, .events = r->flags & MSG_ERRQUEUE ? 0 : POLLIN };

	return poll(&poller, 1, r->wait_ms) > 0;
}

/* Take what comes; returns how much did, *last is how it ended. */
static int take(const struct receive *r, int wanted, int *last)
{
	int got = 0, marked = 0, ret = 0;

	while (got < wanted + 64) {
		if ((r->flags & MSG_PEEK) && got == wanted)
			break;
		if (r->mark >= 0 && !marked && (got == wanted || ret == -EAGAIN)) {
			send_mark(r->mark, r->to, r->port);
${extras.wires ? '\t\t\tpump();\n' : ''}			marked = 1;
		}
		ret = read_one(r);
		if (ret >= 0 && marked && is_mark(r->mark, in.from.sin6_port, in.data, in.stored)) {
			if (read_one(r) >= 0)
				fail("expected nothing after the end mark, got %d bytes", in.stored);
			return got;
		}
		if (ret >= 0) {
			if (got < wanted)
				expect_datagram(r, got, ret);
			got++;
			continue;
		}
		if (ret != -EAGAIN || (!marked && r->mark < 0 && got >= wanted))
			break;
		if ((marked || r->mark < 0) && !readable(r)) {
			if (marked)
				fail("expected the end mark, got nothing: it was lost on the way");
			break;
		}
	}
	*last = ret;
	return got;
}

static void receive(const struct receive *r)
{
	int wanted = 0, last = 0, got, i;

	for (i = 0; i < r->items; i++)
		wanted += r->want[i].count;
	got = take(r, wanted, &last);
	if (r->error && last == r->error)
		return;
	if (r->error)
		fail("expected recvmsg to fail with %s, got %d datagrams", errno_name(-r->error), got);
	else if (last < 0 && last != -EAGAIN)
		fail("expected %d datagrams, got %d and then %s", wanted, got, errno_name(-last));
	else if (got != wanted)
		fail("expected %d datagrams, got %d", wanted, got);
}`,
});

const made = new Map<string, Helper>();

/** Reads as harness/agent/step-receive.ts does; one program has one kind. */
export function receive(extras: Extras): Helper {
  const key = `${extras.control} ${extras.timed} ${extras.wires}`;
  const helper = made.get(key) ?? make(extras);
  made.set(key, helper);
  return helper;
}
