import { execa } from 'execa';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { has } from './exec.ts';
import { resolveKernel } from './resolve.ts';
import { fakeImage, writeFiles } from './test-kernel.ts';

/* Packages as rpmbuild makes them, in the layout of Fedora's kernel-core and kernel-modules. */

const RELEASE = '6.14.5-200.fc42.x86_64';
const MODULES = `lib/modules/${RELEASE}`;

const part = (kind: string, files: readonly string[]): string =>
  [`%package ${kind}`, 'Summary: a part', `%description ${kind}`, 'a part', `%files ${kind}`, ...files].join(
    '\n',
  );

const specFile = (source: string, payload: string): string =>
  [
    ...[
      `%define _binary_payload ${payload}`,
      '%define debug_package %{nil}',
      '%define __os_install_post %{nil}',
    ],
    ...['Name: kernel', 'Version: 6.14.5', 'Release: 200.fc42', 'Summary: a kernel', 'License: GPL'],
    ...['AutoReqProv: no', '%description', 'a kernel', '%install', `cp -a ${source}/lib %{buildroot}/`],
    part('core', [`%dir /${MODULES}`, `/${MODULES}/vmlinuz`, `/${MODULES}/modules.order`]),
    part('modules', [`/${MODULES}/kernel`]),
    '',
  ].join('\n');

const needed = ['rpmbuild', 'depmod', 'bsdtar', 'zstd', 'xz'];
const missing: string[] = [];
for (const program of needed) if (!(await has(program))) missing.push(program);
const options = missing.length === 0 ? {} : { skip: `not installed: ${missing.join(', ')}` };

void test('packages made by rpmbuild are a kernel, whatever packs their content', options, async (t) => {
  t.setTimeout(300_000);
  const folder = await mkdtemp(join(tmpdir(), 'segproof-rpmbuild-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  Object.assign(process.env, { XDG_CACHE_HOME: join(folder, 'cache'), SEGPROOF_NO_INSTALL: '1' });
  const source = join(folder, 'source');
  await writeFiles(source, {
    [`${MODULES}/vmlinuz`]: fakeImage(
      `${RELEASE} (mockbuild@here) (gcc) #1 SMP PREEMPT_DYNAMIC Fri May 2 2025`,
    ),
    [`${MODULES}/modules.order`]: '',
    [`${MODULES}/kernel/net/a.txt`]: 'a',
  });
  for (const payload of ['w3.zstdio', 'w2.xzdio', 'w9.gzdio']) {
    const top = join(folder, payload);
    await writeFiles(folder, { [`${payload}.spec`]: specFile(source, payload) });
    const built = ['--define', `_topdir ${top}`, '--target', 'x86_64', join(folder, `${payload}.spec`)];
    await execa('rpmbuild', ['-bb', ...built]);
    for (const kind of ['core', 'modules']) {
      const rpm = join(top, 'RPMS/x86_64', `kernel-${kind}-6.14.5-200.fc42.x86_64.rpm`);
      const { release, modules } = await resolveKernel(rpm);
      t.equal(release, RELEASE, `${payload} ${kind}`);
      t.strictSame(await readdir(join(modules ?? '', MODULES, 'kernel/net')), ['a.txt']);
    }
  }
});
