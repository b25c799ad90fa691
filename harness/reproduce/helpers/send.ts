/** sendmsg and sendmmsg with every part of a message under control. */
import type { Helper } from '../helper.ts';
import { payload } from './payload.ts';
import { die, fail } from './report.ts';
import { address } from './sockets.ts';

/** `struct message`, and `fill_message()`. */
export const message: Helper = {
  needs: [address, die, payload],
  includes: ['stdlib.h', 'string.h', 'sys/socket.h', 'sys/uio.h'],
  code: String.raw`
struct control {
	int level, type;
	const void *data;
	int length;		/* of data */
	size_t cmsg_len;
};

/* One send: its bytes are payload(stream), cut into iov pieces. */
struct message {
	int stream;
	const char *to;		/* NULL: no address is given */
	int port;
	uint32_t flowinfo;	/* of an IPv6 address */
	const int *iov;
	int pieces;
	int unreadable;		/* the piece at NULL, counted from 1; 0: none */
	const struct control *control;
	int controls;
};

static void *zeroed(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		die("calloc");
	return memory;
}

static void fill_control(struct msghdr *msg, const struct message *m)
{
	struct cmsghdr *cmsg;
	int i;

	for (i = 0; i < m->controls; i++)
		msg->msg_controllen += CMSG_SPACE(m->control[i].length);
	if (!m->controls)
		return;
	msg->msg_control = zeroed(1, msg->msg_controllen);
	cmsg = msg->msg_control;
	for (i = 0; i < m->controls; i++) {
		cmsg->cmsg_level = m->control[i].level;
		cmsg->cmsg_type = m->control[i].type;
		cmsg->cmsg_len = m->control[i].cmsg_len;
		memcpy(CMSG_DATA(cmsg), m->control[i].data, m->control[i].length);
		cmsg = (void *)((char *)cmsg + CMSG_SPACE(m->control[i].length));
	}
}

/* A copy with a gap before each piece, so that none ends where the next begins. */
static unsigned char *apart(const struct message *m, const unsigned char *bytes)
{
	unsigned char *copy, *to;
	int i, total = 0;

	for (i = 0; i < m->pieces; i++)
		total += m->iov[i] + 1;
	to = copy = zeroed(1, total);
	for (i = 0; i < m->pieces; i++) {
		memcpy(++to, bytes, m->iov[i]);
		to += m->iov[i];
		bytes += m->iov[i];
	}
	return copy;
}

static void fill_message(struct msghdr *msg, const struct message *m, int flags)
{
	unsigned char *bytes = payload(m->stream);
	int gap = (flags & MSG_ZEROCOPY) && m->pieces > 1;
	int i;

	if (gap)	/* the kernel may read it at any time: never freed */
		bytes = apart(m, bytes);

	memset(msg, 0, sizeof(*msg));
	if (m->to) {
		msg->msg_name = zeroed(1, sizeof(struct sockaddr_storage));
		msg->msg_namelen = address(m->to, m->port, msg->msg_name);
		if (m->flowinfo)
			((struct sockaddr_in6 *)msg->msg_name)->sin6_flowinfo = htonl(m->flowinfo);
	}
	msg->msg_iov = zeroed(m->pieces, sizeof(struct iovec));
	msg->msg_iovlen = m->pieces;
	for (i = 0; i < m->pieces; i++) {
		bytes += gap;
		msg->msg_iov[i].iov_base = i == m->unreadable - 1 ? NULL : bytes;
		msg->msg_iov[i].iov_len = m->iov[i];
		bytes += m->iov[i];
	}
	fill_control(msg, m);
}

static void free_message(struct msghdr *msg)
{
	free(msg->msg_name);
	free(msg->msg_iov);
	free(msg->msg_control);
}`,
};

export const sendOne: Helper = {
  needs: [message],
  includes: ['errno.h'],
  code: String.raw`
static long send_one(int fd, const struct message *m, int flags)
{
	struct msghdr msg;
	ssize_t ret;
	int err;

	fill_message(&msg, m, flags);
	ret = sendmsg(fd, &msg, flags);
	err = errno;
	free_message(&msg);
	errno = err;
	return ret;
}`,
};

export const sendMany: Helper = {
  needs: [message],
  includes: ['errno.h'],
  code: String.raw`
static struct mmsghdr batch[1024];
static int batch_sent;

static long send_many(int fd, const struct message *m, int count, int flags)
{
	int i, err;

	for (i = 0; i < count; i++) {
		fill_message(&batch[i].msg_hdr, &m[i], flags);
		batch[i].msg_len = 0;
	}
	batch_sent = sendmmsg(fd, batch, count, flags);
	err = errno;
	for (i = 0; i < count; i++)
		free_message(&batch[i].msg_hdr);
	errno = err;
	return batch_sent;
}`,
};

export const expectLengths: Helper = {
  needs: [sendMany, fail],
  code: String.raw`
static void expect_lengths(const int *want, int count)
{
	int i;

	if (batch_sent != count)
		fail("expected %d messages to be sent, got %d", count, batch_sent);
	for (i = 0; i < count && i < batch_sent; i++)
		if ((int)batch[i].msg_len != want[i])
			fail("expected message %d to send %d bytes, got %u", i, want[i], batch[i].msg_len);
}`,
};
