/** Which cases run together, in one k6. Pure. */
import { bucketCases, existingBucketCase, ownBucketCase } from './buckets';
import type { Bench, Case } from './case';
import { failureCases, untrustedCase } from './failures';
import { faultCases } from './faults';
import { bigListingCase, listingCases } from './listings';
import { measuredCases } from './measured';
import { multipartCases } from './multipart';
import { manyBatchesCase, objectCases } from './objects';
import { oddKeysCase } from './odd-keys';

/** Hosts below it are loopback to k6, and buckets to the servers. */
export const VIRTUAL_DOMAIN = 's3.test';

const plain = [...objectCases, ...listingCases, ...multipartCases, ...bucketCases];

/** The case once more, with the bucket in the host name. */
function virtualHosted({ name, run, ...more }: Case): Case {
  return {
    ...more,
    name: `virtual host: ${name}`,
    run: (t: Bench) => {
      const endpoints = t.options.endpoints.map((endpoint) => endpoint.replace('127.0.0.1', VIRTUAL_DOMAIN));
      const client: Bench['client'] = (changes) => t.client({ endpoints, addressing: 'virtual', ...changes });
      return run({ ...t, client, s3: client({}), options: { ...t.options, endpoints, addressing: 'virtual' } });
    },
  };
}

/** By the value of CONFORMANCE_SUITE. */
export const suites = {
  /** A working server. */
  server: [
    ownBucketCase,
    ...plain,
    bigListingCase,
    manyBatchesCase,
    existingBucketCase,
    oddKeysCase,
    ...plain.map(virtualHosted),
    ...failureCases,
  ],
  /** A server whose certificate is not to be trusted. */
  untrusted: [untrustedCase],
  /** The same, where certificates are not verified. */
  unverified: [ownBucketCase],
  /** The fault server. */
  faults: faultCases,
  /** A proxy before a working server. */
  measured: [ownBucketCase, ...measuredCases],
} satisfies Record<string, readonly Case[]>;

export type SuiteName = keyof typeof suites;
