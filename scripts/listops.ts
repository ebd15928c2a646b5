/**
 * listops: every VU lists the whole prefix, 1,000 keys a page, without end. Breaks ordered indexes: shards that must be
 * merged for each page, and tombstones of what was deleted, which a listing has to step over.
 */

import { script } from '../lib/k6/script';
import { listing } from '../lib/k6/steps/listing';
import type { Pattern } from '../lib/workload/pattern';

export const listops: Pattern = {
  name: 'listops',
  sizes: [],
  loads: [{ does: listing() }],
};

const k6 = script([listops]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
