/** Expectations: what a step must come to. */
import { z } from 'zod';
import { ERROR_ORIGINS } from '../../contract/evidence.ts';
import { condition, flag, hex, means, optionValue, size } from './common.ts';

export const errno = means('errno', z.string().min(1)).describe('-1 with exactly this errno.');

export const datagramItem = z.union([
  size,
  z.strictObject({
    bytes: size.describe("recvmsg's return value."),
    repeat: size.optional().describe('So many of them in a row; 0 drops the item.'),
    of: size.optional().describe('True size when the read was cut short.'),
    after: size
      .optional()
      .describe(
        'Arrives so many ms after the first send, never sooner; needs SO_TIMESTAMPNS on the receiver.',
      ),
    gro: size.optional().describe('Value of the UDP_GRO control message; without it there must be none.'),
    control: means('options', z.record(z.string().min(1), optionValue))
      .optional()
      .describe('Control messages that must come along once each, by type, with these values; others may.'),
    flags: z.array(flag).optional().describe('msg_flags, by default none.'),
    from_send: size
      .optional()
      .describe('The send, counted from 0, whose bytes begin this item; by default bytes follow on.'),
  }),
]);
export type DatagramItem = z.infer<typeof datagramItem>;

export const packetItem = z.union([
  size,
  z.strictObject({
    bytes: size.describe('UDP payload.'),
    repeat: size.optional(),
    gso: z.enum(['none', 'udp-l4']).optional().describe('Type in the virtio-net header.'),
    gso_size: size.optional(),
    checksum: z.enum(['good', 'bad', 'partial', 'misplaced', 'zero']).optional(),
    ip_length: size.optional(),
    udp_length: size.optional(),
    outer_checksum: z
      .enum(['good', 'bad', 'partial', 'zero'])
      .optional()
      .describe('Of the VXLAN packet around it, as are the next five.'),
    outer_ip_length: size.optional(),
    outer_udp_length: size.optional(),
    outer_ttl: size.optional(),
    outer_tos: size.optional(),
    outer_df: z.boolean().optional(),
    ttl: size.optional(),
    tos: size.optional(),
    df: z.boolean().optional(),
    priority: size.optional().describe('Of its VLAN tag; 0 without a tag.'),
    after: size
      .optional()
      .describe(
        'Leaves so many ms after the first send, never sooner, and no later than the machine is late.',
      ),
    from_send: size.optional(),
  }),
]);
export type PacketItem = z.infer<typeof packetItem>;

/** Of the `errors` step. */
export const errorItem = z.strictObject({
  origin: z.enum(ERROR_ORIGINS).describe('SO_EE_ORIGIN_… in lower case.'),
  repeat: size.optional().describe('So many of them in a row; 0 drops the item.'),
  errno: errno.optional().describe('ee_errno by name.'),
  type: size.optional().describe('ee_type, e.g. of the ICMP message.'),
  code: size.optional().describe('ee_code.'),
  info: size.optional().describe('ee_info, e.g. the MTU an ICMP message tells.'),
  data: size.optional().describe('ee_data, e.g. the id of a time stamp.'),
  bytes: size.optional().describe("recvmsg's return value."),
  offender: means('address', z.string().min(1)).optional().describe('Who reported it.'),
  stamp: z
    .enum(['snd', 'sched'])
    .optional()
    .describe('In place of `info`: SCM_TSTAMP_…; a software time stamp must come along.'),
});
export type ErrorItem = z.infer<typeof errorItem>;

const completions = z.strictObject({
  first: size.describe('Id of the first send completed.'),
  last: size,
  copied: condition.describe('SO_EE_CODE_ZEROCOPY_COPIED.'),
});

/** Beside any expectation in a list of alternatives. */
const choice = {
  when: condition.optional().describe('This alternative counts when the condition holds.'),
  otherwise: z.literal(true).optional().describe('The last alternative.'),
};

const error = { error: errno.optional() };
const datagrams = z.array(datagramItem).describe('Exactly these datagrams, in this order, and no more.');
const packets = z.array(packetItem).describe('Exactly these packets, in this order.');

/** One expectation or a list of alternatives. */
function expectation<T extends z.ZodRawShape>(shape: T) {
  const one = z.strictObject({ ...error, ...shape });
  const alternative = z.strictObject({ ...choice, ...error, ...shape });
  return z.union([one, means('alternatives', z.array(alternative).min(1))]);
}

export const shortShape = { datagrams: datagrams.optional(), wire: packets.optional() };
export const expectShort = expectation(shortShape);
export const expectNothing = expectation({});
export const expectGet = expectation({
  value: size.optional().describe('The int that comes back.'),
  hex: hex.optional(),
  length: size.optional().describe('The length that comes back; by default that of the value.'),
});
export const expectSend = expectation({
  returns: size.optional().describe('By default the bytes handed in.'),
});
export const expectSendmmsg = expectation({
  sent: size.optional().describe('Messages sent, by default all.'),
  lengths: z.array(size).optional().describe('msg_len of each message sent.'),
});
export const expectReceive = expectation({ datagrams: datagrams.optional() });
export const expectInject = expectation({
  arrives: z.literal(false).optional().describe('The kernel takes the frame and drops it.'),
});
export const expectErrors = expectation({
  errors: z.array(errorItem).optional().describe('Exactly these notices, in this order, and no more.'),
  completions: completions.optional().describe('Zerocopy completions, however they are put together.'),
});
export const expectQueue = expectation({ bytes: size.optional() });
export const expectCounters = z.union([
  z.record(z.string().regex(/^[A-Z]/, 'a counter name'), size),
  means('alternatives', z.array(z.object(choice).catchall(size)).min(1)),
]);
export const expectPackets = expectation({ packets: packets.optional() });
