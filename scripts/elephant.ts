/**
 * elephant: a thousand connections and more, half of them uploading and half downloading at 100 bytes a second. Breaks what
 * has a place for each connection: pools, worker threads, file descriptors, the memory of gateways and load balancers.
 *
 * --concurrency says how many connections, --bps how fast each. Each is replaced when it ends or the server ends it, which is
 * what this counts, and no failure of the run. Uploads are of small objects, so that some complete; downloads are of objects
 * that no server can get rid of into its system's buffers. Takes the project's k6.
 */

import { script } from '../lib/k6/script';
import { hold } from '../lib/k6/steps/hold';
import type { Workload } from '../lib/workload/workload';

export const elephant: Workload = {
  name: 'elephant',
  data: { sizes: ['1KB', '10KB'] },
  loads: [{ step: hold({ read: '10MB' }), shape: { vus: 1000 } }],
};

const k6 = script([elephant]);
export const { options, setup, handleSummary } = k6;
export default k6.run;
