/** Reads TAP on stdin, prints how many leaf points passed and how many failed. */
import { Parser } from 'tap-parser';

let passed = 0;
let failed = 0;

/** A point that closes a subtest only repeats what the subtest's own points said. */
function count(parser: Parser): void {
  let closing = false;
  parser.on('child', (child: Parser) => {
    count(child);
    closing = true;
  });
  parser.on('assert', ({ ok, skip, todo }) => {
    if (!closing && (ok || skip || todo)) passed++;
    else if (!closing) failed++;
    closing = false;
  });
}

const parser = new Parser();
count(parser);
parser.on('complete', () => {
  console.log(`${passed} ${failed}`);
});
process.stdin.pipe(parser);
