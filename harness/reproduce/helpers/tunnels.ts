/** Packets in a VXLAN tunnel, read as harness/run/tunnelled.ts does. */
import type { Helper } from '../helper.ts';
import { openCapture, parse } from './capture.ts';
import { checksumOf } from './checksums.ts';

/** What is around a packet, as it will be on the wire. */
const around: Helper = {
  needs: [checksumOf],
  includes: ['string.h'],
  code: String.raw`
/* Around the packet last looked at; all numbers -1: it is in no tunnel. */
static struct seen outer;

/*
 * The checksum inside that is left to a device, as it has to be: the outer one counts on it. Its sum
 * begins with that of the pseudo header.
 */
static void fill_in(struct frame *frame, int length)
{
	int start = frame->vnet.csum_start, field = start + 6;
	uint32_t sum;

	if (frame->vnet.csum_offset != 6 || field + 2 > length)
		return;
	sum = ~(sum16(frame->bytes + start, length - start, 0) % 0xffff) & 0xffff;
	frame->bytes[field] = sum >> 8;
	frame->bytes[field + 1] = sum;
}

/* Of the outer header. What is yet to be cut has a pseudo header's sum in each of its checksums. */
static int outer_checksum(struct frame *frame, int length, int partial)
{
	int whole = frame->vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE;
	int own = partial && (whole || is_own(frame, &outer));

	if (whole && !be16(outer.payload - 2))
		return CHECKSUM_ZERO;
	if (partial && !own)
		fill_in(frame, length);
	return verify(&outer, own);
}`,
};

/** `parse_packet(c, frame, length, partial, p)`: the packet inside where there is one. */
export const parseTunnelled: Helper = {
  needs: [around, openCapture, parse],
  code: String.raw`
#define VXLAN_PORT 4789
#define VXLAN_HEADER 8

/* The packet inside a tunnel, unless the tunnel's own packets are what is looked for. */
static int parse_packet(const struct capture *c, struct frame *frame, int length, int partial,
			struct seen *p)
{
	const unsigned char *inner;

	memset(&outer, -1, sizeof(outer));
	if (!parse_frame(frame->bytes, length, p))
		return 0;
	if (p->dport != VXLAN_PORT || c->port == VXLAN_PORT || p->length < VXLAN_HEADER) {
		p->checksum = checksum_of(frame, p, 0, partial);
		return 1;
	}
	outer = *p;
	inner = outer.payload + VXLAN_HEADER;
	memset(p, 0, sizeof(*p));
	if (!parse_frame(inner, outer.length - VXLAN_HEADER, p))
		return 0;
	p->checksum = checksum_of(frame, p, inner - frame->bytes, partial);
	outer.checksum = outer_checksum(frame, length, partial);	/* last: it changes the frame */
	return 1;
}`,
};
