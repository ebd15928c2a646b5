/**
 * metastorm: objects of one byte, written, asked for, listed and deleted as fast as it goes. Breaks what keeps names and
 * not bytes: the metadata service, its database and its disks' IOPS.
 *
 * Asks for and deletes only what its own VUs wrote. Listings are of one letter's prefix, loadtest/a to loadtest/p, and find
 * the workers whose names begin so: what they load is the index, listops' are full pages.
 */

import { script } from '../lib/k6/script';
import { mixed } from '../lib/k6/steps/mixed';
import type { Pattern } from '../lib/workload/pattern';

export const metastorm: Pattern = {
  name: 'metastorm',
  sizes: ['1B'],
  loads: [{ does: mixed({ PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 }) }],
};

const k6 = script([metastorm]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
