/**
 * What VUs have whose requests are made in JavaScript, to be loaded in k6's init context: engines over k6's HTTP client, and bodies.
 * In one module: each that is not loaded costs a VU 2 KB. What VUs load while they run is in seldom.ts; credentials out of k6's
 * secrets stand apart, as they bring the table of settings with them.
 */
export { connectHttp, connectProxy } from '../s3/engines/http';
export { createPayload } from '../workload/payload';
