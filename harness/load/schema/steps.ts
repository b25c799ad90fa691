/** Steps: one verb each, with what is expected of it beside it. */
import { z } from 'zod';
import { TAP_OFFLOADS } from '../../contract/topology.ts';
import {
  address,
  anything,
  bytesText,
  endpoint,
  family,
  level,
  option,
  options,
  prefix,
  protocol,
  size,
  text,
  word,
} from './common.ts';
import {
  expectCounters,
  expectErrors,
  expectGet,
  expectNothing,
  expectPackets,
  expectQueue,
  expectReceive,
  expectSend,
  expectSendmmsg,
} from './expect.ts';
import { injected } from './inject.ts';
import { flags, message, messageShape } from './message.ts';

const socket = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'a lower-case name')
  .describe('Name of the socket.');
const at = endpoint.describe('Endpoint of the topology: `sender` or `receiver`.');
const to = address.describe('`sender`, `receiver`, `any`, or a literal address.');
const port = size.describe('0..65535; by default 9000 for `receiver`, else 0.');

const place = z.union([to, z.strictObject({ to, port: port.optional() })]);

const beside = { note: text.optional().describe('Why this step.') };

export const verbs = {
  open: z.strictObject({
    open: z.strictObject({
      socket,
      at: at.optional(),
      family: family.optional().describe('`ipv4` or `ipv6`; by default the axis `family`.'),
      protocol: protocol.optional().describe('`udp` (default) or `udplite`.'),
      options: options.optional(),
      bind: place.optional().describe('After the options.'),
      connect: place.optional().describe('After bind.'),
      port: port.optional().describe('Port of `bind`.'),
    }),
    expect: expectNothing.optional().describe('Of socket(2) itself; what follows must succeed.'),
    ...beside,
  }),
  bind: z.strictObject({
    bind: z.strictObject({
      socket,
      to,
      port: port.optional(),
      zero_sum: size
        .optional()
        .describe(
          'In place of a port: the one by which the next send, cut to so many bytes, has a UDP checksum of 0.',
        ),
      zero_sum_from: size.optional().describe('These are the bytes from here on, by default the first.'),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  connect: z.strictObject({
    connect: z.strictObject({
      socket,
      to: to.describe('As for bind; `none` dissolves.'),
      port: port.optional(),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  set: z.strictObject({
    set: z.strictObject({
      socket,
      option,
      level: level.optional().describe('By default the level the option belongs to.'),
      value: anything.optional(),
      hex: bytesText.optional(),
      null: z.literal(true).optional().describe('NULL with length 0.'),
      length: size.optional().describe("optlen, by default the value's own."),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  get: z.strictObject({
    get: z.strictObject({
      socket,
      option,
      level: level.optional(),
      length: size.optional().describe('optlen handed in, by default 4.'),
    }),
    expect: expectGet.optional(),
    ...beside,
  }),
  send: z.strictObject({
    send: z.strictObject({
      socket,
      ...messageShape,
      flags: flags.optional(),
      overwrite: size
        .optional()
        .describe(
          'Right after the call its buffer gets other bytes from this one on, which count as a send that follows.',
        ),
    }),
    expect: expectSend.optional(),
    ...beside,
  }),
  sendmmsg: z.strictObject({
    sendmmsg: z.strictObject({ socket, messages: z.array(message).min(1), flags: flags.optional() }),
    expect: expectSendmmsg.optional(),
    ...beside,
  }),
  receive: z.strictObject({
    receive: z.strictObject({
      socket,
      buffer: size.optional().describe('Bytes per read, by default 65535.'),
      control: size.optional().describe('Bytes for control messages, by default 256.'),
      flags: flags.optional(),
      wait: size.optional().describe('Longest wait in ms, by default 200.'),
    }),
    expect: expectReceive.optional(),
    ...beside,
  }),
  errors: z.strictObject({
    errors: z.strictObject({
      socket,
      wait: size.optional().describe('Longest wait for each notice expected in ms, by default 500.'),
    }),
    expect: expectErrors,
    ...beside,
  }),
  close: z.strictObject({ close: z.strictObject({ socket }), expect: expectNothing.optional(), ...beside }),
  queue: z.strictObject({
    queue: z.strictObject({ socket, which: z.enum(['out', 'in']) }),
    expect: expectQueue,
    ...beside,
  }),
  counters: z.strictObject({
    counters: z.strictObject({ at: at.optional() }),
    expect: expectCounters,
    ...beside,
  }),
  link: z.strictObject({
    link: z.strictObject({
      at: at.optional(),
      dev: word,
      mtu: size.optional(),
      up: z.boolean().optional(),
      gso_max_size: size.optional().describe('Longest GSO packet in bytes.'),
      gso_max_segs: size.optional().describe('Most segments of a GSO packet.'),
      features: z.record(z.string(), z.union([z.boolean(), word])).optional(),
      offloads: z
        .array(z.enum(TAP_OFFLOADS))
        .optional()
        .describe('tap: what the other side takes from now on (TUNSETOFFLOAD); at first all of these.'),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  sysctl: z.strictObject({
    sysctl: z.strictObject({ at: at.optional(), key: word, value: anything }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  route: z.strictObject({
    route: z.strictObject({
      at: at.optional(),
      to: prefix.describe('`address/prefix`, or `receiver`.'),
      dev: word,
      mtu: size.optional(),
      local: z.boolean().optional(),
      del: z.boolean().optional(),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  xfrm: z.strictObject({
    xfrm: z.strictObject({ at: at.optional(), from: to, to }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  capture: z.strictObject({
    capture: z.strictObject({
      name: socket.describe('Name of the capture.'),
      at: at.optional().describe("By default the topology's `wire`."),
      dev: word.optional(),
      port: size.optional().describe('UDP port, by default 9000.'),
    }),
    expect: expectNothing.optional(),
    ...beside,
  }),
  packets: z.strictObject({
    packets: z.strictObject({ name: socket }),
    expect: expectPackets,
    ...beside,
  }),
  ...injected,
} as const;

export type Verb = keyof typeof verbs;
export const VERBS = Object.keys(verbs) as readonly Verb[];

/** A step of a given verb. */
export type StepOf<V extends Verb> = z.infer<(typeof verbs)[V]>;
export type Step = { [V in Verb]: StepOf<V> }[Verb];

export const step = z.union(Object.values(verbs));
