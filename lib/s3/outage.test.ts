import { describe, expect, test } from 'vitest';
import { createOutages, takeTurns } from './outage';

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

describe('turns', () => {
  const HOSTS = ['a', 'b', 'c', 'd'].map((endpoint) => ({ endpoint }));
  const REFUSED = { errorClass: 'connect', code: '', message: 'connection refused' } as const;

  /** Who of so many had so many requests, and whose turns were another's, when those are left out. */
  function turns(requests: number, dead: readonly string[]) {
    const passedOver: string[] = [];
    const { next, learn } = takeTurns(HOSTS, 1, (endpoint) => passedOver.push(endpoint));
    for (const endpoint of dead) for (let n = 0; n < 3; n++) learn({ endpoint, status: 0, failure: REFUSED });
    const taken = Array.from({ length: requests }, () => next().endpoint);
    const count = (names: readonly string[]) =>
      Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, names.filter((each) => each === name).length]));
    return { taken: count(taken), passedOver: count(passedOver), first: taken[0] };
  }

  test('each has as many, from the one that is named', () => {
    expect(turns(40, [])).toEqual({
      taken: { a: 10, b: 10, c: 10, d: 10 },
      passedOver: { a: 0, b: 0, c: 0, d: 0 },
      first: 'b',
    });
  });

  test('those of one that is left out go to the others alike, and are told', () => {
    expect(turns(120, ['b'])).toMatchObject({ taken: { a: 40, b: 0, c: 40, d: 40 }, passedOver: { b: 30 } });
  });

  test('of two that are left out each has its own', () => {
    expect(turns(120, ['b', 'c'])).toMatchObject({
      taken: { a: 60, d: 60 },
      passedOver: { a: 0, b: 30, c: 30, d: 0 },
    });
  });

  test('where all are left out, the one whose turn it is is tried', () => {
    expect(turns(40, ['a', 'b', 'c', 'd'])).toMatchObject({
      taken: { a: 10, b: 10, c: 10, d: 10 },
      passedOver: { a: 0, b: 0, c: 0, d: 0 },
    });
  });
});
