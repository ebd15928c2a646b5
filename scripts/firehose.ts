/**
 * firehose: half reads, half writes, all six sizes, no pause. Breaks what has a ceiling: network, disks, the gateways'
 * CPU. Whatever goes first is the store's raw throughput.
 *
 * Writes only until there is something to read; then reads what any test of any worker has left in the bucket, too.
 */

import { script } from '../lib/k6/script';
import { mix } from '../lib/k6/steps/mix';
import type { Workload } from '../lib/workload/workload';

export const firehose: Workload = {
  name: 'firehose',
  data: { sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'] },
  loads: [{ step: mix({ GET: 50, PUT: 50 }) }],
};

const k6 = script([firehose]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
