/**
 * The end mark: a datagram down the same path after everything else. What comes before it belongs to the case, and nothing
 * may come after it. It takes the place of waiting, as the sentinel of harness/agent/sentinel.ts does.
 */
import type { Helper } from '../helper.ts';
import { die } from './report.ts';
import { address } from './sockets.ts';

const markText: Helper = {
  includes: ['string.h'],
  code: String.raw`
/*
 * The end mark: a datagram down the same path after everything else. What comes before it belongs to
 * the case, and nothing may come after it. It takes the place of waiting.
 */
#define MARK "end mark "
#define MARK_LENGTH ((int)sizeof(MARK) - 1 + 3)`,
};

/** Recognises any end mark by its bytes; for captures. */
export const isAnyMark: Helper = {
  needs: [markText],
  code: String.raw`
static int is_any_mark(const void *data, int length)
{
	return length == MARK_LENGTH && !memcmp(data, MARK, sizeof(MARK) - 1);
}`,
};

export const openMark: Helper = {
  needs: [die],
  includes: ['sys/socket.h'],
  code: String.raw`
static int open_mark(int family, int protocol)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		die("socket for the end mark");
	return fd;
}`,
};

/** Of a socket of {@link openMark}: `send_mark(from, text, port)` and `is_mark(from, name, data, length)`. */
export const useMark: Helper = {
  needs: [address, markText],
  includes: ['netinet/in.h', 'stdio.h', 'sys/socket.h'],
  code: String.raw`
static char mark[MARK_LENGTH + 1];

static void send_mark(int from, const char *text, int port)
{
	static unsigned int count;
	struct sockaddr_storage to;
	socklen_t length = address(text, port, &to);

	snprintf(mark, sizeof(mark), MARK "%03u", ++count % 1000);
	if (sendto(from, mark, MARK_LENGTH, 0, (struct sockaddr *)&to, length) < 0)
		perror("sendto(the end mark)");
}

/* Is what was read from port (network order) the end mark last sent, as far as it was kept? */
static int is_mark(int from, in_port_t port, const void *data, int length)
{
	struct sockaddr_in6 own;
	socklen_t size = sizeof(own);

	if (getsockname(from, (struct sockaddr *)&own, &size))
		return 0;
	return port == own.sin6_port && length <= MARK_LENGTH && !memcmp(data, mark, length);
}`,
};
