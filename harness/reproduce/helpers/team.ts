/** Teams: what they do with a packet is told by generic netlink only, include/uapi/linux/if_team.h. */
import type { Helper } from '../helper.ts';
import { netlink } from './netlink.ts';
import { die, skip } from './report.ts';

/** In place of a user namespace: team_nl_ops has GENL_ADMIN_PERM, which asks for a capability of the first one. */
export const needRoot: Helper = {
  needs: [skip],
  includes: ['unistd.h'],
  code: String.raw`
/* In a user namespace of its own it would be root in vain: a team obeys only who is root of the machine. */
static void need_root(void)
{
	if (geteuid())
		skip("a team, which obeys root only");
}`,
};

/**
 * `team_option(dev, name, type, data, length)`. The kernel then tells the family's group of the change, and answers with what became of
 * that news (team_nl_send_event_options_get()): ESRCH where nobody listens.
 */
const teamOption: Helper = {
  needs: [die, netlink, skip],
  includes: ['linux/genetlink.h', 'linux/if_team.h', 'linux/types.h', 'net/if.h', 'string.h'],
  code: String.raw`
/* Types of options: the kernel's own numbers (include/net/netlink.h), which it does not export. */
enum { TEAM_U32 = 3, TEAM_STRING = 5 };

/* The number of a family of generic netlink in this namespace. */
static int family_number(const char *name)
{
	struct genlmsghdr command = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct netlink request = { .head = { .nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = GENL_ID_CTRL } };
	unsigned int at = GENL_HDRLEN, end;
	struct nlattr attribute;
	__u16 number;

	append(&request, &command, sizeof(command));
	put(&request, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	if (ask(NETLINK_GENERIC, &request))
		die(name);
	end = answer.head.nlmsg_len - NLMSG_HDRLEN;
	for (; at + NLA_HDRLEN <= end; at += NLA_ALIGN(attribute.nla_len)) {
		memcpy(&attribute, answer.body + at, sizeof(attribute));
		if (attribute.nla_len < NLA_HDRLEN)
			break;
		if (attribute.nla_type != CTRL_ATTR_FAMILY_ID)
			continue;
		memcpy(&number, answer.body + at + NLA_HDRLEN, sizeof(number));
		return number;
	}
	errno = ENOMSG;
	die(name);
}

static int team_option(const char *dev, const char *name, __u8 type, const void *data, int length)
{
	struct netlink request = { .head = { .nlmsg_len = NLMSG_HDRLEN, .nlmsg_flags = NLM_F_ACK } };
	struct genlmsghdr command = { .cmd = TEAM_CMD_OPTIONS_SET, .version = TEAM_GENL_VERSION };
	__u32 index = if_nametoindex(dev);
	struct nlattr *list, *item;

	request.head.nlmsg_type = family_number(TEAM_GENL_NAME);
	append(&request, &command, sizeof(command));
	put(&request, TEAM_ATTR_TEAM_IFINDEX, &index, sizeof(index));
	list = put(&request, NLA_F_NESTED | TEAM_ATTR_LIST_OPTION, "", 0);
	item = put(&request, NLA_F_NESTED | TEAM_ATTR_ITEM_OPTION, "", 0);
	put(&request, TEAM_ATTR_OPTION_NAME, name, strlen(name) + 1);
	put(&request, TEAM_ATTR_OPTION_TYPE, &type, sizeof(type));
	put(&request, TEAM_ATTR_OPTION_DATA, data, length);
	end_nest(&request, item);
	end_nest(&request, list);
	if (!ask(NETLINK_GENERIC, &request) || errno == ESRCH)
		return 0;	/* ESRCH: nobody listens to the news of this change, which is done */
	return -1;
}`,
};

/** EINVAL: the kernel has no such mode (team_change_mode()). EPERM: root in a user namespace. */
export const teamMode: Helper = {
  needs: [teamOption],
  includes: ['errno.h', 'stdio.h'],
  code: String.raw`
/* Without a mode a team drops everything. */
static void team_mode(const char *dev, const char *mode)
{
	printf("+ teamnl %s setoption mode %s\n", dev, mode);
	if (!team_option(dev, "mode", TEAM_STRING, mode, strlen(mode) + 1))
		return;
	if (errno == EINVAL || errno == EPERM)
		skip(mode);
	die(mode);
}`,
};

export const teamPort: Helper = {
  needs: [teamOption],
  includes: ['stdio.h'],
  code: String.raw`
/* The port that all packets leave by, in mode activebackup. */
static void team_port(const char *dev, const char *port)
{
	__u32 index = if_nametoindex(port);

	printf("+ teamnl %s setoption activeport %u\n", dev, index);
	if (team_option(dev, "activeport", TEAM_U32, &index, sizeof(index)))
		die(port);
}`,
};
