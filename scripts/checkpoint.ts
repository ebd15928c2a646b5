/**
 * checkpoint: everyone writes large objects at once, then nobody does, as when a training job saves its state: 10 minutes of
 * nine writes to one read, an hour of silence. Breaks journals and write caches, which the silence lets run empty.
 *
 * --burst and --pause set other times.
 */

import { script } from '../lib/k6/script';
import { mix } from '../lib/k6/steps/mix';
import { HOUR, MINUTE } from '../lib/settings/units';
import type { Workload } from '../lib/workload/workload';

export const checkpoint: Workload = {
  name: 'checkpoint',
  data: { sizes: ['10MB', '100MB'] },
  loads: [
    {
      step: mix({ PUT: 90, GET: 10 }),
      shape: { windows: { kind: 'bursts', burst: 10 * MINUTE, pause: HOUR } },
    },
  ],
};

const k6 = script([checkpoint]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
