// Reads TAP on stdin, prints how many leaf points passed and how many failed.
import { Parser } from 'tap-parser';

let passed = 0;
let failed = 0;

/** A point that closes a subtest only repeats what the subtest's own points said. */
function count(parser) {
  let closing = false;
  parser.on('child', (child) => {
    count(child);
    closing = true;
  });
  parser.on('assert', (point) => {
    if (closing) {
      closing = false;
      return;
    }
    if (point.ok || point.skip || point.todo) passed++;
    else failed++;
  });
}

const parser = new Parser();
count(parser);
parser.on('complete', () => {
  console.log(`${passed} ${failed}`);
});
process.stdin.pipe(parser);
