/**
 * What not every VU needs and k6 loads in its init context alone: engines over k6's HTTP client, bodies made in JavaScript,
 * credentials out of k6's secrets. In one module: each that is not loaded costs a VU 2 KB. What VUs load while they run is in
 * seldom.ts.
 */
export { connectHttp, connectProxy } from '../s3/engines/http';
export { createPayload } from '../workload/payload';
export { readSecrets } from './secrets';
