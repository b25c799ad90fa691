/** What lies between two tap devices, a NIC and its wire: that of harness/agent/tap.ts. */
import type { Helper } from '../helper.ts';
import { isAnyMark } from './mark.ts';
import { cut } from './nic.ts';
import { die } from './report.ts';

/** Most wires of one program. */
export const MOST_WIRES = 8;

/** `join(one, other)`: a wire between two tap devices; `pump()`: all of them carry over what waits. */
export const wires: Helper = {
  needs: [cut, die, isAnyMark],
  includes: ['errno.h', 'string.h', 'unistd.h'],
  code: String.raw`
static struct wire {
	int one, other;		/* descriptors of tap devices */
} wires[${MOST_WIRES}];
static int wire_count;

static void join(int one, int other)
{
	wires[wire_count++] = (struct wire){ one, other };
}

static void carry(int from, int to)
{
	static struct frame frame, mark;
	int length, mark_length = 0;
	struct seen p;

	while ((length = read(from, &frame, sizeof(frame))) >= (int)sizeof(frame.vnet)) {
		length -= sizeof(frame.vnet);
		memset(&p, 0, sizeof(p));
		/* The end mark comes after all else. */
		if (parse_frame(frame.bytes, length, &p) && is_any_mark(p.payload, p.length)) {
			if (mark_length)
				cut(to, &mark, mark_length);
			mark = frame;
			mark_length = length;
			continue;
		}
		cut(to, &frame, length);
	}
	if (length >= 0 || errno != EAGAIN)
		die("read(/dev/net/tun)");
	if (mark_length)
		cut(to, &mark, mark_length);
}

/* What waits at either end of a wire goes to the other. */
static void pump(void)
{
	int i;

	for (i = 0; i < wire_count; i++) {
		carry(wires[i].one, wires[i].other);
		carry(wires[i].other, wires[i].one);
	}
}`,
};
