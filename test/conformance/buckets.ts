/** Buckets looked at and created. */
import { type Bench, type Case, failed, readAs, same, succeeded } from './case';
import { said } from './odd-keys';

export const bucketCases: readonly Case[] = [
  { name: 'headBucket tells a bucket that is there from one that is not', run: head },
  { name: 'createBucket creates one', run: create },
];

/** Comes first where there is to be a bucket. */
export const ownBucketCase: Case = { name: 'the bucket of the settings is created', run: createOwn };

/** What is said to this differs between S3s: boto3 on the same server is the yardstick. */
export const existingBucketCase: Case = { name: 'createBucket of an existing one', run: createExisting };

function createOwn(t: Bench): void {
  succeeded('create', t.s3.createBucket());
  succeeded('HEAD', t.s3.headBucket());
}

function head(t: Bench): void {
  same('bytes', succeeded('HEAD', t.s3.headBucket()).bytes, 0);
  const other = t.client({ bucket: 'no-such-bucket-here' });
  failed('HEAD of a missing one', other.headBucket(), { errorClass: 'notFound', status: 404 });
}

async function create(t: Bench): Promise<void> {
  const bucket = `new-${Math.floor(Math.random() * 1e9)}`;
  const other = t.client({ bucket });
  failed('HEAD before', other.headBucket(), { errorClass: 'notFound' });
  succeeded('create', other.createBucket());
  succeeded('HEAD after', other.headBucket());
  const body = t.random(10);
  succeeded('PUT into it', await other.putObject('key', body, ''));
  readAs(t, 'read from it', await other.readObject('key', ''), body);
}

function createExisting(t: Bench): void {
  const outcome = t.s3.createBucket();
  if (outcome.failure !== undefined) same('class', outcome.failure.errorClass, 'client');
  t.report('createExisting', said(outcome));
}
