/**
 * heavyread: nothing but reads, each size as often, in storms of 20 minutes with 40 minutes between. Breaks read caches,
 * which the pause lets go cold, and whatever the answers' bytes go through.
 *
 * Reads what is in the bucket, or in key files (`s3loadtest keys`); --seed-objects writes some first. An object that is gone
 * is counted apart. --burst and --pause set other times.
 */

import { script } from '../lib/k6/script';
import { mixed } from '../lib/k6/steps/mixed';
import { MINUTE } from '../lib/settings/units';
import type { Pattern } from '../lib/workload/pattern';
import { bursts } from '../lib/workload/schedule';

export const heavyread: Pattern = {
  name: 'heavyread',
  sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'],
  loads: [
    {
      does: mixed({ GET: 100 }),
      when: ({ duration, burst = 20 * MINUTE, pause = 40 * MINUTE }) => bursts(duration, burst, pause),
    },
  ],
};

const k6 = script([heavyread]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
