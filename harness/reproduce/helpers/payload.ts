/** The same payload as harness/agent/payload.ts, so that a lost, doubled or moved byte is seen. */
import type { Helper } from '../helper.ts';
import { fail } from './report.ts';

export const payload: Helper = {
  includes: ['stdint.h', 'string.h'],
  code: String.raw`
#define BLOCK 256
#define BLOCKS 4096
#define LONGEST 131072	/* bytes of one send */

static uint32_t mix(uint32_t value)
{
	value += 0x9e3779b9;
	value = (value ^ value >> 16) * 0x85ebca6b;
	value = (value ^ value >> 13) * 0xc2b2ae35;
	return value ^ value >> 16;
}

/* Blocks that are different permutations of 0..255: any 8 bytes tell where they are from. */
static void fill_pool(unsigned char *pool)
{
	unsigned char base[BLOCK], swap;
	unsigned int block, i, other, index;

	for (i = 0; i < BLOCK; i++)
		base[i] = i;
	for (i = BLOCK - 1; i > 0; i--) {
		other = mix(i) % (i + 1);
		swap = base[i];
		base[i] = base[other];
		base[other] = swap;
	}
	for (block = 0; block < BLOCKS; block++) {
		index = mix(block & 127);
		for (i = 0; i < BLOCK; i++, index += 2 * (block & 127) + 1)
			pool[block * BLOCK + i] = base[index % BLOCK] ^ ((block >> 7) * 8 + (block & 7));
	}
	memcpy(pool + BLOCKS * BLOCK, pool, BLOCK + LONGEST);
}

/* The bytes of one send. */
static unsigned char *payload(unsigned int stream)
{
	static unsigned char pool[BLOCKS * BLOCK + BLOCK + LONGEST];
	static int filled;
	uint32_t mixed = mix(SEED);

	if (!filled)
		fill_pool(pool);
	filled = 1;
	return pool + (mixed % BLOCKS + stream * 257) % BLOCKS * BLOCK + (mixed >> 12) % 129;
}`,
};

/** Parts end with one of no length. */
export const slices: Helper = {
  needs: [fail, payload],
  code: String.raw`
/* Length bytes of one send, from at on. */
struct slice {
	int stream, at, length;
};

/* Item number index must hold these bytes, the first of them offset further on. */
static void expect_bytes(int index, const unsigned char *got, int length,
			 const struct slice *part, int offset)
{
	const unsigned char *want;
	int done = 0, i;

	for (; part->length; part++, offset = 0) {
		want = payload(part->stream) + part->at + offset;
		for (i = 0; i < part->length && done < length; i++, done++) {
			if (got[done] == want[i])
				continue;
			fail("expected byte %d of item %d to be 0x%02x (byte %d of send %d), got 0x%02x",
			     done, index, want[i], part->at + offset + i, part->stream, got[done]);
			return;
		}
		if (i < part->length) {
			fail("expected byte %d of send %d in item %d, got only %d bytes",
			     part->at + offset + i, part->stream, index, length);
			return;
		}
	}
	if (done < length)
		fail("expected %d bytes of payload in item %d, got %d", done, index, length);
}`,
};
