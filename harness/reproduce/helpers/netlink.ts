/** Netlink requests, for what ip(8) has no words for: include/uapi/linux/netlink.h. */
import type { Helper } from '../helper.ts';
import { die } from './report.ts';

/** `put(request, type, data, length)`, and `ask(protocol, request)`: 0, or -1 with an errno; `answer` is what the kernel said. */
export const netlink: Helper = {
  needs: [die],
  includes: ['errno.h', 'linux/netlink.h', 'string.h', 'sys/socket.h', 'unistd.h'],
  code: String.raw`
/* A request, or the answer to one. */
struct netlink {
	struct nlmsghdr head;
	_Alignas(NLMSG_ALIGNTO) char body[4096];
};

static struct netlink answer;

/* Adds bytes behind what is there, aligned; returns where they are. */
static void *append(struct netlink *request, const void *data, int length)
{
	char *to = request->body + request->head.nlmsg_len - NLMSG_HDRLEN;

	memcpy(to, data, length);
	request->head.nlmsg_len += NLMSG_ALIGN(length);
	return to;
}

/* Adds an attribute. */
static struct nlattr *put(struct netlink *request, int type, const void *data, int length)
{
	struct nlattr head = { .nla_type = type, .nla_len = NLA_HDRLEN + length };
	struct nlattr *attribute = append(request, &head, sizeof(head));

	append(request, data, length);
	return attribute;
}

/* Everything added since begins inside of that attribute. */
static void end_nest(struct netlink *request, struct nlattr *nest)
{
	nest->nla_len = request->body + request->head.nlmsg_len - NLMSG_HDRLEN - (char *)nest;
}

/* One request and one answer. The kernel answers before send() returns. */
static int ask(int protocol, struct netlink *request)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct nlmsgerr error = { 0 };

	request->head.nlmsg_flags |= NLM_F_REQUEST;
	if (fd < 0 || send(fd, request, request->head.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		die("socket(AF_NETLINK)");
	close(fd);
	if (answer.head.nlmsg_type != NLMSG_ERROR)
		return 0;
	memcpy(&error, answer.body, sizeof(error));
	errno = -error.error;
	return error.error ? -1 : 0;
}`,
};
