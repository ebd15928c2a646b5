/** Waiting of the whole VU. */
import { sleep } from 'k6';

/** k6's scenarios end by a clock of their own. */
const OVERSLEEP_MS = 5;

/** Sleeps a little longer than that: one who wakes up too soon would be sent to sleep again and again. */
export function sleepUntil(time: number): void {
  sleep((Math.max(0, time - Date.now()) + OVERSLEEP_MS) / 1000);
}
