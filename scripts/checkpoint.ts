/**
 * checkpoint: everyone writes large objects at once, then nobody does, as when a training job saves its state: 10 minutes of
 * nine writes to one read, an hour of silence. Breaks journals and write caches, which the silence lets run empty.
 *
 * --burst and --pause set other times.
 */

import { script } from '../lib/k6/script';
import { mixed } from '../lib/k6/steps/mixed';
import { HOUR, MINUTE } from '../lib/settings/units';
import type { Pattern } from '../lib/workload/pattern';
import { bursts } from '../lib/workload/schedule';

export const checkpoint: Pattern = {
  name: 'checkpoint',
  sizes: ['10MB', '100MB'],
  loads: [
    {
      does: mixed({ PUT: 90, GET: 10 }),
      when: ({ duration, burst = 10 * MINUTE, pause = HOUR }) => bursts(duration, burst, pause),
    },
  ],
};

const k6 = script([checkpoint]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
