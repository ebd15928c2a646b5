import { describe, expect, test } from 'vitest';
import { type ClockSample, estimateOffset, measureClock } from './clock';
import { connectHere, machinesHere } from './local';
import type { Machine } from './workers-file';

/** A clock of seconds goes on late by so much. */
const LATE = 9;

/** Answers of a clock that is `offset` ahead, to questions that take some milliseconds there and back. */
function samples(offset: number, resolution: number, ways: ReadonlyArray<readonly [there: number, back: number]>) {
  let t = 1_000_000.3;
  return ways.map(([there, back]): ClockSample => {
    const sentAt = Math.floor(t);
    const read = t + there + offset;
    const shown = resolution === 0 ? read : Math.floor((read - LATE) / 1000) * 1000;
    t += there + back;
    const receivedAt = Math.floor(t);
    t += 10;
    return { sentAt, receivedAt, shown, resolution };
  });
}

describe('an offset', () => {
  test.each<{ offset: number; resolution: number; ways: Array<[number, number]>; error: number; why: string }>([
    {
      offset: 3000,
      resolution: 0,
      ways: [[2, 2]],
      error: 2.5,
      why: 'half the round trip, and half our own millisecond',
    },
    { offset: -3000, resolution: 0, ways: [[40, 2]], error: 21.5, why: 'a way there that is slower than that back' },
    {
      offset: 12,
      resolution: 0,
      ways: [
        [300, 1],
        [2, 2],
        [1, 300],
      ],
      error: 2.5,
      why: 'the quickest answer counts',
    },
    {
      offset: 12,
      resolution: 0,
      ways: [
        [90, 1],
        [1, 90],
      ],
      error: 1.5,
      why: 'two slow ones that bound it from both sides',
    },
    {
      offset: 123.4,
      resolution: 1010,
      ways: Array.from({ length: 100 }, () => [1, 1]),
      error: 12.5,
      why: 'a clock of seconds is known where it goes on to the next',
    },
  ])('of $offset ms within $error: $why', ({ offset, resolution, ways, error }) => {
    const { offsetMs, errorMs } = estimateOffset(samples(offset, resolution, ways));
    expect(Math.abs(offsetMs - offset)).toBeLessThanOrEqual(errorMs);
    expect(errorMs).toBeLessThanOrEqual(error + 0.001);
    expect(errorMs).toBeGreaterThan(0);
  });

  test('of a clock that is set meanwhile is the later one', () => {
    const before = samples(0, 0, [
      [1, 1],
      [1, 1],
    ]);
    const after = samples(5_000, 0, [
      [4, 4],
      [1, 1],
    ]);
    const { offsetMs, errorMs, rttMs } = estimateOffset([...before, ...after]);
    expect(Math.abs(offsetMs - 5_000)).toBeLessThanOrEqual(errorMs);
    expect(rttMs).toBe(2);
  });
});

test("this machine's own clock is not off", async () => {
  const remote = connectHere(machinesHere(1)[0] as Machine, process.env);
  const { offsetMs, errorMs } = await measureClock(remote);
  expect(Math.abs(offsetMs)).toBeLessThanOrEqual(errorMs);
  expect(errorMs).toBeLessThan(25);
  await remote.close();
});
