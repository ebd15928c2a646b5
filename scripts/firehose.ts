/**
 * firehose: half reads, half writes, all six sizes, no pause. Breaks what has a ceiling: network, disks, the gateways'
 * CPU. Whatever goes first is the store's raw throughput.
 *
 * Writes only until there is something to read; then reads what any test of any worker has left in the bucket, too.
 */
import { pattern } from '../lib/pattern';
import { continuous } from '../lib/scenario';

const firehose = pattern({
  name: 'firehose',
  mix: { GET: 50, PUT: 50 },
  sizes: ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'],
  shape: continuous,
});

export const { options, setup, handleSummary } = firehose;
export default firehose.run;
