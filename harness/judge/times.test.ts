import t from 'tap';
import type { Datagram } from '../contract/evidence.ts';
import type { ExpectedDatagram } from '../contract/expectation.ts';
import { checkTimes } from './times.ts';

const SLACK = 50;
const wanted = (...times: (number | undefined)[]): ExpectedDatagram[] =>
  times.map((afterMs) => ({
    ...{ length: 1, payload: [], gro: null, flags: [] },
    ...(afterMs === undefined ? {} : { afterMs }),
  }));
const came = (...times: (number | undefined)[]): Datagram[] =>
  times.map((atMs) => ({
    ...{ length: 1, payload: [], from: '', flags: [], control: [] },
    ...(atMs === undefined ? {} : { atMs }),
  }));
const verdicts = (expected: ExpectedDatagram[], seen: Datagram[]): unknown =>
  checkTimes(expected, seen, SLACK)?.map(({ ok, actual }) => [ok, actual]);

t.test('a datagram is never early, and late only beyond the slack of the machine', (t) => {
  const inTime = [true, 'in time'];
  t.strictSame(verdicts(wanted(200), came(200)), [inTime, inTime]);
  t.strictSame(verdicts(wanted(200), came(250)), [inTime, inTime]);
  t.strictSame(verdicts(wanted(0, 200), came(0.1, 199.999)), [[false, '1: 199.999 ms'], inTime]);
  t.strictSame(verdicts(wanted(0, 200), came(0.1, 250.001)), [inTime, [false, '1: 250.001 ms']]);
  t.end();
});

t.test('without a time there is no verdict where one is expected, and no need of one elsewhere', (t) => {
  t.equal(checkTimes(wanted(200), came(undefined), SLACK), undefined);
  t.equal(checkTimes(wanted(undefined), came(undefined), SLACK), null);
  t.equal(checkTimes(wanted(undefined, 5), came(undefined, 6), SLACK)?.length, 2);
  t.end();
});

t.test('what has not come at all is the business of another check', (t) => {
  t.ok(checkTimes(wanted(200, 300), came(201), SLACK)?.every(({ ok }) => ok));
  t.end();
});
