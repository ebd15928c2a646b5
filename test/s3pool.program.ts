/** test/signing-proxy.ts as a program, by the command line and the variables that s3pool has for this. */
import { parseArgs } from 'node:util';
import { startSigningProxy } from './signing-proxy';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { insecure: { type: 'boolean' }, listen: { type: 'string' } },
});
const { S3_POOL, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION } = process.env;
if (positionals.join() !== 'proxy' || !values.listen || !S3_POOL || !accessKeyId || !secretAccessKey) {
  throw new Error('usage: S3_POOL=… AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… proxy [--insecure] --listen HOST:PORT');
}
await startSigningProxy({
  endpoints: S3_POOL.split(','),
  region: AWS_REGION ?? 'us-east-1',
  accessKeyId,
  secretAccessKey,
  listen: values.listen,
  insecure: values.insecure === true,
});
console.error(`listening on ${values.listen}`);
