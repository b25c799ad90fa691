/** Reads TAP on stdin, prints how many leaf points passed and how many failed; then what was skipped, by reason. */
import { Parser, type Result } from 'tap-parser';

let passed = 0;
let failed = 0;
const skipped = new Map<string, number>();

/** A point that closes a subtest only repeats what the subtest's own points said. */
function count(parser: Parser): void {
  let closing = false;
  parser.on('child', (child: Parser) => {
    count(child);
    closing = true;
  });
  parser.on('assert', ({ ok, skip, todo }: Result) => {
    if (closing) {
      closing = false;
      return;
    }
    if (skip !== false) {
      const reason = skip === true ? 'no reason given' : skip;
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    } else if (ok || todo !== false) passed++;
    else failed++;
  });
}

const parser = new Parser();
count(parser);
parser.on('complete', () => {
  console.log(`${passed} ${failed}`);
  for (const [reason, count] of skipped) console.log(`${count} skipped: ${reason}`);
});
process.stdin.pipe(parser);
