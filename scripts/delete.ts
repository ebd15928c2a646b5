/**
 * delete: lists everything the tests have written, a page at a time, and deletes it in batches of 1,000, 32 under way at
 * once; from the beginning again every 30 seconds. Breaks garbage collection, and indexes that only grow.
 *
 * Only keys of the layout loadtest/{worker}/{size}/{test}/{time}/{suffix}; with --size only those of these sizes.
 */
import type { Pattern } from '../lib/pattern';
import { script } from '../lib/script';
import { deleting } from '../lib/traffic/deleting';

export const deletion: Pattern = {
  name: 'delete',
  sizes: [],
  loads: [{ does: deleting() }],
  concurrency: 32,
};

const k6 = script([deletion]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
