/** Packets as a device sees them: AF_PACKET with virtio-net headers, decoded down to UDP or the inside of a fragment. */
import type { Helper } from '../helper.ts';
import { die } from './report.ts';

export const openCapture: Helper = {
  needs: [die],
  includes: ['arpa/inet.h', 'linux/if_packet.h', 'net/ethernet.h', 'net/if.h', 'string.h', 'sys/socket.h'],
  code: String.raw`
/*
 * Before 6.2 the kernel has no virtio-net header for UDP GSO and loses the packet (EINVAL): the plain
 * socket beside it has that packet too.
 */
struct capture {
	int vnet, plain;
	int port;		/* either end */
	int loopback;		/* lo shows each packet twice */
};

/* Beside each frame: its time, and the VLAN tag that was taken out of it. */
static int open_packet(const char *dev, int vnet)
{
	struct sockaddr_ll name = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(dev),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), room = 64 << 20, one = 1;

	if (fd < 0)
		die("socket(AF_PACKET)");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &vnet, sizeof(vnet)))
		die("setsockopt(AF_PACKET)");
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)))
		die("bind(AF_PACKET)");
	return fd;
}

static struct capture open_capture(const char *dev, int port)
{
	struct capture capture = { .port = port, .loopback = !strcmp(dev, "lo") };

	capture.vnet = open_packet(dev, 1);
	capture.plain = open_packet(dev, 0);
	return capture;
}`,
};

export const seen: Helper = {
  includes: ['netinet/in.h', 'stdint.h', 'time.h'],
  code: String.raw`
enum { NO_FRAGMENT, FIRST_FRAGMENT, LATER_FRAGMENT };

/* What a captured packet says; IPv6 has no DF (-1), a later fragment no UDP header: no ports (-1). */
struct seen {
	int fragment;
	int gso, gso_size, checksum;
	int ip_length, udp_length, ttl, tos, df;
	int priority;			/* of the outermost VLAN tag; 0 without one */
	struct timespec stamp;
	int sport, dport;
	const unsigned char *ip, *source, *destination;
	uint32_t pseudo;	/* sum of the pseudo header */
	const unsigned char *payload;
	int length;
};

static int be16(const unsigned char *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static uint32_t sum16(const unsigned char *bytes, int length, uint32_t sum)
{
	for (; length > 1; length -= 2, bytes += 2)
		sum += be16(bytes);
	return length ? sum + (bytes[0] << 8) : sum;
}`,
};

export const parse: Helper = {
  needs: [seen],
  code: String.raw`
static int fragment_of(int offset, int more)
{
	return offset ? LATER_FRAGMENT : more ? FIRST_FRAGMENT : NO_FRAGMENT;
}

/* Where UDP or its rest begins, and in *length where the packet ends; 0 when there is no UDP. */
static int parse_ipv4(const unsigned char *ip, int *length, struct seen *p)
{
	int header, fragment;

	if (*length < 20)
		return 0;
	header = (ip[0] & 15) * 4;
	if (header < 20 || *length < header || ip[9] != IPPROTO_UDP)
		return 0;
	fragment = be16(ip + 6);
	p->ip_length = be16(ip + 2);
	p->tos = ip[1];
	p->ttl = ip[8];
	p->df = !!(fragment & 0x4000);
	p->source = ip + 12;
	p->destination = ip + 16;
	p->fragment = fragment_of(fragment & 0x1fff, fragment & 0x2000);
	if (p->ip_length && p->ip_length < *length)
		*length = p->ip_length < header ? header : p->ip_length;
	return header;
}

static int parse_ipv6(const unsigned char *ip, int *length, struct seen *p)
{
	int next, at = 40, step;

	if (*length < 40)
		return 0;
	next = ip[6];
	p->ip_length = 40 + be16(ip + 4);
	p->tos = be16(ip) >> 4 & 255;
	p->ttl = ip[7];
	p->df = -1;
	p->source = ip + 8;
	p->destination = ip + 24;
	if (p->ip_length > 40 && p->ip_length < *length)
		*length = p->ip_length;
	while (p->fragment != LATER_FRAGMENT && (next == 0 || next == 43 || next == 44 || next == 60)) {
		if (*length < at + 8)
			return 0;
		if (next == 44)
			p->fragment = fragment_of(be16(ip + at + 2) & 0xfff8, ip[at + 3] & 1);
		if (next == 43 && ip[at + 3] && *length >= at + 24)
			p->destination = ip + at + 8;
		step = next == 44 ? 8 : (ip[at + 1] + 1) * 8;
		next = ip[at];
		at += step;
		if (*length < at)
			return 0;
	}
	/* Destination options that are cut with the datagram: its first header, which all fragments name. */
	if (p->fragment == LATER_FRAGMENT && next == 60)
		return at;
	return next == IPPROTO_UDP ? at : 0;
}

/* True for UDP and for later fragments of it. */
static int parse_frame(const unsigned char *frame, int length, struct seen *p)
{
	int at = 14, udp = 0, addresses = 16;
	const unsigned char *ip;

	while (length >= at + 4 && (be16(frame + at - 2) == 0x8100 || be16(frame + at - 2) == 0x88a8)) {
		if (at == 14)
			p->priority = frame[at] >> 5;
		at += 4;
	}
	ip = p->ip = frame + at;
	length -= at;
	if (length >= 20 && be16(ip - 2) == 0x0800 && ip[0] >> 4 == 4) {
		udp = parse_ipv4(ip, &length, p);
		addresses = 4;
	} else if (length >= 40 && be16(ip - 2) == 0x86dd && ip[0] >> 4 == 6) {
		udp = parse_ipv6(ip, &length, p);
	}
	if (!udp || length < udp + (p->fragment == LATER_FRAGMENT ? 0 : 8))
		return 0;
	if (p->fragment == LATER_FRAGMENT) {
		p->sport = p->dport = -1;
		p->payload = ip + udp;
		p->length = length - udp;
		return 1;
	}
	p->sport = be16(ip + udp);
	p->dport = be16(ip + udp + 2);
	p->udp_length = be16(ip + udp + 4);
	p->payload = ip + udp + 8;
	p->length = length - udp - 8;
	p->pseudo = sum16(p->source, addresses, IPPROTO_UDP + length - udp);
	p->pseudo = sum16(p->destination, addresses, p->pseudo);
	return 1;
}`,
};
