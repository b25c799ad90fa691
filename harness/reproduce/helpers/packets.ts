/** Captured packets held against those that must have passed. */
import type { Helper } from '../helper.ts';
import { openCapture, parse } from './capture.ts';
import { checksumOf, frame } from './checksums.ts';
import { isAnyMark } from './mark.ts';
import { slices } from './payload.ts';
import { die, fail } from './report.ts';
import { expectTime, stampOf } from './times.ts';
import { parseTunnelled } from './tunnels.ts';

const nextFrame: Helper = {
  needs: [die, frame, openCapture, stampOf],
  includes: ['errno.h', 'sys/uio.h'],
  code: String.raw`
/* What is told beside a frame. */
struct beside {
	int outgoing, partial;
	int tag;		/* the VLAN tag that was taken out of it; -1: none */
	struct timespec stamp;
};

static int read_frame(int fd, void *into, int room, struct beside *beside)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec iov = { .iov_base = into, .iov_len = room };
	struct sockaddr_ll from = { 0 };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int ret = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct tpacket_auxdata aux;
	struct cmsghdr *cmsg;

	if (ret < 0)
		return -errno;
	*beside = (struct beside){ .outgoing = from.sll_pkttype == PACKET_OUTGOING, .tag = -1 };
	beside->stamp = stamp_of(&msg);
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_PACKET || cmsg->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
		beside->partial = !!(aux.tp_status & TP_STATUS_CSUMNOTREADY);
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			beside->tag = aux.tp_vlan_tci;
	}
	return ret;
}

/* One frame of any kind; its length, or minus an errno. Its GSO size is 0 where nobody can know it. */
static int next_frame(const struct capture *c, struct frame *frame, struct beside *beside)
{
	static unsigned char same[sizeof(frame->bytes)];
	int length = read_frame(c->vnet, frame, sizeof(*frame), beside);
	struct beside unused;

	if (length >= 0) {
		beside->partial = !!(frame->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
		read_frame(c->plain, same, sizeof(same), &unused);
		return length - (int)sizeof(frame->vnet);
	}
	if (length != -EINVAL)
		return length;
	memset(&frame->vnet, 0, sizeof(frame->vnet));
	frame->vnet.gso_type = GSO_UDP_L4;
	return read_frame(c->plain, frame->bytes, sizeof(frame->bytes), beside);
}`,
};

/** Without tunnels. */
const parsePacket: Helper = {
  needs: [checksumOf, openCapture, parse],
  code: String.raw`
static int parse_packet(const struct frame *frame, int length, int partial, struct seen *p)
{
	if (!parse_frame(frame->bytes, length, p))
		return 0;
	p->checksum = checksum_of(frame, p, 0, partial);
	return 1;
}`,
};

const nextPacket = (tunnels: boolean): Helper => ({
  needs: [isAnyMark, nextFrame, tunnels ? parseTunnelled : parsePacket],
  code: String.raw`
/* The next packet of the case; 0 when there is none. */
static int next_packet(const struct capture *c, struct seen *p)
{
	static struct frame frame;
	struct beside beside;
	int length;

	while ((length = next_frame(c, &frame, &beside)) >= 0) {
		memset(p, 0, sizeof(*p));
		if ((c->loopback && !beside.outgoing) || !parse_packet(${tunnels ? 'c, ' : ''}&frame, length, beside.partial, p))
			continue;
		/* Nobody else sends fragments here; later ones have no ports to tell them by. */
		if (p->sport >= 0 && p->sport != c->port && p->dport != c->port)
			continue;
		if (is_any_mark(p->payload, p->length))
			continue;
		p->gso = frame.vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
		p->gso_size = frame.vnet.gso_size;
		p->priority = beside.tag < 0 ? p->priority : beside.tag >> 13;
		p->stamp = beside.stamp;
		return 1;
	}
	if (length != -EAGAIN)
		die("recvmsg(AF_PACKET)");
	return 0;
}`,
});

const noDrops: Helper = {
  needs: [die, openCapture],
  includes: ['errno.h'],
  code: String.raw`
static void no_drops(int fd)
{
	struct tpacket_stats stats = { 0 };
	socklen_t length = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length))
		die("PACKET_STATISTICS");
	errno = ENOBUFS;
	if (stats.tp_drops)
		die("the capture lost packets");
}`,
};

