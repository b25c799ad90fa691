/** States of UDP checksums: those of harness/wire/udp.ts and harness/wire/vnet.ts. */
import type { Helper } from '../helper.ts';
import { seen } from './capture.ts';

/** `verify(p, left)`: over the pseudo header and all bytes up to the end of the packet. */
export const verify: Helper = {
  needs: [seen],
  code: String.raw`
enum {
	CHECKSUM_BAD, CHECKSUM_GOOD, CHECKSUM_ZERO, CHECKSUM_PARTIAL, CHECKSUM_MISPLACED, CHECKSUM_FRAGMENT,
};

/* What is left to a device begins with the pseudo header's sum, not negated, in which 0 and 0xffff are the same. */
static int verify(const struct seen *p, int left)
{
	const unsigned char *udp = p->payload - 8;
	int given = be16(udp + 6);
	uint32_t sum;

	if (left)
		return given % 0xffff == (int)(p->pseudo % 0xffff) ? CHECKSUM_PARTIAL : CHECKSUM_BAD;
	if (!given)
		return CHECKSUM_ZERO;
	sum = sum16(udp, 8 + p->length, p->pseudo);
	return sum && sum % 0xffff == 0 ? CHECKSUM_GOOD : CHECKSUM_BAD;
}`,
};

export const frame: Helper = {
  includes: ['linux/virtio_net.h'],
  code: String.raw`
struct frame {
	struct virtio_net_hdr vnet;	/* csum_start 0: the kernel did not say where */
	unsigned char bytes[65536 + 256];
};`,
};

/** `checksum_of(frame, p, at, partial)` */
export const checksumOf: Helper = {
  needs: [frame, verify],
  code: String.raw`
/* Does the checksum that is left to a device stand where this packet has its own? */
static int is_own(const struct frame *frame, const struct seen *p)
{
	const struct virtio_net_hdr *vnet = &frame->vnet;

	return !vnet->csum_start ||
	       (frame->bytes + vnet->csum_start == p->payload - 8 && vnet->csum_offset == 6);
}

/* Of the packet in the frame that begins at this byte; one that begins before is not its own. */
static int checksum_of(const struct frame *frame, const struct seen *p, int at, int partial)
{
	int start = frame->vnet.csum_start, left = partial && (!start || start >= at);

	if (p->fragment)	/* that of the datagram is over all of its fragments */
		return CHECKSUM_FRAGMENT;
	return left && !is_own(frame, p) ? CHECKSUM_MISPLACED : verify(p, left);
}`,
};
