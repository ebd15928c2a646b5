/**
 * delete: lists everything the tests have written, a page at a time, and deletes it in batches of 1,000, 32 under way at
 * once; from the beginning again every 30 seconds. Breaks garbage collection, and indexes that only grow.
 *
 * Only keys of the layout loadtest/{worker}/{size}/{test}/{time}/{suffix}; with --size only those of these sizes.
 */

import { script } from '../lib/k6/script';
import { drain } from '../lib/k6/steps/drain';
import type { Workload } from '../lib/workload/workload';

export const deletion: Workload = {
  name: 'delete',
  data: { sizes: [] },
  loads: [{ step: drain(), shape: { vus: 32 } }],
};

const k6 = script([deletion]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
