import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { KernelLog } from './kernel-log.ts';
import { realSystemCalls } from './libc.ts';

t.test('lines since the last call, with their level and without their dictionary', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-'));
  const file = join(folder, 'kmsg');
  writeFileSync(file, '6,1,10,-;before the agent came\n');
  const log = new KernelLog(realSystemCalls, file);
  t.teardown(() => {
    log.close();
    rmSync(folder, { recursive: true });
  });
  t.strictSame(log.sinceLast().log, []);
  // A plain file gives all of it in one read; /dev/kmsg one record at a time.
  appendFileSync(file, '4,2,20,-;WARNING: CPU: 0 PID: 7 at net/core/dev.c:1\n SUBSYSTEM=net\n');
  t.strictSame(log.sinceLast().log, ['<4>WARNING: CPU: 0 PID: 7 at net/core/dev.c:1']);
  t.strictSame(log.sinceLast().log, []);
  t.end();
});

t.test('a log that is not ours to read is null, and taint is there all the same', (t) => {
  const log = new KernelLog(realSystemCalls, '/nonexistent/kmsg');
  const { log: lines, taint } = log.sinceLast();
  t.equal(lines, null);
  t.equal(log.readable, false);
  t.equal(taint.before, taint.after);
  t.end();
});
