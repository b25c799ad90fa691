/** inject: a frame of the case's own making. */
import { madeFrame } from '../agent/made-frame.ts';
import type { Expected } from '../contract/expectation.ts';
import { cBytes, cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { wanted } from './expected.ts';
import { hardwareAddress, inject as injectHelper, injectByTap } from './helpers/inject.ts';
import { expect } from './helpers/report.ts';
import type { Of } from './steps-socket.ts';
import { tapVariable } from './taps.ts';
import { beginSending } from './times.ts';

const HARDWARE = 12;
const NOWHERE = Buffer.alloc(6);

export function inject(draft: Draft, action: Of<'inject'>, expected: Expected): void {
  const { ns, dev, by, hardware, packet, vnet } = action;
  beginSending(draft);
  draft.use(hardwareAddress, by === 'tap' ? injectByTap : injectHelper, expect);
  const addresses = draft.name('hardware', `${ns}_${dev}`);
  draft.variables.add(`static unsigned char ${addresses}[12];	/* to, from */`);
  if (hardware) {
    draft.enter(hardware.ns);
    draft.write(`hardware_address(${cString(hardware.dev)}, ${addresses});`);
  }
  draft.enter(ns);
  draft.write(`hardware_address(${cString(dev)}, ${addresses} + 6);`);
  const frame = madeFrame(action, draft.planned.program.seed, { to: NOWHERE, from: NOWHERE });
  const [stream, bytes] = packet.kind === 'udp' ? [packet.stream, packet.bytes] : [0, 0];
  const head = frame.subarray(HARDWARE, frame.length - bytes);
  const { flags, gsoType, hdrLen, gsoSize, csumStart, csumOffset } = vnet;
  const header = [
    `.flags = ${flags}, .gso_type = ${gsoType}, .hdr_len = ${hdrLen},`,
    `.gso_size = ${gsoSize}, .csum_start = ${csumStart}, .csum_offset = ${csumOffset},`,
  ];
  const size = `${head.length}, ${stream}, ${bytes}, ${action.cut ?? frame.length}`;
  const [text, call] =
    by === 'tap'
      ? [`writev(tap ${dev})`, `inject_by_tap(${tapVariable(draft, ns, dev)}`]
      : [`sendmsg(AF_PACKET on ${dev})`, `inject(${cString(dev)}`];
  draft.write(
    `expect("${text}", ${call}, ${addresses}, (struct virtio_net_hdr){`,
    ...header.map((line) => `\t${line}`),
    `}, ${cBytes(head)}, ${size}), ${wanted(draft, expected)});`,
  );
}
