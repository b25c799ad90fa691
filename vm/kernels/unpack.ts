import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { TOOL_PATH } from './exec.ts';
import { KernelError } from './types.ts';

/**
 * Folders of modules that no UDP test can need: about half of a kernel package. Everything else stays, since a module
 * may need another from anywhere.
 */
const MODULES_LEFT_OUT = [
  'sound',
  'drivers/accel',
  'drivers/bluetooth',
  'drivers/comedi',
  'drivers/gpu',
  'drivers/hwmon',
  'drivers/iio',
  'drivers/isdn',
  'drivers/media',
  'drivers/net/wireless',
  'drivers/scsi',
  'drivers/staging',
  'net/mac80211',
];

/** tar patterns (a `*` of which matches `/` too) for what is not unpacked. */
const LEFT_OUT = [
  ...MODULES_LEFT_OUT.map((folder) => `*lib/modules/*/kernel/${folder}`),
  './usr/share',
  './usr/lib/debug',
  './etc',
];

/** What of a package is unpacked: what kernel tests can need, all of it, or of the former the modules alone. */
export type Part = 'needed' | 'all' | 'modules';

/**
 * Unpack a Debian package into an existing folder, by default without its documentation and what MODULES_LEFT_OUT names.
 * @throws KernelError (65) when the package is cut, damaged or none
 */
export async function unpackDeb(deb: string, folder: string, part: Part = 'needed'): Promise<void> {
  const patterns = part === 'all' ? [] : LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
  if (part === 'modules') patterns.push('./*lib/modules/*.ko*');
  await pipe(
    deb,
    ['dpkg-deb', '--fsys-tarfile', deb],
    ['tar', '-x', '-C', folder, '--no-same-owner', '--anchored', '--wildcards', ...patterns],
  );
}

/**
 * Unpack an RPM package into an existing folder.
 * @throws KernelError (69) when no tool for it is installed, (65) when the package is damaged
 */
export async function unpackRpm(rpm: string, folder: string, tool: 'bsdtar' | 'rpm2cpio'): Promise<void> {
  const target = ['--no-same-owner', '--no-same-permissions', '-C', folder];
  if (tool === 'bsdtar') await pipe(rpm, ['cat', rpm], ['bsdtar', '-x', ...target, '-f', '-']);
  else
    await pipe(rpm, ['rpm2cpio', rpm], ['cpio', '-idmu', '--quiet', '--no-absolute-filenames', '-D', folder]);
}

/** Run two programs with the first one's output as the second one's input; both must succeed. */
async function pipe(subject: string, first: readonly string[], second: readonly string[]): Promise<void> {
  const env = { ...process.env, PATH: TOOL_PATH, LC_ALL: 'C' };
  const [producer = '', ...producerArgs] = first;
  const [consumer = '', ...consumerArgs] = second;
  const source = spawn(producer, producerArgs, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const sink = spawn(consumer, consumerArgs, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let complaints = '';
  for (const stream of [source.stderr, sink.stderr])
    stream.on('data', (data: Buffer) => {
      complaints += data.toString();
    });
  sink.stdin.on('error', () => undefined);
  source.stdout.pipe(sink.stdin);
  const ended = await Promise.all([source, sink].map((child) => once(child, 'close'))).catch(
    (cause: unknown) => {
      const { code, path } = cause as NodeJS.ErrnoException & { path?: string };
      source.kill();
      sink.kill();
      if (code === 'ENOENT') throw new KernelError(69, `${path ?? producer} is not installed`);
      throw cause;
    },
  );
  if (ended.every(([code]) => code === 0)) return;
  const full = /No space left|Cannot write|Wrote only/.test(complaints);
  const why = complaints.trim().split('\n').slice(0, 3).join('; ');
  if (full)
    throw new KernelError(
      69,
      `${subject}: cannot be unpacked: the disk is full: ${why}`,
      '`segproof kernels prune` makes room; XDG_CACHE_HOME puts the cache elsewhere',
    );
  throw new KernelError(
    65,
    `${subject}: not a whole package: ${why === '' ? 'it ends too early' : why}`,
    'download or build it again',
  );
}
