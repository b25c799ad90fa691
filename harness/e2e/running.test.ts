import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from 'tap-parser';
import t from 'tap';
import { noGuests } from '../../vm/fixtures/no-guests.ts';
import { results, scratch, segproof, surprises } from './segproof.ts';

t.test('every case comes out as expected on the running kernel, twice in a row', async (t) => {
  const seen: string[] = [];
  for (const round of [1, 2]) {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const dir = join(folder, 'r');
    const { exit, stdout } = await segproof('run', '-o', dir, '--format', 'tap');
    t.same(surprises(dir), [], `round ${round}: no surprises`);
    t.equal(exit, 0);
    const all = results(dir);
    t.ok(all.length >= 600, `${all.length} variants`);
    t.ok(
      all.every(({ outcome, checks }) => outcome === 'skip' || checks.length > 0),
      'every pass rests on checks',
    );
    t.ok(
      all.every(({ outcome, calls }) => outcome === 'skip' || calls.length > 0),
      'every result carries its system calls',
    );
    t.ok(
      all.every(({ outcome, reason }) => outcome !== 'skip' || reason !== ''),
      'every skip says why',
    );
    t.ok(
      Parser.parse(stdout, { strict: true }).every(
        ([kind, value]) => kind !== 'extra' && !(kind === 'complete' && !(value as { ok: boolean }).ok),
      ),
      'a strict parser accepts the TAP',
    );
    seen.push(JSON.stringify(all.map(({ id, outcome }) => [id, outcome])));
    for (const file of ['results.json', 'results.tap', 'journal.jsonl'])
      t.ok(existsSync(join(dir, file)), file);
    t.equal(
      (JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8')) as { schema: string }).schema,
      'segproof-results/1',
    );
  }
  t.equal(seen[0], seen[1], 'both rounds agree');
});

t.test(
  'a wrong endpoint makes the run fail, and the failure names rule, expectation, place and rerun',
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const { exit, stdout } = await segproof(
      'run',
      '-o',
      join(folder, 'r'),
      '--endpoint',
      'swapped',
      'udp-gso/table-loopback/two-segments-and-a-byte',
    );
    t.equal(exit, 1);
    for (const part of [
      /rule .*last segment may be shorter/,
      /expected/,
      /suites\/udp-gso\/table-loopback\.yaml:\d+:\d+/,
      /run .*--endpoint swapped/,
      /sendmsg\(\d+, \{name=/,
    ])
      t.match(stdout, part);
  },
);

t.test("users' mistakes end with their own exit status and no stack trace", async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const mistakes: [number, RegExp, string[]][] = [
    [64, /unknown option '--kernal'/, ['run', '--kernal', '6.1']],
    [64, /unknown command/, ['rum']],
    [64, /is no kernel version/, ['run', '--judge-as', 'seven']],
    [65, /no case matches "udp-gso\/limit": did you mean udp-gso\/limits\?/, ['run', 'udp-gso/limit']],
    [65, /cannot be read/, ['run', '--suite', join(folder, 'none.yaml')]],
    [64, /there is no endpoint/, ['run', '--endpoint', 'none']],
    [64, /there is no segmenter "none"/, ['run', '--endpoint', 'segmenter:none']],
  ];
  for (const [status, words, args] of mistakes) {
    const { exit, stderr } = await segproof(...args);
    t.equal(exit, status, args.join(' '));
    t.match(stderr, words);
    t.notMatch(stderr, /^\s+at /m, 'no stack');
  }
});

t.test('a kernel that is not there is a mistake too', { skip: await noGuests() }, async (t) => {
  const { exit, stderr } = await segproof('run', '--kernel', '/no-such-kernel');
  t.equal(exit, 65);
  t.match(stderr, /no-such-kernel/);
  t.notMatch(stderr, /^\s+at /m, 'no stack');
});
