/**
 * spiky: baseload with a quarter of the VUs, and one to three times in every five minutes the other three quarters for a
 * minute on top, nearly all of them reading or nearly all writing. Breaks what is sized for the average: queues, connection
 * limits, autoscaling that comes too late.
 *
 * When the bursts come is the seed's choice: the same in every VU, on every worker, in --dry-run. --burst and --pause set
 * their length and how much of a window is left beside it.
 */

import { script } from '../lib/k6/script';
import { mixed, mixedByPhase } from '../lib/k6/steps/mixed';
import { MINUTE } from '../lib/settings/units';
import type { Pattern } from '../lib/workload/pattern';
import { spikes } from '../lib/workload/schedule';

export const spiky: Pattern = {
  name: 'spiky',
  sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'],
  loads: [
    { does: mixed({ GET: 70, PUT: 30 }), share: 0.25 },
    {
      name: 'burst',
      does: mixedByPhase({ 'read-burst': { GET: 95, PUT: 5 }, 'write-burst': { GET: 5, PUT: 95 } }),
      share: 0.75,
      when: ({ duration, burst = MINUTE, pause = 4 * MINUTE, seed }) => spikes(duration, burst, pause, seed),
    },
  ],
};

const k6 = script([spiky]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
