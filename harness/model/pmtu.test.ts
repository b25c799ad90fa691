/** Path MTUs told by ICMP: what the host believes, which sockets it concerns, and that other outcomes are found. */
import fc from 'fast-check';
import t from 'tap';
import type { Path } from './network.ts';
import { LearnedMtus, told } from './pmtu.ts';
import { objection, read, said, steps } from './test-steps.ts';

const VERSION = '6.18.9';
const SUITE = 'udp-gso/pmtu-learned';
const VERBS = ['send', 'receive'] as const;
const HEADERS = { ipv4: 28, ipv6: 48 } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;

t.test('a host believes what is less, but no less than the least; IPv4 lets packets be cut then', (t) => {
  const old = { mtu: 1500, locked: false };
  t.strictSame(told(old, 'ipv4', 1400), { mtu: 1400, locked: false });
  t.strictSame(told(old, 'ipv4', 552), { mtu: 552, locked: false });
  t.strictSame(told(old, 'ipv4', 551), { mtu: 552, locked: true });
  t.strictSame(told(old, 'ipv4', 0), { mtu: 552, locked: true });
  t.strictSame(told({ mtu: 500, locked: false }, 'ipv4', 68), { mtu: 500, locked: true });
  t.strictSame(told({ mtu: 552, locked: true }, 'ipv4', 400), { mtu: 552, locked: true }, 'locked for good');
  t.strictSame(told(old, 'ipv6', 1280), { mtu: 1280, locked: false });
  t.strictSame(told(old, 'ipv6', 1279), old, 'RFC 8201');
  fc.assert(
    fc.property(fc.constantFrom(...FAMILIES), fc.nat(70_000), fc.nat(70_000), (family, first, second) => {
      const once = told(old, family, first);
      const twice = told(once, family, second);
      return twice.mtu <= once.mtu && once.mtu <= old.mtu;
    }),
  );
  t.end();
});

const PATH: Path = {
  ...{ ns: 'left', dev: 'left0', pathMtu: 1500, deviceMtu: 1500, source: '10.0.0.1', cast: 'one' },
  transformed: false,
};

t.test('an exception is of one destination; what need not have been learned is a doubt until it is', (t) => {
  const learned = new LearnedMtus();
  t.notOk(learned.any);
  learned.learn(PATH, 'ipv4', '10.0.0.2', { mtu: 1400, believed: false });
  t.equal(learned.of(PATH, '10.0.0.3'), PATH, 'another destination');
  const doubtful = learned.of(PATH, '10.0.0.2');
  t.equal(doubtful.pathMtu, 1500);
  t.strictSame(doubtful.doubt, { mtu: 1400, locked: false });
  learned.learn(PATH, 'ipv4', '10.0.0.2', { mtu: 1300, believed: true });
  t.equal(learned.of(PATH, '10.0.0.2').pathMtu, 1300);
  t.equal(learned.of(PATH, '10.0.0.2').doubt, undefined, 'less than both is certain');
  t.equal(learned.of({ ...PATH, dev: 'left1' }, '10.0.0.2').pathMtu, 1500, 'another next hop');
  t.end();
});

t.test('below the least IPv4 no longer asks not to be cut', (t) => {
  for (const mtu of [551, 552]) {
    const id = `${SUITE}/below-the-least[family=ipv4,learned=${mtu}]`;
    const [packets] = steps(id, VERSION, ['packets']);
    const last = packets?.model.kind === 'packets' ? packets.model.packets.at(-1) : undefined;
    t.equal(last?.df, mtu === 552, `${mtu}`);
  }
  t.end();
});

