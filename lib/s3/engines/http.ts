/** Engines that send by k6's HTTP client: with our own SigV4, and, for a proxy such as s3pool that signs, without. */
import { createSigner, unsigned } from '../sign';
import { extension } from './extension';
import { createEngine } from './k6';
import { k6Hashes } from './send';
import { connectOnK6 } from './source';

export const connectHttp = connectOnK6((options, recorder) => {
  const { credentials, region, credentialsFile } = options;
  const latest = credentialsFile === undefined ? undefined : () => extension?.credentials(credentialsFile);
  return createEngine(options, recorder, (host) => createSigner(k6Hashes, credentials, region, host, Date.now, latest));
});

export const connectProxy = connectOnK6((options, recorder) => createEngine(options, recorder, () => unsigned));
