import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { atOnce } from './at-once';

test('so many are under way at once, and results come in order whatever ends first', async () => {
  let running = 0;
  let most = 0;
  const results = await atOnce([30, 1, 20, 5, 1, 1, 10], 3, async (ms) => {
    running++;
    most = Math.max(most, running);
    await sleep(ms);
    running--;
    if (ms === 5) throw new Error('five');
    return ms;
  });
  expect(most).toBe(3);
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason)))).toEqual([
    30,
    1,
    20,
    'Error: five',
    1,
    1,
    10,
  ]);
});

test('of none there is none', async () => {
  expect(await atOnce([], 3, async () => 1)).toEqual([]);
});
