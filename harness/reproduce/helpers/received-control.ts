/** Control messages that must come with a datagram: what harness/judge/received-control.ts asks of them. */
import type { Helper } from '../helper.ts';
import { fail } from './report.ts';

/** `expect_control(index, buffer, length, want, count)` */
export const expectControl: Helper = {
  needs: [fail],
  includes: ['stdio.h', 'string.h', 'sys/socket.h'],
  code: String.raw`
/* A control message that must come along, once; others may. */
struct came {
	int level, type;
	const char *name;
	const void *data;
	int length;
};

/* Of 64 bytes at most. */
static const char *hex(const unsigned char *data, int length)
{
	static char text[2 * 64 + 1];
	int i;

	*text = 0;
	for (i = 0; i < length && i < 64; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	return text;
}

static void expect_one_control(int index, struct msghdr *msg, const struct came *want)
{
	const unsigned char *data = NULL;
	struct cmsghdr *cmsg;
	int found = 0, length = 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != want->level || cmsg->cmsg_type != want->type)
			continue;
		data = CMSG_DATA(cmsg);
		length = cmsg->cmsg_len - CMSG_LEN(0);
		found++;
	}
	if (found != 1) {
		fail("expected one %s cmsg with datagram %d, got %d", want->name, index, found);
		return;
	}
	printf("\t%s %s\n", want->name, hex(data, length));
	if (length == want->length && !memcmp(data, want->data, length))
		return;
	fail("expected other data than %s (%d bytes) in the %s cmsg with datagram %d", hex(data, length), length,
	     want->name, index);
}

static void expect_control(int index, void *buffer, size_t length, const struct came *want, int count)
{
	struct msghdr msg = { .msg_control = buffer, .msg_controllen = length };
	int i;

	for (i = 0; i < count; i++)
		expect_one_control(index, &msg, &want[i]);
}`,
};
