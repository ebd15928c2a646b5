/** The http engine: own SigV4, with k6's hashes. */
import { createSigner } from '../sign';
import { createEngine } from './k6';
import { k6Hashes } from './send';
import { connectOnK6 } from './source';

export const connectHttp = connectOnK6((options, recorder) => {
  const { credentials, region } = options;
  return createEngine(options, recorder, (host) => createSigner(k6Hashes, credentials, region, host));
});
