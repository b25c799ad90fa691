/** receive, counters, capture, packets. */
import { tunnelOf } from '../agent/vxlan.ts';
import type { Expected, ExpectedDatagram } from '../contract/expectation.ts';
import { cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { datagramTable, errno, fieldsOf, hasControls, packetTable } from './expected.ts';
import { openCapture } from './helpers/capture.ts';
import { expectCounter } from './helpers/counters.ts';
import { expectPackets } from './helpers/packets.ts';
import { openMark } from './helpers/mark.ts';
import { receive as receiveHelper } from './helpers/receive.ts';
import { endpoint } from './steps-socket.ts';
import type { Of } from './steps-socket.ts';
import { hasWires } from './taps.ts';
import { tellsArrivals } from './times.ts';

/** Counters that one end mark raises where it is sent from, and where it arrives. OutTransmits: 6.9 on. */
const SENT = ['UdpOutDatagrams', 'IpOutRequests', 'IpOutTransmits'];
const RECEIVED = ['UdpInDatagrams', 'IpInReceives', 'IpInDelivers'];

/** End marks that later counters must not count. */
function countMark(draft: Draft, ns: string, names: readonly string[], family: 'ipv4' | 'ipv6'): void {
  const counts = draft.marks.get(ns) ?? new Map<string, number>();
  draft.marks.set(ns, counts);
  for (const name of names) {
    const own = family === 'ipv4' ? name : name.replace(/^(?:Udp|Ip)/u, '$&6');
    counts.set(own, (counts.get(own) ?? 0) + 1);
  }
}

/** The variable of the socket that sends end marks from a namespace; opened with the topology. */
function markSocket(draft: Draft, ns: string, family: 'ipv4' | 'ipv6', protocol: 'udp' | 'udplite'): string {
  const variable = draft.name('mark', `${ns}_${family}${protocol === 'udplite' ? '_lite' : ''}`);
  const definition = `static int ${variable};`;
  if (draft.variables.has(definition)) return variable;
  draft.variables.add(definition);
  draft.use(openMark);
  draft.include('netinet/in.h');
  const many = Object.keys(draft.planned.program.topology.namespaces).length > 1;
  if (many) draft.setup.push(`\tenter(${draft.namespace(ns)});`);
  const kind = protocol === 'udplite' ? 'IPPROTO_UDPLITE' : 'IPPROTO_UDP';
  draft.setup.push(`\t${variable} = open_mark(${family === 'ipv6' ? 'AF_INET6' : 'AF_INET'}, ${kind});`);
  return variable;
}

export function receive(draft: Draft, action: Of<'receive'>, expected: Expected): void {
  const { variable, ns, protocol } = draft.socket(action.socket);
  const { sentinel } = action;
  if (!('datagrams' in expected) && !('error' in expected))
    draft.refuse('a receive with nothing expected of it');
  const list: readonly ExpectedDatagram[] = 'datagrams' in expected ? expected.datagrams : [];
  const timed = tellsArrivals(draft);
  const table = datagramTable(draft, list, timed);
  const { topology } = draft.planned.program;
  draft.use(receiveHelper({ control: hasControls(draft), timed, wires: hasWires(topology) }));
  draft.constants.set('UDP_GRO', 104).set('SOL_UDP', 17);
  const fields = [`.fd = ${variable}, .name = ${cString(action.socket)},`];
  if ('error' in expected) fields.push(`.error = ${errno(draft, expected.error)},`);
  fields.push(`.room = ${action.buffer}, .control_room = ${action.control},`);
  if (action.flags.length > 0) fields.push(`.flags = ${draft.flags(action.flags)},`);
  fields.push(`.wait_ms = ${action.waitMs},`);
  if (sentinel && !action.flags.includes('MSG_PEEK')) {
    const mark = markSocket(draft, sentinel.ns, sentinel.family, protocol);
    const [to = '', port = ''] = endpoint(draft, sentinel.to).split(', ');
    fields.push(`.mark = ${mark}, .to = ${to}, .port = ${port},`);
    countMark(draft, sentinel.ns, SENT, sentinel.family);
    countMark(draft, ns, RECEIVED, sentinel.family);
  } else fields.push('.mark = -1,');
  const want =
    table.items === 0
      ? []
      : [`.want = ${table.lines[0] ?? ''}`, ...table.lines.slice(1, -1), `}, .items = ${table.items},`];
  draft.write('receive(&(struct receive){', ...[...fields, ...want].map((line) => `\t${line}`), '});');
}

/** Reads the counters that will be asked about, before the first step. */
export function printCounterStart(draft: Draft): void {
  for (const action of draft.planned.program.actions) {
    if (action.do !== 'counters') continue;
    draft.enter(action.ns);
    draft.use(expectCounter);
    for (const name of action.names) {
      const variable = counterVariable(draft, action.ns, name);
      if (draft.variables.has(`static long ${variable};`)) continue;
      draft.variables.add(`static long ${variable};`);
      draft.write(`${variable} = counter("${name}");`);
    }
  }
}

function counterVariable(draft: Draft, ns: string, name: string): string {
  if (!/^[A-Za-z0-9]+$/u.test(name)) draft.refuse(`counter ${JSON.stringify(name)}`);
  return draft.name('before', `${ns}_${name}`);
}

export function counters(draft: Draft, action: Of<'counters'>, expected: Expected): void {
  if (!('counters' in expected)) return draft.refuse('counters with nothing expected of them');
  draft.enter(action.ns);
  for (const [name, want] of Object.entries(expected.counters)) {
    if (!action.names.includes(name)) draft.refuse(`counter ${name}, which is not read`);
    const marks = draft.marks.get(action.ns)?.get(name) ?? 0;
    draft.write(`expect_counter("${name}", ${counterVariable(draft, action.ns, name)}, ${marks}, ${want});`);
  }
}

export function capture(draft: Draft, action: Of<'capture'>, expected: Expected): void {
  if (!('ok' in expected)) draft.refuse('a capture that is to fail');
  const variable = draft.name('capture', action.capture);
  draft.captures.set(action.capture, variable);
  draft.use(openCapture);
  draft.variables.add(`static struct capture ${variable};`);
  draft.enter(action.ns);
  draft.write(`${variable} = open_capture(${cString(action.dev)}, ${action.port});`);
}

export function packets(draft: Draft, action: Of<'packets'>, expected: Expected): void {
  const variable =
    draft.captures.get(action.capture) ?? draft.refuse(`capture ${action.capture}, never started`);
  if (!('packets' in expected)) return draft.refuse('packets with nothing expected of them');
  const fields = fieldsOf(draft);
  draft.use(expectPackets(fields, hasTunnels(draft)));
  draft.constants.set('GSO_UDP_L4', 5);
  const { lines, items } = packetTable(draft, expected.packets, fields);
  draft.write(
    ...(items === 0
      ? [`expect_packets(&${variable}, NULL, 0);`]
      : [`expect_packets(&${variable}, ${lines[0] ?? ''}`, ...lines.slice(1, -1), `}, ${items});`]),
  );
}

/** A device's own packets hold those of the case where a tunnel sends through it. */
function hasTunnels(draft: Draft): boolean {
  const spaces = Object.values(draft.planned.program.topology.namespaces);
  return spaces.some(({ links }) => links.some((link) => tunnelOf(link) !== undefined));
}
