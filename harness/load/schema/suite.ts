/** Suite, topology and behaviour files. */
import { z } from 'zod';
import { LINK_KINDS, TEAM_MODES } from '../../contract/topology.ts';
import {
  anything,
  axes,
  condition,
  exclude,
  lets,
  need,
  options,
  prefix,
  size,
  slug,
  text,
  word,
} from './common.ts';
import { datagramItem, errno, expectShort, packetItem } from './expect.ts';
import { shortMessage } from './message.ts';
import { step } from './steps.ts';

const needs = z
  .array(need)
  .describe('Link kinds and capabilities; what is missing on a target makes the case a skip.');
const source = z.array(text).min(1).describe('Where the rule comes from: file, commit, manual page, RFC.');
const tags = z.array(slug).describe('For `segproof run @tag`.');

const shortForm = {
  send: shortMessage.optional().describe('Short form: one send from the sender to the receiver.'),
  options: options.optional().describe('Short form: set on the sender first.'),
  receiver: z
    .strictObject({ options: options.optional(), buffer: size.optional(), control: size.optional() })
    .optional()
    .describe('Short form: the receiving socket.'),
};

export const caseSchema = z.strictObject({
  rule: text.describe('What the kernel must do, in one sentence.'),
  source: source.optional().describe("Added to the suite's."),
  tags: tags.optional(),
  topology: word.optional(),
  axes: axes.optional(),
  exclude: exclude.optional(),
  let: lets.optional(),
  needs: needs.optional(),
  skip_when: z
    .array(z.strictObject({ when: condition, reason: text }))
    .min(1)
    .optional(),
  ...shortForm,
  expect: expectShort.optional(),
  steps: z.array(step).min(1).optional(),
});
export type CaseYaml = z.infer<typeof caseSchema>;

export const suiteSchema = z.strictObject({
  title: text.describe('What the suite is about.'),
  source: source,
  tags: tags.optional(),
  topology: word.optional().describe('A file in fixtures/topologies, without `.yaml`.'),
  axes: axes.optional(),
  exclude: exclude.optional(),
  let: lets.optional(),
  needs: needs.optional(),
  cases: z.record(z.string(), caseSchema),
});
export type SuiteYaml = z.infer<typeof suiteSchema>;

const feature = z.union([z.boolean(), word]);
const inheritable = z.union([z.int(), word]);
const link = z.strictObject({
  name: word,
  kind: word
    .optional()
    .describe(`\`${LINK_KINDS.slice(1).join('`, `')}\` or a \`$parameter\`; by default \`lo\` for lo.`),
  lower: text.optional().describe('vlan, macvlan, ipvlan: the device it stands on.'),
  master: text.optional().describe('The bond, team or bridge it belongs to.'),
  id: size.optional().describe('vlan: its tag; vxlan: its network.'),
  priorities: z
    .boolean()
    .optional()
    .describe("vlan: priorities 1..7 of packets are those of their tags; by default a tag's is 0."),
  remote: word.optional().describe("vxlan: address of the tunnel's other end."),
  source_port: size
    .optional()
    .describe('vxlan: UDP port its packets come from, or the next (from 7.3 on); 0 (default): by a hash.'),
  ttl: inheritable.optional().describe("vxlan: TTL of its packets, or `inherit`; 0 (default): the route's."),
  tos: inheritable
    .optional()
    .describe('vxlan: TOS of its packets without the bits of ECN, or `inherit`; by default 0.'),
  df: word
    .optional()
    .describe("vxlan: don't-fragment of its packets: `unset` (default), `set` or `inherit`."),
  unchecked: feature.optional().describe('vxlan: its packets have no UDP checksum.'),
  mac: z
    .string()
    .regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, 'a hardware address such as 02:00:00:00:00:01')
    .optional(),
  mode: size.optional().describe('bond, macvlan, ipvlan: the number of its mode.'),
  team_mode: word
    .optional()
    .describe(`team: how it spreads packets over its ports, \`${TEAM_MODES.join('`, `')}\`.`),
  active_port: word.optional().describe('team: the port that all packets leave by, in mode `activebackup`.'),
  gso_max_size: size.optional().describe('Longest GSO packet in bytes.'),
  gso_max_segs: size.optional().describe('Most segments of a GSO packet.'),
  qdisc: word
    .optional()
    .describe("Root queueing discipline: `fq`, `etf` or `pfifo`; by default the kernel's choice."),
  peer: z.strictObject({ ns: text, name: text }).optional(),
  mtu: size.optional(),
  up: z.boolean().optional(),
  addresses: z.array(prefix).optional().describe('`address/prefix`'),
  features: z.record(z.string(), feature).optional().describe('ethtool feature → state.'),
  neighbours: z.record(z.string(), word).optional().describe('Address → MAC or `ns/dev`.'),
});
export type LinkYaml = z.infer<typeof link>;
const route = z.strictObject({
  to: prefix,
  dev: word,
  via: text
    .optional()
    .describe('Address of the next hop, of the same family; by default the network is on the link.'),
  mtu: size.optional(),
  local: z.boolean().optional(),
  table: size.optional().describe('Number of the table it is in, 1 to 252; by default the main one.'),
});
const rule = z.strictObject({
  mark: size.optional().describe('SO_MARK of the packets it is for.'),
  tos: size.optional().describe('Their TOS or traffic class without the bits of ECN, 4 to 28.'),
  table: size.describe('The table they are routed by, 1 to 252.'),
});
const endpoint = {
  ns: text,
  ipv4: z.string().optional(),
  ipv6: z.string().optional(),
};

