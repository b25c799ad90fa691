import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { has } from '../kernels/exec.ts';
import { decodeTrace, findSymbols } from './symbols.ts';

const lacking = (await Promise.all(['gcc', 'nm', 'addr2line'].map(has))).includes(false);

t.test(
  'a trace names file and line where the symbols are known',
  { skip: lacking && 'gcc and binutils are not all installed' },
  async (t) => {
    const folder = t.testdir({
      'a.c': 'int inner(int x)\n{\n  return x + 1;\n}\nint main(void)\n{\n  return inner(2);\n}\n',
    });
    const binary = join(folder, 'vmlinux');
    execFileSync('gcc', ['-g', '-O0', '-o', binary, join(folder, 'a.c')]);
    const trace = [
      'RIP: 0010:inner+0x0/0x10',
      ' main+0x9/0x20',
      ' unheard_of+0x1/0x2',
      ' main+0x9/0x20 [some_module]',
    ].join('\n');
    const decoded = await decodeTrace(trace, binary);
    const lines = decoded?.split('\n') ?? [];
    t.match(lines[0], /^RIP: 0010:inner\+0x0\/0x10 \(.*a\.c:2\)$/);
    t.match(lines[1], /^ main\+0x9\/0x20 \(.*a\.c:\d\)$/);
    t.equal(lines[2], ' unheard_of+0x1/0x2', 'what is not known stays as it is');
    t.equal(lines[3], ' main+0x9/0x20 [some_module]', "a module's functions are not the kernel's");
    t.equal(await decodeTrace('nothing to decode', binary), 'nothing to decode');
  },
);

t.test('symbols are found in the tree of an image and beside it', (t) => {
  const tree = t.testdir();
  mkdirSync(join(tree, 'arch/x86/boot'), { recursive: true });
  const image = join(tree, 'arch/x86/boot/bzImage');
  t.equal(findSymbols({ image, release: '0.0-none' }), null);
  writeFileSync(join(tree, 'vmlinux'), '');
  t.equal(findSymbols({ image, release: '0.0-none' }), join(tree, 'vmlinux'));
  writeFileSync(join(tree, 'vmlinux-0.0-none'), '');
  t.equal(findSymbols({ image: join(tree, 'vmlinuz'), release: '0.0-none' }), join(tree, 'vmlinux-0.0-none'));
  t.end();
});
