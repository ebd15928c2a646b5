/**
 * What few VUs ever need, in one module that they load then: a module that is not loaded yet costs a VU 2 KB, whatever is in it.
 * Nothing in here imports a module of k6, which can't be loaded while a VU runs.
 */
export { demanding } from '../s3/demanding';
export { demanded } from '../s3/demands';
export { listingByV1 } from '../s3/listing-v1';
export { putInParts } from '../s3/multipart';
export { customerKey } from '../s3/sse-c';
export { homesFor, takingTurns } from '../workload/home';
export { BESIDE_LOAD, findReadable, keyFinder } from './readable';
export { supply } from './supply';