for (const family of FAMILIES) {
  t.test(`a socket follows what another one was told, and is not told itself, ${family}`, (t) => {
    const small = 1280 - HEADERS[family];
    const [, fits, beyond] = steps(`${SUITE}/others-follow[family=${family},learned=1280]`, VERSION, [
      'send',
    ]);
    if (!fits || !beyond) throw new Error('there are as many sends');
    t.equal(said(fits), `${2 * small}`);
    t.ok(objection(fits, { ret: -1, errno: 'EMSGSIZE' }), 'it is told');
    t.ok(objection(beyond, { ret: 2 * (1500 - HEADERS[family]) }), 'it does not follow');
    t.end();
  });

  t.test(`segments follow what was learned, ${family}`, (t) => {
    const mss = 1500 - HEADERS[family];
    const small = 1280 - HEADERS[family];
    const id = `${SUITE}/segments-follow[family=${family},learned=1280,uso=true]`;
    const all = steps(id, VERSION, VERBS);
    const sizes = [small, small, small, 1];
    const refusal = '-1 EMSGSIZE';
    t.strictSame(all.map(said), [`${2 * mss}`, [mss, mss], refusal, refusal, `${3 * small + 1}`, sizes]);
    const [, , beyond, oneBeyond, fits, last] = all;
    if (!beyond || !oneBeyond || !fits || !last) throw new Error('there are as many steps');
    t.equal(objection(beyond, { ret: -1, errno: 'EMSGSIZE' }), null);
    t.match(objection(beyond, { ret: -1, errno: 'EINVAL' }), /EMSGSIZE, got -1 EINVAL/u, 'wrong errno');
    t.ok(objection(oneBeyond, { ret: 3 * small }), 'a byte more than was learned goes through');
    t.ok(objection(fits, { ret: -1, errno: 'EMSGSIZE' }), 'what fits is refused');
    t.equal(objection(last, read(last)), null);
    t.ok(
      objection(
        last,
        read(last, (list) => list.slice(1)),
      ),
      'one is missing',
    );
    t.ok(
      objection(
        last,
        read(last, ([first, ...rest]) => (first ? [first, first, ...rest] : [])),
      ),
    );
    t.end();
  });

  t.test(`before 235174b2bed8 the refusal is EINVAL, ${family}`, (t) => {
    const id = `${SUITE}/segments-follow[family=${family},learned=1280,uso=true]`;
    const beyond = steps(id, '6.12.1', ['send'])[1];
    if (!beyond) throw new Error('there is such a send');
    t.equal(said(beyond), '-1 EINVAL');
    t.ok(objection(beyond, { ret: -1, errno: 'EMSGSIZE' }));
    t.end();
  });

  t.test(`a connected socket is told once, ${family}`, (t) => {
    const option = family === 'ipv4' ? 'IP_MTU' : 'IPV6_MTU';
    const id = `${SUITE}/connected-is-told-once[family=${family},learned=1400,option=${option}]`;
    const [, pending, passes] = steps(id, VERSION, ['send']);
    if (!pending || !passes) throw new Error('there are as many sends');
    t.equal(said(pending), '-1 EMSGSIZE');
    t.ok(objection(pending, { ret: 2 * (1400 - HEADERS[family]) }), 'nobody tells it');
    t.ok(objection(passes, { ret: -1, errno: 'EMSGSIZE' }), 'it is told twice');
    t.end();
  });

  t.test(`the device's MTU counts in the modes that do not learn, ${family}`, (t) => {
    const discover = family === 'ipv4' ? 'IP_MTU_DISCOVER' : 'IPV6_MTU_DISCOVER';
    for (const mode of [3, 4, 5]) {
      const id = `${SUITE}/interface-mode-does-not-learn[discover=${discover},family=${family},learned=1280,mode=${mode}]`;
      const [send] = steps(id, VERSION, ['send']);
      if (!send) throw new Error('there is a send');
      t.ok(objection(send, { ret: -1, errno: 'EMSGSIZE' }), `mode ${mode} follows`);
    }
    t.end();
  });

  t.test(`nobody is told of what no socket sent, ${family}`, (t) => {
    const id = `${SUITE}/another-port-is-not-told[family=${family},learned=1280]`;
    const [send] = steps(id, VERSION, ['send']);
    if (!send) throw new Error('there is a send');
    t.equal(said(send), `${3 * (1280 - HEADERS[family]) + 1}`);
    t.ok(objection(send, { ret: -1, errno: 'EMSGSIZE' }));
    t.end();
  });
}
