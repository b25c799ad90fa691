/** A send whose bytes in memory become others right after the call: MSG_ZEROCOPY may still read them there. */
import type { Helper } from '../helper.ts';
import { payload } from './payload.ts';
import { message } from './send.ts';

/** `send_and_overwrite(fd, message, flags, stream, from)` */
export const sendAndOverwrite: Helper = {
  needs: [message, payload],
  includes: ['errno.h', 'string.h'],
  code: String.raw`
/*
 * From byte number from on the bytes become those of another send, from its first one on. The kernel
 * may read them until it says that it is done: they are never freed.
 */
static long send_and_overwrite(int fd, const struct message *m, int flags, int stream, int from)
{
	const unsigned char *other = payload(stream);
	unsigned char *own;
	struct msghdr msg;
	int i, j, at = 0, err;
	ssize_t ret;

	fill_message(&msg, m, flags);
	for (i = 0; i < m->pieces; i++) {	/* payload() is everybody's */
		own = zeroed(1, m->iov[i]);
		memcpy(own, msg.msg_iov[i].iov_base, m->iov[i]);
		msg.msg_iov[i].iov_base = own;
	}
	ret = sendmsg(fd, &msg, flags);
	err = errno;
	for (i = 0; i < m->pieces; i++) {
		own = msg.msg_iov[i].iov_base;
		for (j = 0; j < m->iov[i]; j++, at++)
			if (at >= from)
				own[j] = other[at - from];
	}
	free_message(&msg);
	errno = err;
	return ret;
}`,
};