export const topologySchema = z.strictObject({
  title: text,
  parameters: z
    .record(z.string(), z.union([z.int(), z.boolean(), text]))
    .optional()
    .describe('Name → default; an axis of the same name overrides it.'),
  namespaces: z.record(
    z.string(),
    z.strictObject({
      links: z.array(link).min(1),
      routes: z.array(route).optional(),
      rules: z.array(rule).optional().describe('Policy rules for both families, asked in this order.'),
      sysctls: z.record(z.string(), anything).optional(),
    }),
  ),
  sender: z.strictObject(endpoint),
  receiver: z.strictObject({
    ...endpoint,
    receives: z
      .literal(false)
      .optional()
      .describe('Nobody listens there; packets are looked for on the wire.'),
  }),
  wire: z.strictObject({ ns: text, dev: text }).optional(),
});
export type TopologyYaml = z.infer<typeof topologySchema>;

const version = z
  .string()
  .regex(/^\d+\.\d+(?:\.\d+)?(?:-rc\d+)?$/, 'a kernel version such as "6.14" or "6.14-rc2"');
const answer = z.strictObject({
  error: errno.optional(),
  datagrams: z.array(datagramItem).optional(),
  wire: z.array(packetItem).optional(),
});

export const behaviourSchema = z.strictObject({
  summary: text,
  commit: z.string().regex(/^[0-9a-f]{12,40}$/, 'a commit hash of 12 to 40 hex digits'),
  subject: text.describe("The commit's subject."),
  since: version.describe('First mainline release with it.'),
  stable: z.array(version).optional().describe('First release with it of each stable series that got it.'),
  until: version.optional().describe('First mainline release without it again.'),
  until_stable: z.array(version).optional(),
  unsure: z.array(version).optional().describe('Series of which the records do not tell.'),
  implies: z.record(z.string(), z.int()).optional().describe('Constants it changes.'),
  probe: z.strictObject({
    topology: text,
    family: z.enum(['ipv4', 'ipv6']),
    mtu: z.int().optional(),
    parameters: z.record(z.string(), z.union([z.int(), z.boolean(), text])).optional(),
    request: z.enum(['cmsg', 'setsockopt']).optional(),
    sender: z.enum(['unconnected', 'connected', 'corked']).optional(),
    needs: needs.optional(),
    let: lets.optional(),
    ...shortForm,
    has: answer.optional(),
    lacks: answer.optional(),
    steps: z.array(z.unknown()).min(1).optional(),
  }),
});
export type BehaviourYaml = z.infer<typeof behaviourSchema>;

export const behavioursSchema = z.strictObject({
  behaviours: z.record(z.string(), behaviourSchema),
  constants: z
    .record(z.string(), z.int())
    .optional()
    .describe('Value of each implied constant without the behaviour.'),
});
