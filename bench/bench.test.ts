import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { guestCpu } from './guest-cpu.ts';
import { requireProject } from '../harness/cli/project.ts';
import { variantInfos } from '../harness/plan/planner.ts';
import { parseMadison } from './archive.ts';
import { parseMark, script } from './race.ts';
import { isSelftestCase } from './same-cases.ts';
import { figure, median, spread } from './statistics.ts';
import { parseTruth, runsOf } from './truth.ts';

t.test('the median is the middle value, or between the two in the middle', (t) => {
  t.equal(median([5, 1, 3]), 3);
  t.equal(median([4, 1, 3, 2]), 2.5);
  t.throws(() => median([]), RangeError);
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      return below <= values.length / 2 && above <= values.length / 2;
    }),
  );
  t.end();
});

t.test('a figure has three significant digits and never an exponent', (t) => {
  t.strictSame([0.15349, 12.44, 1239.6, 0].map(figure), ['0.153', '12.4', '1240', '0']);
  t.end();
});

t.test('a spread names median, smallest, largest and how many there were', (t) => {
  t.equal(spread([3, 1, 2], ' s'), '2.00 s (1.00..3.00, n=3)');
  t.end();
});

t.test(
  'the cases that segproof shares with udpgso.sh are 17 for IPv4 and 18 for IPv6 in each of its 7 runs',
  (t) => {
    const same = variantInfos(requireProject([])).filter(({ id }) => isSelftestCase(id));
    const of = (family: string): number => same.filter(({ id }) => id.includes(`family=${family}`)).length;
    t.strictSame([of('ipv4'), of('ipv6')], [7 * 17, 7 * 18]);
    t.end();
  },
);

t.test('what the guest writes on its console is read back, whatever the kernel writes between', (t) => {
  const order = script('agent first', { folder: '/c', tools: '/t', source: '' }, ['node', 'agent.js']);
  t.ok(order.indexOf('agent.js') < order.indexOf('udpgso.sh'));
  t.equal(parseMark('[    1.0] hello\r\nsegproof-bench: 10.5 12.75'), null, 'half a line is none');
  t.strictSame(parseMark('x\r\nsegproof-bench: 10.5 12.75 1 245\r\n'), {
    cases: 245,
    seconds: 2.25,
    status: 1,
  });
  t.strictSame(parseTruth('segproof-truth: 1 3 ./udpgso: sendmsg: x\r\n[ 2.0] noise\n', 2), [
    null,
    { status: 3, last: './udpgso: sendmsg: x' },
  ]);
  t.end();
});

t.test('runs are read from the script with their environment', (t) => {
  const text = 'run_it\necho "ipv4 one"\n./in_netns.sh "$0" env_a -- ./udpgso -4\n\necho "two"\n./other\n';
  t.strictSame(runsOf(text), [
    { title: 'ipv4 one', command: './in_netns.sh ./udpgso.sh env_a -- ./udpgso -4' },
  ]);
  t.end();
});

t.test('suites are told from what apt-cache prints', (t) => {
  const uri = 'mirror:/debian';
  const text = ` tool | 1:6.1-1 | ${uri} bookworm/main amd64 Packages\n tool | 1:6.1-1 | ${uri} bookworm/main Sources\n`;
  t.strictSame(parseMadison(text), [{ name: 'tool', version: '1:6.1-1', suite: 'bookworm' }]);
  t.end();
});

t.test('a guest that has ended keeps what it had used, so that no figure is negative', async (t) => {
  const program = join(t.testdir(), 'qemu-system-test');
  copyFileSync('/bin/sh', program);
  const guest = spawn(program, ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  const before = guestCpu();
  while (guestCpu() <= before) await sleep(20);
  const busy = guestCpu();
  guest.kill('SIGKILL');
  await once(guest, 'exit');
  t.ok(guestCpu() >= busy);
});
