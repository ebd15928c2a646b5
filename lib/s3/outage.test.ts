import { expect, test } from 'vitest';
import { createOutages } from './outage';

const SILENCE = 'request timeout';

function silent(times: number) {
  let now = 0;
  const outages = createOutages(() => now);
  for (let n = 0; n < times; n++) outages.notAnswered('a', SILENCE);
  return { outages, wait: (ms: number) => (now += ms) };
}

test('an endpoint that does not answer three times in a row is left out, and no other', () => {
  expect(silent(2).outages.mayTry('a')).toBe(true);
  const { outages } = silent(3);
  expect([outages.mayTry('a'), outages.mayTry('b')]).toEqual([false, true]);
});

test('an answer in between counts anew', () => {
  const { outages } = silent(2);
  outages.answered('a');
  outages.notAnswered('a', SILENCE);
  expect(outages.mayTry('a')).toBe(true);
});

test('one request tries it again after a second, then after two, and thirty at the most', () => {
  const { outages, wait } = silent(3);
  const pauses = [1, 2, 4, 8, 16, 30, 30].map((seconds) => {
    wait(seconds * 1000 - 1);
    const early = outages.mayTry('a');
    wait(1);
    const tries = [outages.mayTry('a'), outages.mayTry('a')];
    outages.notAnswered('a', SILENCE);
    return [early, ...tries];
  });
  expect(pauses).toEqual(Array(7).fill([false, true, false]));
  outages.answered('a');
  expect([outages.mayTry('a'), outages.mayTry('a')]).toEqual([true, true]);
});

test.each(['dial tcp: socket: too many open files', 'connect: cannot assign requested address'])(
  'what this machine lacks is no fault of the endpoint: %s',
  (message) => {
    const outages = createOutages();
    for (let n = 0; n < 9; n++) outages.notAnswered('a', message);
    expect(outages.mayTry('a')).toBe(true);
  },
);
