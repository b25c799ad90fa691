import fc from 'fast-check';
import t from 'tap';
import { figure, median, spread } from './statistics.ts';

t.test('the median is the middle value, or between the two in the middle', (t) => {
  t.equal(median([5, 1, 3]), 3);
  t.equal(median([4, 1, 3, 2]), 2.5);
  t.throws(() => median([]), RangeError);
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values);
      const below = values.filter((value) => value < middle).length;
      const above = values.filter((value) => value > middle).length;
      return below <= values.length / 2 && above <= values.length / 2;
    }),
  );
  t.end();
});

t.test('a figure has three significant digits and never an exponent', (t) => {
  t.strictSame([0.15349, 12.44, 1239.6, 0].map(figure), ['0.153', '12.4', '1240', '0']);
  t.end();
});

t.test('a spread names median, smallest, largest and how many there were', (t) => {
  t.equal(spread([3, 1, 2], ' s'), '2.00 s (1.00..3.00, n=3)');
  t.end();
});
