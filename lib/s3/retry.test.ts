import { expect, test } from 'vitest';
import type { ErrorClass } from './classify';
import { nextPause, pauseBefore } from './retry';

test.each([
  { n: 2, least: 0.05, most: 0.1, why: 'the first repeat' },
  { n: 3, least: 0.1, most: 0.2, why: 'twice that' },
  { n: 5, least: 0.4, most: 0.8, why: 'the fifth attempt' },
  { n: 40, least: 15, most: 30, why: 'and never longer' },
])('before attempt $n are $least to $most s: $why', ({ n, least, most }) => {
  expect(pauseBefore(n, () => 0)).toBeCloseTo(least);
  expect(pauseBefore(n, () => 1)).toBeCloseTo(most);
});

test.each<{ errorClass?: ErrorClass; status: number; code?: string; n: number; again: boolean; why: string }>([
  { status: 200, n: 1, again: false, why: 'a success' },
  { errorClass: 'throttled', status: 503, n: 1, again: true, why: 'a busy server' },
  { errorClass: 'throttled', status: 503, n: 4, again: true, why: 'four times busy' },
  { errorClass: 'throttled', status: 503, n: 5, again: false, why: 'the last attempt' },
  { errorClass: 'reset', status: 0, n: 1, again: true, why: 'no answer' },
  { errorClass: 'auth', status: 403, n: 1, again: false, why: 'the answer would be the same' },
  { errorClass: 'corrupt', status: 200, n: 1, again: false, why: 'likewise' },
  { errorClass: 'server', status: 500, code: 'InternalError', n: 1, again: true, why: 'a failure that may pass' },
  { errorClass: 'unsupported', status: 501, n: 1, again: false, why: 'the store does not know the command' },
])('$status $code at attempt $n of 5 is tried again: $again ($why)', ({ errorClass, status, code = '', n, again }) => {
  const failure = errorClass && { errorClass, code, message: '' };
  const seconds = nextPause({ failure, status, bytes: 0, ms: 1, endpoint: 'e:1' }, n, 5, 1);
  expect(seconds !== undefined).toBe(again);
});

test.each([
  { status: 503, seconds: 1.5, why: 'after the delay, each time' },
  { status: 429, seconds: undefined, why: 'this alone' },
  { status: 500, seconds: undefined, why: 'nothing else' },
  { status: 0, seconds: undefined, why: 'not even at another endpoint' },
])('with a delay $status is tried again after $seconds s: $why', ({ status, seconds }) => {
  const failure = {
    errorClass: status === 0 ? 'reset' : status === 500 ? 'server' : 'throttled',
    code: '',
    message: '',
  } as const;
  const outcome = { failure, status, bytes: 0, ms: 1, endpoint: 'e:1' };
  expect([1, 2, 3].map((n) => nextPause(outcome, n, 3, 2, 1_500))).toEqual([seconds, seconds, undefined]);
});

test('another endpoint need not wait for one that does not answer; the next round does', () => {
  const failure = { errorClass: 'timeout', code: '', message: '' } as const;
  const outcome = { failure, status: 0, bytes: 0, ms: 1, endpoint: 'e:1' };
  expect([1, 2].map((n) => nextPause(outcome, n, 5, 3))).toEqual([0, 0]);
  expect(nextPause(outcome, 3, 5, 3)).toBeGreaterThan(0);
  expect(nextPause({ ...outcome, status: 503 }, 1, 5, 3)).toBeGreaterThan(0);
});
