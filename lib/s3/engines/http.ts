/** The http backend: own SigV4, with k6's hashes. */

import { createSigner } from '../sign';
import { createClient } from './client';
import { connectOnK6 } from './clients';
import { k6Hashes } from './send';

export const connectHttp = connectOnK6((options, recorder) => {
  const { credentials, region } = options;
  return createClient(options, recorder, (host) => createSigner(k6Hashes, credentials, region, host)).s3;
});
