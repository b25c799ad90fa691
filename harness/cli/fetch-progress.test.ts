import { test } from 'tap';
import type { KernelOptions } from '../../vm/kernels/types.ts';
import { FetchProgress, type Screen } from './progress.ts';

const screen = (tty: boolean): Screen & { text: string } => {
  const self = {
    text: '',
    write: (text: string): void => {
      self.text += text;
    },
    ...{ tty, colour: false, columns: 70 },
  };
  return self;
};

/** Lines that a terminal shows in the end: up by some lines, then all below is erased. */
const left = (text: string): string[] => {
  const [first = '', ...others] = text.split('\u001b[');
  const lines = first.split('\n').slice(0, -1);
  for (const piece of others) {
    const [, up] = /^(\d+)A$/.exec(piece) ?? [];
    if (up !== undefined) lines.splice(-Number(up));
    else if (piece.startsWith('J')) lines.push(...piece.slice(1).split('\n').slice(0, -1));
  }
  return lines;
};

const fetchIt = (options: KernelOptions): Promise<string> => {
  options.onProgress?.({ stage: 'index', message: 'reading the index' });
  options.onProgress?.({ stage: 'download', message: 'fetching linux-image (100 MB)' });
  for (const done of [20e6, 100e6])
    options.onProgress?.({
      stage: 'download',
      message: 'fetching linux-image (100 MB)',
      bytes: { done, total: 100e6 },
    });
  options.onProgress?.({ stage: 'note', message: 'its modules are NOT\u001b[31m verified' });
  return Promise.resolve('kernel');
};

void test('without a terminal each step of a fetch is one plain line', async (t) => {
  const out = screen(false);
  const progress = new FetchProgress(['6.1', '6.12'], out);
  t.equal(await progress.during('6.1', fetchIt), 'kernel');
  t.equal(
    out.text,
    [
      '6.1: reading the index',
      '6.1: fetching linux-image (100 MB)',
      '6.1: its modules are NOT\\x1b[31m verified',
      '',
    ].join('\n'),
  );
});

void test('on a terminal each kernel has a line that is redrawn, and nothing of it is left but notes', async (t) => {
  const out = screen(true);
  const progress = new FetchProgress(['6.1', '6.12'], out);
  await progress.during('6.1', fetchIt);
  t.match(out.text, /^6\.1 {3}fetching {10}reading the index$/m);
  t.match(out.text, /^6\.12 {2}waiting$/m);
  t.ok(out.text.split('\n').every((line) => line.length < 90));
  t.strictSame(left(out.text), ['6.1: its modules are NOT\\x1b[31m verified']);
});

void test('of a kernel that is at hand nothing is said', async (t) => {
  for (const tty of [true, false]) {
    const out = screen(tty);
    await new FetchProgress(['6.1'], out).during('6.1', () => Promise.resolve(null));
    t.equal(out.text, '');
  }
});
