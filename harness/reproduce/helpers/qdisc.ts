/** Queueing disciplines: include/uapi/linux/pkt_sched.h. By netlink, so that nobody needs tc(8), which is a package of its own for some. */
import type { Helper } from '../helper.ts';
import { netlink } from './netlink.ts';
import { die, skip } from './report.ts';

export const rootQdisc: Helper = {
  needs: [die, netlink, skip],
  includes: ['errno.h', 'linux/pkt_sched.h', 'linux/rtnetlink.h', 'net/if.h', 'stdio.h', 'string.h'],
  code: String.raw`
/* As tc qdisc replace; only etf needs to be told anything. */
static void root_qdisc(const char *dev, const char *kind, const struct tc_etf_qopt *etf)
{
	struct netlink request = {
		.head = {
			.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = RTM_NEWQDISC,
			.nlmsg_flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
		},
	};
	struct tcmsg place = {
		.tcm_ifindex = if_nametoindex(dev), .tcm_handle = 1 << 16, .tcm_parent = TC_H_ROOT,
	};
	struct nlattr *options;

	printf("+ tc qdisc replace dev %s root handle 1: %s", dev, kind);
	append(&request, &place, sizeof(place));
	put(&request, TCA_KIND, kind, strlen(kind) + 1);
	if (etf) {
		printf(" clockid %d delta %d", etf->clockid, etf->delta);
		options = put(&request, NLA_F_NESTED | TCA_OPTIONS, "", 0);
		put(&request, TCA_ETF_PARMS, etf, sizeof(*etf));
		end_nest(&request, options);
	}
	puts("");
	if (!ask(NETLINK_ROUTE, &request))
		return;
	if (errno == ENOENT || errno == EOPNOTSUPP)
		skip(kind);
	die(kind);
}`,
};
