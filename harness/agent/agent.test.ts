import { readdirSync } from 'node:fs';
import t from 'tap';
import type { CaseEvidence, Datagram } from '../contract/evidence.ts';
import type { Action, Family } from '../contract/program.ts';
import type { Topology } from '../contract/topology.ts';
import { replace } from '../../fixtures/endpoints/common.ts';
import { realSystemCalls } from './libc.ts';
import { survey } from './survey.ts';
import {
  gso,
  host,
  inPrivateNamespace,
  loopback,
  pair,
  receive,
  receiveBlind,
  send,
  testAgent,
} from './test-support.ts';

const sizes = (evidence: CaseEvidence): number[] =>
  (evidence.steps.at(-1)?.datagrams ?? []).map(({ length }) => length);
const last = (evidence: CaseEvidence): CaseEvidence['steps'][number] | undefined => evidence.steps.at(-1);
const set = (socket: string, level: string, option: string, int: number): Action => ({
  do: 'set',
  socket,
  level,
  option,
  value: { int },
});

/** Two namespaces joined by a veth pair. */
function vethTopology(features: Record<string, boolean> = {}): Topology {
  const end = (name: string, peer: { ns: string; name: string }, address: string) =>
    ({ name, kind: 'veth', peer, mtu: 1500, up: true, addresses: [address], features }) as const;
  return {
    name: 'veth',
    key: `veth ${JSON.stringify(features)}`,
    namespaces: {
      left: {
        links: [
          {
            ...end('l0', { ns: 'right', name: 'r0' }, '10.1.0.1/24'),
            neighbours: { '10.1.0.2': 'right/r0' },
          },
        ],
        routes: [],
        sysctls: { 'net/ipv4/ip_no_pmtu_disc': '1' },
      },
      right: {
        links: [
          {
            ...end('r0', { ns: 'left', name: 'l0' }, '10.1.0.2/24'),
            neighbours: { '10.1.0.1': 'left/l0' },
          },
        ],
        routes: [],
        sysctls: {},
      },
    },
  };
}

