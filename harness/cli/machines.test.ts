import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import fc from 'fast-check';
import { test } from 'tap';
import { examine } from '../../vm/doctor/examine.ts';
import type { Finding } from '../../vm/doctor/finding.ts';
import { LineWriter } from './line-writer.ts';
import { requireTerminal } from './keep.ts';
import { relay } from './terminal-relay.ts';

const collected = (): { written: string; write: (text: string) => void } => {
  const sink = {
    written: '',
    write: (text: string): void => {
      sink.written += text;
    },
  };
  return sink;
};

void test("a console's lines carry the machine's name and nothing that moves the cursor", (t) => {
  const sink = collected();
  const writer = new LineWriter(sink, '6.1| ');
  for (const piece of [
    'one\r\ntw',
    'o\u001b[31m red\u001b[0m\n',
    '\u001b]0;title\u0007three\tx\u0008\n',
    'rest',
  ])
    writer.write(piece);
  t.equal(sink.written, '6.1| one\n6.1| two red\n6.1| three\tx\n');
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (pieces) => {
      const out = collected();
      const lines = new LineWriter(out, '> ');
      for (const piece of pieces) lines.write(piece);
      // eslint-disable-next-line no-control-regex -- they are what must not come through
      return !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(out.written) && /^(> [^\n]*\n)*$/.test(out.written);
    }),
  );
  t.end();
});

/** A terminal in a guest, what arrives at it, and the user's side. */
const joined = (): { input: PassThrough; typed: () => string; kills: () => number; undo: () => void } => {
  const input = new PassThrough();
  let typed = '';
  let kills = 0;
  const guest = new Duplex({
    read: () => undefined,
    write: (data: Buffer, _encoding, done) => {
      typed += data.toString();
      done();
    },
  });
  const undo = relay(guest, input, new PassThrough(), () => {
    kills++;
  });
  return { input, typed: () => typed, kills: () => kills, undo };
};

void test('what is typed reaches the guest but for Ctrl-A X, which kills it', async (t) => {
  const { input, typed, kills, undo } = joined();
  input.write('ls\u0003\r');
  input.write('\u0001');
  input.write('\u0001a\u0001x');
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(typed(), 'ls\u0003\r\u0001a');
  t.equal(kills(), 1);
  input.end();
  await once(input, 'end');
  t.equal(typed().at(-1), '\u0004', 'the end of the input is Ctrl-D');
  undo();
});

void test('--keep is refused where nobody could be let in', (t) => {
  t.throws(() => {
    requireTerminal([]);
  }, /keeps guests/);
  t.throws(() => {
    requireTerminal(['running']);
  }, /keeps guests/);
  if (process.stdin.isTTY && process.stdout.isTTY) t.pass('there is a terminal');
  else
    t.throws(() => {
      requireTerminal(['6.12']);
    }, /needs a terminal/);
  t.end();
});

void test('doctor says how to mend whatever is lacking', async (t) => {
  t.setTimeout(300_000);
  // An empty cache and no archive to read: nothing is fetched or installed for this test.
  Object.assign(process.env, {
    XDG_CACHE_HOME: t.testdir(),
    SEGPROOF_DEBIAN_MIRROR: 'file:/nowhere',
    SEGPROOF_DEBIAN_SECURITY_MIRROR: '',
    SEGPROOF_NO_INSTALL: '1',
  });
  const findings: Finding[] = [];
  for await (const finding of examine(false, {})) findings.push(finding);
  const of = (subject: string): unknown => findings.find((finding) => finding.subject === subject);
  t.match(of("Debian's archive"), { state: /lacking|note/, mend: /./ });
  t.match(of('kernel cache'), { state: 'good', detail: /empty/ });
  t.match(of('KVM'), { state: 'note', mend: /kernels fetch/ });
  for (const { state, mend, subject } of findings)
    if (state === 'lacking') t.not(mend, '', `${subject} can be mended`);
});
