/**
 * workload: whatever a workload file says, docs/workload-file.md has how. `s3loadtest run FILE.yaml`, or by hand
 * `k6 run -e S3LOADTEST_WORKLOAD=FILE.yaml build/workload.js`.
 */
import { scriptOfFile } from '../lib/k6/script-of-file';

const k6 = scriptOfFile();
export const { options, setup, handleSummary, teardown } = k6;
export default k6.run;
