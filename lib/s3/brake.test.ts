import { expect, test } from 'vitest';
import { createBrake } from './brake';
import type { ErrorClass } from './classify';

const failed = (errorClass: ErrorClass, status = 0) => ({ status, failure: { errorClass, code: '', message: '' } });
const REFUSED = failed('connect');

function vu(endpoints = 1) {
  let now = 1_000;
  const brake = createBrake(
    endpoints,
    () => now,
    () => 1,
  );
  /** Pauses after operations that take so long and end so, one after the other. */
  const pauses = (outcomes: ReadonlyArray<Parameters<typeof brake.pauseAfter>[0]>, ms = 0) =>
    outcomes.map((outcome) => {
      const began = now;
      now += ms;
      const pause = brake.pauseAfter(outcome, began);
      now += pause;
      return pause;
    });
  return { brake, pauses, now: () => now };
}

test('the third operation in a row that is refused is followed by a pause, which doubles up to a second', () => {
  expect(vu().pauses(Array(12).fill(REFUSED))).toEqual([0, 0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
});

test('a connection that breaks counts as one that is refused', () => {
  expect(vu().pauses([REFUSED, failed('reset'), failed('corrupt'), failed('reset')])).toEqual([0, 0, 10, 20]);
});

test.each([{ status: 200 }, failed('throttled', 503), failed('auth', 403)])(
  'an answer of $status ends the row',
  (answer) => {
    const { pauses } = vu();
    expect(pauses([REFUSED, REFUSED, answer, REFUSED, REFUSED, REFUSED])).toEqual([0, 0, 0, 0, 0, 10]);
  },
);

test('what a store answers is never followed by a pause', () => {
  const answers = [failed('throttled', 503), failed('auth', 403), failed('server', 500), failed('client', 400)];
  expect(vu().pauses([...answers, ...answers])).toEqual(Array(8).fill(0));
});

test('a time limit neither counts nor ends the row', () => {
  expect(vu().pauses([REFUSED, REFUSED, failed('timeout'), REFUSED])).toEqual([0, 0, 0, 10]);
});

test('what an operation took itself, with pauses between its attempts, is part of the time', () => {
  const { pauses } = vu();
  pauses(Array(20).fill(REFUSED));
  expect(pauses([REFUSED], 700)).toEqual([300]);
  expect(pauses([REFUSED], 1_400)).toEqual([0]);
});

test('operations that were under way at once count once', () => {
  const { brake, pauses, now } = vu();
  pauses(Array(3).fill(REFUSED), 1);
  const began = now() - 1;
  expect(Array.from({ length: 30 }, () => brake.pauseAfter(REFUSED, began))).toEqual(Array(30).fill(19));
});

test('of more endpoints than three, each may fail once', () => {
  expect(vu(5).pauses(Array(6).fill(REFUSED))).toEqual([0, 0, 0, 0, 10, 20]);
});

test('half of a pause is drawn at random, so that VUs do not move in step', () => {
  const pause = (random: number) => {
    const brake = createBrake(
      1,
      () => 0,
      () => random,
    );
    return [1, 2, 3].map(() => brake.pauseAfter(REFUSED, 0)).at(-1);
  };
  expect([pause(0), pause(0.5)]).toEqual([5, 7.5]);
});