await inPrivateNamespace(import.meta.url, () => {
  const agent = testAgent();
  t.teardown(() => {
    agent.dispose();
  });

  for (const family of ['ipv4', 'ipv6'] as const satisfies Family[]) {
    const to = host(family);
    const sentinel = { ns: 'host', family, to } as const;
    const mss = family === 'ipv4' ? 1472 : 1452;
    const most = family === 'ipv4' ? 65507 : 65527;

    t.test(`${family}: a GSO send arrives in segments, each byte named`, (t) => {
      const evidence = agent.run([...pair(family), send(0, 2 * mss + 1, mss, to), receive(3, { sentinel })]);
      t.notOk(evidence.broken);
      t.strictSame(sizes(evidence), [mss, mss, 1]);
      t.strictSame(
        last(evidence)?.datagrams?.map(({ payload }) => payload),
        [
          [{ stream: 0, at: 0, length: mss }],
          [{ stream: 0, at: mss, length: mss }],
          [{ stream: 0, at: 2 * mss, length: 1 }],
        ],
      );
      t.equal(last(evidence)?.drained, 'sentinel');
      t.end();
    });

    t.test(`${family}: the most bytes of one send arrive, one more is refused with EMSGSIZE`, (t) => {
      const evidence = agent.run([...pair(family), send(0, most, mss, to), receive(46, { sentinel })]);
      t.equal(
        sizes(evidence).reduce((sum, size) => sum + size, 0),
        most,
      );
      const refused = agent.run([...pair(family), send(0, most + 1, mss, to), receive(0, { sentinel })]);
      t.match(refused.steps[4], { ret: -1, errno: 'EMSGSIZE' });
      t.match(refused.steps[4]?.calls[0], new RegExp(`iov=\\[${most + 1}\\].* = -1 EMSGSIZE$`));
      t.match(last(refused), { drained: 'sentinel', datagrams: [] });
      t.end();
    });

    t.test(`${family}: UDP_GRO hands over the whole with the segment size`, (t) => {
      const evidence = agent.run([
        ...pair(family),
        set('rx', 'SOL_UDP', 'UDP_GRO', 1),
        send(0, 5300, 1000, to),
        receive(1, { sentinel }),
      ]);
      t.strictSame(sizes(evidence), [5300]);
      t.strictSame(last(evidence)?.datagrams?.[0]?.control, [
        { level: 'SOL_UDP', type: 'UDP_GRO', length: 4, hex: 'e8030000', int: 1000 },
      ]);
      t.match(last(evidence)?.calls[0], /control=\[UDP_GRO 1000\]\}, MSG_DONTWAIT\) = 5300$/u);
      t.end();
    });
  }

  t.test('fewer datagrams than wanted: the sentinel ends the receive', (t) => {
    const evidence = agent.run([...pair(), send(0, 10), receive(5, { waitMs: 60_000 })]);
    t.match(last(evidence), { drained: 'sentinel', datagrams: { length: 1 } });
    t.end();
  });

  t.test('what comes only when the receiver sleeps is waited for, lest the sentinel overtake it', (t) => {
    let deferred = (): unknown => undefined;
    const late = replace(realSystemCalls, {
      sendmsg: (fd, message, flags) => {
        deferred = () => realSystemCalls.sendmsg(fd, message, flags);
        return message.iov.reduce((sum, piece) => sum + piece.length, 0);
      },
      poll: (fd, events, ms) => {
        deferred();
        return realSystemCalls.poll(fd, events, ms);
      },
    });
    const evidence = agent.run([...pair(), send(0, 300, 100), receive(3)], { sys: late });
    t.strictSame(sizes(evidence), [100, 100, 100]);
    t.equal(last(evidence)?.drained, 'sentinel');
    t.end();
  });

  t.test('more datagrams than wanted are evidence too', (t) => {
    const evidence = agent.run([...pair(), send(0, 10), send(1, 20), receive(1)]);
    t.strictSame(sizes(evidence), [10, 20]);
    t.equal(last(evidence)?.drained, 'sentinel');
    t.end();
  });

  t.test('without a sentinel an empty queue is found by waiting', (t) => {
    const plain = receiveBlind(1, 1);
    const evidence = agent.run([...pair(), plain]);
    t.match(last(evidence), { ret: -1, errno: 'EAGAIN', drained: 'empty', datagrams: [] });
    const one = agent.run([...pair(), send(0, 5), plain]);
    t.match(last(one), { ret: 1, drained: 'empty', datagrams: { length: 1 } });
    t.end();
  });

  t.test('a small buffer: MSG_TRUNC, the stored bytes named, the sentinel still known', (t) => {
    for (const buffer of [0, 7, 100]) {
      const evidence = agent.run([...pair(), send(0, 1000), receive(1, { buffer })]);
      t.match(last(evidence), { drained: 'sentinel', datagrams: [{ length: buffer, flags: ['MSG_TRUNC'] }] });
      t.equal(last(evidence)?.datagrams?.[0]?.payload[0]?.length, buffer === 0 ? undefined : buffer);
    }
    const whole = agent.run([...pair(), send(0, 1000), receive(1, { buffer: 100, flags: ['MSG_TRUNC'] })]);
    t.match(last(whole), { datagrams: [{ length: 1000, payload: [{ length: 100 }] }] });
    t.end();
  });

  t.test('a datagram put together from several corked sends is named by all of them', (t) => {
    const more = { ...send(0, 1), flags: ['MSG_MORE'] } as Action;
    const evidence = agent.run([...pair(), more, send(1, 99), receive(1)]);
    t.strictSame(last(evidence)?.datagrams?.[0]?.payload, [
      { stream: 0, at: 0, length: 1 },
      { stream: 1, at: 0, length: 99 },
    ]);
    t.end();
  });

  t.test('the control message can be wrong in every way', (t) => {
    const control = (value: object, length?: number): Action => {
      const wrong = { level: 'SOL_UDP', type: 'UDP_SEGMENT', value, ...(length ? { length } : {}) };
      const message = { stream: 0, iov: [100], to: host(), control: [wrong] };
      return { do: 'send', socket: 'tx', call: 'sendmsg', messages: [message], flags: [] } as Action;
    };
    const tries = [
      control({ int: 50 }),
      control({ u8: 50 }),
      control({ u16: 50 }, 17),
      control({ u16: 50 }, 99),
    ];
    const evidence = agent.run([...pair(), ...tries, control({ u16: 50 }), receive(2)]);
    t.strictSame(
      evidence.steps.slice(4, 9).map(({ errno }) => errno ?? 'ok'),
      ['EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'ok'],
    );
    t.match(evidence.steps[4]?.calls[0], 'control=[UDP_SEGMENT (int)50]');
    t.match(evidence.steps[6]?.calls[0], 'control=[UDP_SEGMENT 50 cmsg_len=17]');
    t.end();
  });

  t.test(
    'an iovec in no memory makes a send EFAULT, and is told so; of no length it is as good as any',
    (t) => {
      const faulty = (stream: number, iov: number[]): Action =>
        ({
          ...send(stream, 0),
          messages: [{ stream, iov, unreadable: 1, to: host(), control: [] }],
        }) as Action;
      const { steps } = agent.run([...pair(), faulty(0, [10, 20]), faulty(1, [10, 0, 20]), receive(1)]);
      const [refused, sent, received] = steps.slice(-3);
      t.match(refused, { ret: -1, errno: 'EFAULT', calls: [/iov=\[10, 20 at NULL\].* = -1 EFAULT$/u] });
      t.match(sent, { ret: 30 });
      t.match(received?.datagrams, [{ length: 30, payload: [{ stream: 1, at: 0, length: 30 }] }]);
      t.end();
    },
  );

  t.test('several iovecs and sendmmsg carry the bytes in order', (t) => {
    const messages = [
      { stream: 0, iov: [100, 0, 50], to: host(), control: gso(60) },
      { stream: 1, iov: [40], to: host(), control: [] },
    ];
    const evidence = agent.run([
      ...pair(),
      { do: 'send', socket: 'tx', call: 'sendmmsg', messages, flags: [] },
      receive(4),
    ]);
    t.match(evidence.steps[4], { ret: 2, lengths: [150, 40] });
    t.strictSame(sizes(evidence), [60, 60, 30, 40]);
    t.match(last(evidence)?.datagrams?.[3]?.payload, [{ stream: 1, at: 0, length: 40 }]);
    t.end();
  });

  t.test('options: value ranges, lengths, NULL, and the connected sender', (t) => {
    const segment = { do: 'set', socket: 'tx', level: 'SOL_UDP', option: 'UDP_SEGMENT' } as const;
    const get = { do: 'get', socket: 'tx', level: 'SOL_UDP', option: 'UDP_SEGMENT' } as const;
    const evidence = agent.run([
      ...pair(),
      { ...segment, value: { int: 65536 } },
      { ...segment, value: { int: 700 }, length: 3 },
      { ...segment, value: { null: true }, length: 4 },
      { ...segment, value: { int: 700 } },
      { ...get, length: 4 },
      { ...get, length: 2 },
      { ...get, length: -1 },
      { ...get, option: '250', length: 4 },
      { do: 'connect', socket: 'tx', to: host() },
      { do: 'get', socket: 'tx', level: 'SOL_IP', option: 'IP_MTU', length: 4 },
      { do: 'connect', socket: 'tx', to: null },
      { do: 'get', socket: 'tx', level: 'SOL_IP', option: 'IP_MTU', length: 4 },
    ]);
    t.strictSame(
      evidence.steps.slice(4).map(({ errno, value }) => errno ?? value?.int ?? value?.length ?? 'ok'),
      ['EINVAL', 'EINVAL', 'EFAULT', 'ok', 700, 2, 'EINVAL', 'ENOPROTOOPT', 'ok', 1500, 'ok', 'ENOTCONN'],
    );
    t.end();
  });

  t.test('queues and counters leave out what the agent itself sent', (t) => {
    const names = ['UdpOutDatagrams', 'UdpInDatagrams', 'IpOutRequests', 'IpInReceives'];
    const evidence = agent.run([
      ...pair(),
      send(0, 10),
      { do: 'queue', socket: 'rx', which: 'in' },
      receive(1),
      { do: 'counters', ns: 'host', names },
    ]);
    t.equal(evidence.steps[5]?.bytes, 10);
    t.strictSame(Object.values(last(evidence)?.counters ?? {}), [1, 1, 1, 1]);
    t.end();
  });

  t.test('a capture shows GSO packets on lo whole, once, with their virtio-net header', (t) => {
    const evidence = agent.run([
      ...pair(),
      { do: 'capture', capture: 'c', ns: 'host', dev: 'lo', port: 9000 },
      send(0, 3000, 1000),
      send(1, 10),
      receive(4),
      { do: 'packets', capture: 'c' },
    ]);
    const [first, second, sentinel] = last(evidence)?.packets ?? [];
    t.match(first, { direction: 'out', gsoSize: 1000, udpLength: 3008, ipLength: 3028, checksum: 'partial' });
    t.equal(first?.gso, 'udp-l4');
    t.strictSame(first?.payload, [{ stream: 0, at: 0, length: 3000 }]);
    t.match(second, { gso: 'none', udpLength: 18, df: true, payload: [{ stream: 1, at: 0, length: 10 }] });
    t.equal(sentinel, undefined, 'the sentinel is no packet of the case');
    t.equal(last(evidence)?.drops, 0);
    t.ok(
      (first?.atMs ?? -1) >= 0 && (second?.atMs ?? -1) >= (first?.atMs ?? 0),
      'in the order of their times',
    );
    t.match(evidence.sentAt, /^\d{19}$/u, 'which count from here, in ns');
    t.end();
  });

  t.test('two namespaces over veth: neighbours, routes and the sentinel work', (t) => {
    const to = { address: '10.1.0.2', port: 9000 };
    const actions: Action[] = [
      { do: 'open', socket: 'rx', ns: 'right', family: 'ipv4', protocol: 'udp' },
      { do: 'bind', socket: 'rx', to },
      { do: 'open', socket: 'tx', ns: 'left', family: 'ipv4', protocol: 'udp' },
      { do: 'capture', capture: 'c', ns: 'right', dev: 'r0', port: 9000 },
      send(0, 2000, 500, to),
      receive(4, { sentinel: { ns: 'left', family: 'ipv4', to } }),
      { do: 'packets', capture: 'c' },
    ];
    const evidence = agent.run(actions, { topology: vethTopology() });
    t.equal(evidence.broken?.message, undefined);
    t.match(evidence.steps[5], { drained: 'sentinel', datagrams: { length: 4 } });
    t.match(last(evidence)?.packets?.[0], { direction: 'in', to: '10.1.0.2:9000' });
    const software = agent.run(actions, { topology: vethTopology({ 'tx-udp-segmentation': false }) });
    t.equal(software.broken?.message, undefined);
    t.match(
      last(software)?.packets?.map(({ udpLength, gso }) => `${gso} ${udpLength}`),
      ['none 508', 'none 508', 'none 508', 'none 508'],
    );
    t.end();
  });

  t.test('a local route with an MTU of its own bounds a connected sender', (t) => {
    const plain = loopback(65536);
    const topology = {
      ...plain,
      key: 'route mtu',
      namespaces: {
        host: {
          links: plain.namespaces['host']?.links ?? [],
          routes: ['10.0.0.1/32', 'fd00::1/128'].map((to) => ({ to, dev: 'lo', mtu: 1500, local: true })),
          sysctls: {},
        },
      },
    };
    for (const family of ['ipv4', 'ipv6'] as const) {
      const [level, option] = family === 'ipv4' ? ['SOL_IP', 'IP_MTU'] : ['SOL_IPV6', 'IPV6_MTU'];
      const actions: Action[] = [
        ...pair(family),
        { do: 'connect', socket: 'tx', to: host(family) },
        { do: 'get', socket: 'tx', level, option, length: 4 },
      ];
      const evidence = agent.run(actions, { topology });
      t.equal(evidence.broken?.message, undefined);
      t.equal(last(evidence)?.value?.int, 1500, family);
    }
    t.end();
  });

  t.test('a change in mid-case works and uses the topology up', (t) => {
    const change = { do: 'change', change: { kind: 'link', ns: 'host', name: 'lo', mtu: 1280 } } as const;
    const evidence = agent.run([...pair(), change, send(0, 1400), receive(0)]);
    t.match(evidence.steps[5], { ret: -1, errno: 'EMSGSIZE' });
    const next = agent.run([...pair(), send(0, 1400), receive(1)]);
    t.match(next.setup, ['host: unshare(CLONE_NEWNET) = 0'], 'the next case gets a new one');
    t.strictSame(sizes(next), [1400]);
    const refused = agent.run([
      { do: 'change', change: { kind: 'link', ns: 'host', name: 'lo', features: { nonsense: true } } },
    ]);
    t.match(last(refused), { ret: -1, errno: 'EOPNOTSUPP' });
    t.match(
      last(refused)?.calls[0],
      /EOPNOTSUPP {2}# cannot set lo nonsense on: this kernel has no such feature$/u,
    );
    t.end();
  });

  t.test('what the agent cannot do breaks the case, and the next one works', (t) => {
    const unknown = agent.run([receive(1)]);
    t.match(unknown.broken, { kind: 'error', message: 'no socket rx is open' });
    const option = agent.run([...pair(), set('tx', 'SOL_UDP', 'UDP_SEGMNT', 1)]);
    t.match(option.broken, { kind: 'error', message: 'UDP_SEGMNT is no socket option' });
    const slow = receiveBlind(1, 60_000);
    const late = agent.run([...pair(), slow], { deadlineMs: 20 });
    t.match(late.broken, { kind: 'timeout', message: 'the case was not done after 20 ms' });
    t.notOk(agent.run([...pair(), send(0, 1), receive(1)]).broken);
    t.end();
  });

  t.test('sockets are closed after every case, and namespaces kept are few', (t) => {
    const fds = (): number => readdirSync('/proc/self/fd').length;
    agent.run([...pair(), receive(0)]);
    const before = fds();
    for (let i = 0; i < 20; i++) agent.run([...pair(), send(0, 1), receive(1)]);
    t.equal(fds(), before);
    const runOver = (from: number, to: number): number => {
      for (let mtu = from; mtu < to; mtu++) agent.run(pair(), { topology: loopback(mtu) });
      return fds();
    };
    const full = runOver(1300, 1370);
    t.equal(runOver(1370, 1400), full, 'for each new topology an old one is taken down');
    t.end();
  });

  t.test('the survey says what works and why the rest does not', (t) => {
    const kinds = survey(['lo', 'veth', 'nonsense', 'ipv6'], realSystemCalls, agent.namespaces);
    t.match(kinds, { lo: null, veth: null, nonsense: 'EOPNOTSUPP', ipv6: null });
    t.end();
  });

  t.test('bytes of other datagrams are foreign', (t) => {
    const evidence = agent.run([...pair(), send(0, 100), receive(1)], {
      sys: new Proxy(realSystemCalls, {
        get: (target, name) =>
          name === 'sendmsg'
            ? (fd: number, message: object) =>
                target.sendmsg(fd, { ...message, iov: [Buffer.alloc(100, 'z')] } as never, 0)
            : (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target),
      }),
    });
    const [datagram] = last(evidence)?.datagrams as [Datagram];
    t.strictSame(datagram.payload, [{ foreign: '7a'.repeat(32), length: 100 }]);
    t.end();
  });
});
