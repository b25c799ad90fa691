/** What a NIC makes of a frame that it is handed: the segmenter of harness/wire/segment.ts. */
import type { Helper } from '../helper.ts';
import { parse } from './capture.ts';
import { frame } from './checksums.ts';
import { isAnyMark } from './mark.ts';
import { die } from './report.ts';

/** `seal(frame, length, ip, udp, nth)`: lengths, identification, both checksums. */
const seal: Helper = {
  needs: [parse],
  code: String.raw`
static void put16(unsigned char *at, int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static int complement(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Lengths and checksums of the nth packet that was cut from one, right for the bytes as they are. */
static void seal(unsigned char *frame, int length, int ip_at, int udp_at, int nth)
{
	unsigned char *ip = frame + ip_at, *udp = frame + udp_at;
	int v4 = ip[0] >> 4 == 4, sum;

	if (v4) {
		put16(ip + 2, length - ip_at);
		put16(ip + 4, be16(ip + 4) + nth);
		put16(ip + 10, 0);
		put16(ip + 10, complement(sum16(ip, (ip[0] & 15) * 4, 0)));
	} else {
		put16(ip + 4, length - ip_at - 40);
	}
	length -= udp_at;
	put16(udp + 4, length);
	put16(udp + 6, 0);
	sum = complement(sum16(udp, length, sum16(ip + (v4 ? 12 : 8), v4 ? 8 : 32, IPPROTO_UDP + length)));
	put16(udp + 6, sum ? sum : 0xffff);	/* 0 is none (RFC 768) */
}`,
};

/** `cut(to, handed, length)`: into the tap device `to`. */
export const cut: Helper = {
  needs: [die, frame, isAnyMark, seal],
  includes: ['string.h', 'sys/uio.h', 'unistd.h'],
  code: String.raw`
static void put_frame(int to, const unsigned char *bytes, int length)
{
	struct virtio_net_hdr plain = { 0 };
	struct iovec iov[] = { { &plain, sizeof(plain) }, { (void *)bytes, length } };

	if (writev(to, iov, 2) != (ssize_t)sizeof(plain) + length)
		die("writev(/dev/net/tun)");
}

/* A checksum that is not where UDP has it is summed up as told (virtio 1.2, 5.1.6.2), and UDP's own left as it came. */
static void obey(const struct frame *handed, unsigned char *bytes, int length, int udp_at)
{
	int from = handed->vnet.csum_start, at = from + handed->vnet.csum_offset;

	memcpy(bytes + udp_at + 6, handed->bytes + udp_at + 6, 2);
	if (at + 2 <= length)
		put16(bytes + at, complement(sum16(bytes + from, length - from, 0)));
}

/* What a NIC makes of a frame that it is handed: packets of gso_size, checksums filled in. All else passes as it is. */
static void cut(int to, const struct frame *handed, int length)
{
	static unsigned char bytes[sizeof(handed->bytes)];
	const struct virtio_net_hdr *vnet = &handed->vnet;
	int partial = vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, size = 0, done = 0, nth = 0;
	int head, ip_at, udp_at, misplaced, piece;
	struct seen p = { 0 };

	if ((vnet->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == GSO_UDP_L4)
		size = vnet->gso_size;
	if (!parse_frame(handed->bytes, length, &p) || p.fragment == LATER_FRAGMENT || (!size && !partial)) {
		put_frame(to, handed->bytes, length);
		return;
	}
	head = p.payload - handed->bytes;
	ip_at = p.ip - handed->bytes;
	udp_at = head - 8;
	misplaced = partial && (vnet->csum_start != udp_at || vnet->csum_offset != 6);
	do {
		piece = size && size < p.length - done ? size : p.length - done;
		memcpy(bytes, handed->bytes, head);
		memcpy(bytes + head, p.payload + done, piece);
		seal(bytes, head + piece, ip_at, udp_at, nth++);
		if (misplaced && !is_any_mark(p.payload, p.length))
			obey(handed, bytes, head + piece, udp_at);
		put_frame(to, bytes, head + piece);
		done += piece;
	} while (done < p.length);
}`,
};
