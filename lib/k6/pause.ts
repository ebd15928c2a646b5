/** Waiting that leaves the VU free for what it has under way. */
import { setTimeout } from 'k6/timers';

/** Resolves after so many milliseconds; at once, where that is past. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
