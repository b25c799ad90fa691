/** VLAN priorities that C programs see. The running kernel may have no VLAN devices: a frame is tagged by hand. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { inPrivateNamespace } from '../agent/test-support.ts';
import type { Expected } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import type { Link, Topology } from '../contract/topology.ts';
import { reproducer } from './reproducer.ts';
import { compileAndRun, planned, type Step } from './test-support.ts';

const OK: Expected = { ok: true };
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

const end = (name: string, ns: string, peer: string): Link => ({
  ...{ name, kind: 'veth', peer: { ns, name: peer }, up: true, features: {} },
  addresses: [name === 'l0' ? '10.1.0.1/24' : '10.1.0.2/24'],
});
const veth: Topology = {
  name: 'veth',
  key: 'veth',
  namespaces: {
    left: { links: [end('l0', 'right', 'r0')], routes: [], sysctls: {} },
    right: { links: [end('r0', 'left', 'l0')], routes: [], sysctls: {} },
  },
};

const BYTES = 70;
const frame: Action = {
  do: 'inject',
  by: 'packet',
  ns: 'left',
  dev: 'l0',
  hardware: { ns: 'right', dev: 'r0' },
  packet: {
    kind: 'udp',
    from: { address: '10.1.0.1', port: 9001 },
    to: { address: '10.1.0.2', port: 9000 },
    stream: 0,
    bytes: BYTES,
  },
  vnet: { flags: 0, gsoType: 0, hdrLen: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 },
};

/** A frame that two captures see; what either says of its tag. */
function seenTwice(sender: number, receiver: number): string {
  const seen = (priority: number): Expected => ({
    packets: [{ payload: [{ stream: 0, at: 0, length: BYTES }], checksum: 'good', priority }],
  });
  const steps: Step[] = [
    [{ do: 'capture', capture: 'near', ns: 'left', dev: 'l0', port: 9000 }, OK],
    [{ do: 'capture', capture: 'far', ns: 'right', dev: 'r0', port: 9000 }, OK],
    [frame, OK],
    [{ do: 'packets', capture: 'near' }, seen(sender)],
    [{ do: 'packets', capture: 'far' }, seen(receiver)],
  ];
  return reproducer(planned(steps, veth), '6.12');
}

/** VLAN 5, priority 3, in front of the type of the frame. */
function tagged(source: string): string {
  return source
    .replace(/\(unsigned char\[(\d+)\]\)\{ 0x08, 0x00,/u, (_, size) => {
      return `(unsigned char[${Number(size) + 4}]){ 0x81, 0x00, 0x60, 0x05, 0x08, 0x00,`;
    })
    .replace(new RegExp(`\\}, (\\d+), 0, ${BYTES}, (\\d+)\\)`, 'u'), (_, head, length) => {
      return `}, ${Number(head) + 4}, 0, ${BYTES}, ${Number(length) + 4})`;
    });
}

t.setTimeout(120_000);
await inPrivateNamespace(import.meta.url, async () => {
  if (noCompiler !== false) {
    t.comment(noCompiler);
    return;
  }
  // On the way out the tag is in the frame; on the way in the kernel has taken it out (skb_vlan_untag()).
  await t.test('the priority of a tag is seen, in the frame and beside it', async (t) => {
    const source = tagged(seenTwice(3, 3));
    t.match(source, '0x81, 0x00, 0x60, 0x05');
    const ran = await compileAndRun(source);
    t.equal(ran.warnings, '', 'no warnings');
    t.equal(ran.exit, 0, 'exit 0', { output: ran.stdout + ran.stderr });
    const wrong = await compileAndRun(tagged(seenTwice(2, 0)));
    t.same(wrong.failures, [
      'FAIL: expected packet 0 to have priority 2, got 3',
      'FAIL: expected packet 0 to have priority 0, got 3',
    ]);
  });

  await t.test('without a tag it is 0', async (t) => {
    t.equal((await compileAndRun(seenTwice(0, 0))).exit, 0);
    const wrong = await compileAndRun(seenTwice(3, 0));
    t.same(wrong.failures, ['FAIL: expected packet 0 to have priority 3, got 0']);
  });
});
