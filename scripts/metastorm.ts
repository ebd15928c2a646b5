/**
 * metastorm: objects of one byte, written, asked for, listed and deleted as fast as it goes. Breaks what keeps names and
 * not bytes: the metadata service, its database and its disks' IOPS.
 *
 * Asks for and deletes only what its own VUs wrote. Listings are of one letter's prefix, loadtest/a to loadtest/p, and find
 * the workers whose names begin so: what they load is the index, listops' are full pages.
 */

import { script } from '../lib/k6/script';
import { mix } from '../lib/k6/steps/mix';
import type { Workload } from '../lib/workload/workload';

export const metastorm: Workload = {
  name: 'metastorm',
  data: { sizes: ['1B'] },
  loads: [{ step: mix({ PUT: 30, HEAD: 25, LIST: 25, DELETE: 20 }) }],
};

const k6 = script([metastorm]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