/** Fields of a packet that can be stated: the contract's name and that of the C structures. */
export const PACKET_FIELDS = {
  gso: 'gso',
  gsoSize: 'gso_size',
  checksum: 'checksum',
  outerChecksum: 'outer_checksum',
  outerIpLength: 'outer_ip_length',
  outerUdpLength: 'outer_udp_length',
  outerTtl: 'outer_ttl',
  outerTos: 'outer_tos',
  outerDf: 'outer_df',
  ipLength: 'ip_length',
  udpLength: 'udp_length',
  ttl: 'ttl',
  tos: 'tos',
  df: 'df',
  priority: 'priority',
  afterMs: 'after_ms',
} as const;

/** C names of fields. */
export type PacketField = (typeof PACKET_FIELDS)[keyof typeof PACKET_FIELDS];

/** Fields of the packet around one in a tunnel. */
const OUTER = 'outer_';

/** One for each set of fields: a program that reads two captures needs it once. */
const made = new Map<string, Helper>();

/**
 * Compares the fields that this case states anywhere, -1 where one packet leaves it open. `tunnels`: the case's packets may be
 * in some.
 */
export function expectPackets(fields: ReadonlySet<PacketField>, tunnels: boolean): Helper {
  const inside = tunnels || [...fields].some(isOuter);
  const key = [inside, ...fields].join();
  const helper = made.get(key) ?? make(fields, inside);
  made.set(key, helper);
  return helper;
}

function isOuter(field: PacketField): boolean {
  return field.startsWith(OUTER);
}

/** Where the program has what it saw. */
function place(field: PacketField): string {
  return isOuter(field) ? `outer.${field.slice(OUTER.length)}` : `p.${field}`;
}

const SHOW_OUTER = String.raw`		if (outer.length >= 0)
			printf("\taround it: ip %d, udp %d, ttl %d, tos %d, checksum %d\n", outer.ip_length,
			       outer.udp_length, outer.ttl, outer.tos, outer.checksum);
`;

function make(fields: ReadonlySet<PacketField>, tunnels: boolean): Helper {
  const timed = fields.has('after_ms');
  const members = [...fields]
    .map((field) => `\t${field === 'after_ms' ? 'double' : 'int'} ${field};\n`)
    .join('');
  const checks = [...fields].map((field) => {
    if (field === 'after_ms') return '\texpect_time("packet", index, want->after_ms, &p.stamp);\n';
    const check = `\texpect_field(index, "${field}", ${place(field)}, want->${field});\n`;
    return field === 'gso_size'
      ? `\tif (p.gso_size || !p.gso) /* before 6.2 it cannot be seen */\n\t${check}`
      : check;
  });
  const open =
    fields.size === Number(timed)
      ? ''
      : String.raw`
static void expect_field(int index, const char *name, int got, int want)
{
	if (want >= 0 && got != want)
		fail("expected packet %d to have %s %d, got %d", index, name, want, got);
}
`;
  return {
    needs: [fail, nextPacket(tunnels), noDrops, slices, ...(timed ? [expectTime] : [])],
    includes: ['stdio.h'],
    code: String.raw`
/* A packet that must pass, or count of them whose bytes follow on from each other; -1: any value. */
struct packet {
	int count;
${members}	struct slice part[SPAN];
};
${open}
static void expect_packet(const struct seen *got, int index, const struct packet *want, int nth)
{
	struct seen p = *got;

	expect_bytes(index, p.payload, p.length, want->part, nth * want->part[0].length);
${checks.join('')}}

static void expect_packets(const struct capture *c, const struct packet *want, int items)
{
	struct seen p;
	int index = 0, nth = 0;

	for (; next_packet(c, &p); index++) {
		printf("packet: %d bytes of payload, ip %d, udp %d, gso type %d size %d, checksum %d\n",
		       p.length, p.ip_length, p.udp_length, p.gso, p.gso_size, p.checksum);
${tunnels ? SHOW_OUTER : ''}		if (!items) {
			fail("expected no more packets, got one of %d bytes", p.length);
			continue;
		}
		expect_packet(&p, index, want, nth);
		if (++nth == want->count) {
			nth = 0;
			want++;
			items--;
		}
	}
	if (items)
		fail("expected more than %d packets, got no more", index);
	no_drops(c->vnet);
	no_drops(c->plain);
}`,
  };
}
