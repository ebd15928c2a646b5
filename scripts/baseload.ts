/**
 * baseload: seven reads to three writes, all six sizes, without end. Breaks what holds for minutes and not for days: caches
 * that fill, logs that are never cut, disks that have to clean up under load.
 */

import { script } from '../lib/k6/script';
import { mix } from '../lib/k6/steps/mix';
import type { Workload } from '../lib/workload/workload';

export const baseload: Workload = {
  name: 'baseload',
  data: { sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'] },
  loads: [{ step: mix({ GET: 70, PUT: 30 }) }],
};

const k6 = script([baseload]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
