/**
 * spiky: baseload with a quarter of the VUs, and one to three times in every five minutes the other three quarters for a
 * minute on top, nearly all of them reading or nearly all writing. Breaks what is sized for the average: queues, connection
 * limits, autoscaling that comes too late.
 *
 * When the bursts come is the seed's choice: the same in every VU, on every worker, in --dry-run. --burst and --pause set
 * their length and how much of a window is left beside it.
 */

import { script } from '../lib/k6/script';
import { mix, mixByPhase } from '../lib/k6/steps/mix';
import { MINUTE } from '../lib/settings/units';
import type { Workload } from '../lib/workload/workload';

export const spiky: Workload = {
  name: 'spiky',
  data: { sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'] },
  loads: [
    { step: mix({ GET: 70, PUT: 30 }), share: 0.25 },
    {
      name: 'burst',
      step: mixByPhase({ 'read-burst': { GET: 95, PUT: 5 }, 'write-burst': { GET: 5, PUT: 95 } }),
      share: 0.75,
      shape: { windows: { kind: 'spikes', burst: MINUTE, pause: 4 * MINUTE } },
    },
  ],
};

const k6 = script([spiky]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
