/** What buckets and objects are given: ACLs, policies, lifecycle rules, tags, locks. The first is as WorkloadWisdom's, the others vary. Pure. */

import { XMLNS } from './xml';

/** In its order: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl */
export const ACLS = [
  'public-read-write',
  'public-read',
  'authenticated-read',
  'bucket-owner-full-control',
  'private',
] as const;

/** Operations on objects that the policy of number 0 allows; each bit of another number takes one away. */
const ALLOWED = [
  ...['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:GetObjectAcl', 's3:PutObjectAcl'],
  ...['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts', 's3:GetObjectTagging'],
];

/** Everyone may do to objects what is allowed, and nothing else follows from it. */
export function policyOf(bucket: string, n: number): string {
  const actions = ALLOWED.filter((_, bit) => ((n >> bit) & 1) === 0);
  const statement = { Sid: `s3loadtest${n}`, Effect: 'Allow', Principal: { AWS: '*' }, Action: actions };
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ ...statement, Resource: `arn:aws:s3:::${bucket}/*` }],
  });
}

/** Ten years, and a month more with each number: no object of a test lives so long. */
const FIRST_DAYS = 3_650;
const MONTH = 30;
const CLASSES = ['GLACIER', 'DEEP_ARCHIVE', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING'];

export function lifecycleOf(prefix: string, n: number): string {
  const transition = `<Transition><Days>${FIRST_DAYS + n * MONTH}</Days><StorageClass>${CLASSES[n % CLASSES.length]}</StorageClass></Transition>`;
  const rule = `<ID>s3loadtest-${n}</ID><Filter><Prefix>${prefix}</Prefix></Filter><Status>Enabled</Status>${transition}`;
  return `<LifecycleConfiguration xmlns="${XMLNS}"><Rule>${rule}</Rule></LifecycleConfiguration>`;
}

export const VERSIONING = `<VersioningConfiguration xmlns="${XMLNS}"><Status>Enabled</Status></VersioningConfiguration>`;

export function taggingOf(n: number): string {
  return `<Tagging xmlns="${XMLNS}"><TagSet><Tag><Key>s3loadtest</Key><Value>${n}</Value></Tag></TagSet></Tagging>`;
}

/** Until a time, in milliseconds since 1970, by the mode that who may can end before. */
export function retentionOf(until: number): string {
  const date = new Date(until).toISOString();
  return `<Retention xmlns="${XMLNS}"><Mode>GOVERNANCE</Mode><RetainUntilDate>${date}</RetainUntilDate></Retention>`;
}

export function legalHoldOf(on: boolean): string {
  return `<LegalHold xmlns="${XMLNS}"><Status>${on ? 'ON' : 'OFF'}</Status></LegalHold>`;
}
