/**
 * listops: every VU lists the whole prefix, 1,000 keys a page, without end. Breaks ordered indexes: shards that must be
 * merged for each page, and tombstones of what was deleted, which a listing has to step over.
 */

import { script } from '../lib/k6/script';
import { list } from '../lib/k6/steps/list';
import type { Workload } from '../lib/workload/workload';

export const listops: Workload = {
  name: 'listops',
  data: { sizes: [] },
  loads: [{ step: list() }],
};

const k6 = script([listops]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
