/** Which cases run together, in one k6. Pure. */
import type { Backend } from '../../lib/settings/config';
import { bucketCases, existingBucketCase, ownBucketCase } from './buckets';
import type { Bench, Case } from './case';
import { isFor } from './differences';
import { failureCases, untrustedCase } from './failures';
import { faultCases } from './faults';
import { bigListingCase, listingCases } from './listings';
import { measuredCases } from './measured';
import { multipartCases } from './multipart';
import { manyBatchesCase, objectCases } from './objects';
import { oddKeysCase } from './odd-keys';
import { proofCases } from './proofs';

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
      const own = { endpoints, addressing: 'virtual' } as const;
      const client: Bench['client'] = (changes) => t.client({ ...own, ...changes });
      const engineWith: Bench['engineWith'] = (changes) => t.engineWith({ ...own, ...changes });
      const options = { ...t.options, ...own };
      return run({ ...t, client, s3: client({}), engineWith, engine: engineWith({}), options });
    },
  };
}

const suites = {
  /** A working server. */
  server: [
    ownBucketCase,
    ...plain,
    bigListingCase,
    manyBatchesCase,
    existingBucketCase,
    oddKeysCase,
    ...proofCases,
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

/** What CONFORMANCE_SUITE may be. */
export type SuiteName = keyof typeof suites;

/** The cases of a suite that a backend is put through. */
export function casesOf(suite: SuiteName, backend: Backend): readonly Case[] {
  return suites[suite].filter(({ name }) => isFor(backend, name));
}

/** Names of all cases there are. */
export const allCases: readonly string[] = Object.values(suites).flatMap((cases) => cases.map(({ name }) => name));
