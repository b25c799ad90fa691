/** Addresses, options and queues of sockets. */
import type { Helper } from '../helper.ts';
import { expect, fail } from './report.ts';

const address: Helper = {
  includes: ['arpa/inet.h', 'netinet/in.h', 'string.h', 'sys/socket.h'],
  code: String.raw`
/* The family is that of the literal. */
static socklen_t address(const char *text, int port, struct sockaddr_storage *to)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (strchr(text, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		inet_pton(AF_INET6, text, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	inet_pton(AF_INET, text, &v4->sin_addr);
	return sizeof(*v4);
}`,
};

export { address };

export const bindTo: Helper = {
  needs: [address],
  code: String.raw`
static int bind_to(int fd, const char *text, int port)
{
	struct sockaddr_storage name;
	socklen_t length = address(text, port, &name);

	return bind(fd, (struct sockaddr *)&name, length);
}`,
};

export const connectTo: Helper = {
  needs: [address],
  code: String.raw`
static int connect_to(int fd, const char *text, int port)
{
	struct sockaddr_storage name;
	socklen_t length = address(text, port, &name);

	return connect(fd, (struct sockaddr *)&name, length);
}`,
};

export const dissolve: Helper = {
  includes: ['netinet/in.h', 'sys/socket.h'],
  code: String.raw`
/* Back to unconnected. */
static int disconnect(int fd)
{
	struct sockaddr_in none = { .sin_family = AF_UNSPEC };

	return connect(fd, (struct sockaddr *)&none, sizeof(none));
}`,
};

export const getOption: Helper = {
  includes: ['string.h', 'sys/socket.h'],
  code: String.raw`
static unsigned char option[65536];	/* what getsockopt gave, and how much */
static socklen_t option_length;

static int get_option(int fd, int level, int name, socklen_t length)
{
	memset(option, 0, sizeof(option));
	option_length = length;
	return getsockopt(fd, level, name, option, &option_length);
}`,
};

export const expectInt: Helper = {
  needs: [getOption, fail],
  includes: ['string.h'],
  code: String.raw`
static void expect_int(int want, socklen_t length)
{
	int got;

	memcpy(&got, option, sizeof(got));
	printf("\t[%d], %u bytes\n", got, option_length);
	if (option_length != length)
		fail("expected an optlen of %u, got %u", length, option_length);
	if (option_length != sizeof(got) || got != want)
		fail("expected the value %d, got %d in %u bytes", want, got, option_length);
}`,
};

export const expectRaw: Helper = {
  needs: [getOption, fail],
  includes: ['string.h'],
  code: String.raw`
static void expect_raw(const void *want, socklen_t size, socklen_t length)
{
	printf("\t%u bytes\n", option_length);
	if (option_length != length)
		fail("expected an optlen of %u, got %u", length, option_length);
	if (option_length != size || memcmp(option, want, size))
		fail("expected other bytes than the %u of this option", option_length);
}`,
};

export const expectQueue: Helper = {
  needs: [expect],
  includes: ['linux/sockios.h', 'sys/ioctl.h'],
  code: String.raw`
static void expect_queue(const char *call, int fd, unsigned long request, int want)
{
	int bytes = 0;

	if (!expect(call, ioctl(fd, request, &bytes), 0))
		return;
	printf("\t[%d]\n", bytes);
	if (bytes != want)
		fail("expected %d bytes in the queue, got %d", want, bytes);
}`,
};
