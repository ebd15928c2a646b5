/**
 * heavyread: nothing but reads, each size as often, in storms of 20 minutes with 40 minutes between. Breaks read caches,
 * which the pause lets go cold, and whatever the answers' bytes go through.
 *
 * Reads what is in the bucket, or in key files (`s3loadtest keys`); --seed-objects writes some first. An object that is gone
 * is counted apart. --burst and --pause set other times.
 */

import { script } from '../lib/k6/script';
import { mix } from '../lib/k6/steps/mix';
import { MINUTE } from '../lib/settings/units';
import type { Workload } from '../lib/workload/workload';

export const heavyread: Workload = {
  name: 'heavyread',
  data: { sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'] },
  loads: [
    {
      step: mix({ GET: 100 }),
      shape: { windows: { kind: 'bursts', burst: 20 * MINUTE, pause: 40 * MINUTE } },
    },
  ],
};

const k6 = script([heavyread]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
