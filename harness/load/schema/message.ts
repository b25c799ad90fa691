/** What a send hands to the kernel. */
import { z } from 'zod';
import { address, bytesText, flag, level, option, size } from './common.ts';

const to = address.describe('`sender`, `receiver`, `any`, or a literal address.');
const port = size.describe('0..65535; by default 9000 for `receiver`, else 0.');
export const flags = z.array(flag).describe('MSG_… names.');

const launch = z
  .strictObject({
    clock: z.enum(['monotonic', 'tai']),
    delta: size.describe('In ms; less than 0: in the past.'),
  })
  .describe('A launch time for SCM_TXTIME: the time when the call is made, and so much more.');

export const controlItem = z.strictObject({
  level: level.optional().describe('By default the level the type belongs to.'),
  type: option.describe('e.g. UDP_SEGMENT'),
  u8: size.optional(),
  u16: size.optional(),
  int: size.optional(),
  u64: size.optional(),
  hex: bytesText.optional(),
  txtime: launch.optional(),
  length: size.optional().describe('cmsg_len, its header of 16 bytes included, to make it wrong on purpose.'),
});
export type ControlItem = z.infer<typeof controlItem>;

export const messageShape = {
  to: to.optional().describe('Absent: no address is given.'),
  port: port.optional(),
  bytes: size.optional(),
  iov: z.array(size).optional().describe('Lengths of the iovecs, in place of `bytes`.'),
  unreadable: size
    .optional()
    .describe('The iovec, counted from 0, that points to no memory (NULL): reading it is EFAULT.'),
  gso: size.optional().describe('Adds a UDP_SEGMENT control message, also when 0.'),
  control: z.array(controlItem).optional(),
  flowinfo: size.optional().describe('sin6_flowinfo of the address.'),
};
export const message = z.strictObject(messageShape);
export type MessageYaml = z.infer<typeof message>;

/** What the short form sends. */
export const shortMessage = z.strictObject({
  bytes: size.optional(),
  iov: z.array(size).optional(),
  gso: size.optional().describe('Segment size, asked for as the axis `request` says; 0: none.'),
  control: z.array(controlItem).optional(),
  flags: flags.optional(),
  repeat: size.optional().describe('The send is done so many times, each with the same expectation.'),
});
