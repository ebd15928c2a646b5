/** Reasons to trust a run's figures less. Pure. */
import { effectOf } from '../s3/commands';
import { readsOf, sum, type Total, type Warning } from './result';

/** Misses among reads, from which on the keys that a run reads by are not those of the bucket. */
const MANY_MISSES = 0.1;

/**
 * @param of whether certificates were not looked at, and whether reads were to be verified
 * @param iterations those that no VU was free for, and that an exception ended
 */
export function warningsOf(
  { tlsNotVerified, verify }: { readonly tlsNotVerified: boolean; readonly verify: boolean },
  iterations: { readonly droppedIterations: number; readonly exceptions?: number },
  totals: readonly Total[],
): Warning[] {
  const warnings: Warning[] = [];
  if (tlsNotVerified) {
    warnings.push({
      code: 'tls-not-verified',
      message: 'TLS certificates were not verified',
      remedy: 'set S3_VERIFY_SSL=true, and SSL_CERT_FILE where the CA is your own',
    });
  }
  const { droppedIterations: dropped, exceptions = 0 } = iterations;
  if (exceptions > 0) {
    warnings.push({
      code: 'script-exceptions',
      message: `${exceptions} iterations ended with an exception of the script: it is shown where it first came`,
      remedy: 'a pattern of the project that throws is a bug: report it with that line; of your own, mend it',
    });
  }
  if (dropped > 0) {
    warnings.push({
      code: 'unmet-demand',
      message: `${dropped} operations were due and no VU was free, so the rate asked for was not reached`,
      remedy: 'raise --concurrency; if that does not help, the store is the limit',
    });
  }
  const reads = sum(totals.filter(({ op }) => effectOf(op) === 'read'));
  const share = reads.misses / (reads.ops + reads.misses);
  if (share > MANY_MISSES && !totals.some(({ op }) => effectOf(op) === 'delete')) {
    warnings.push({
      code: 'many-misses',
      message: `${Math.round(share * 100)}% of the reads were of objects that are gone`,
      remedy: 'make key files anew (s3loadtest keys), or remove them; or something else deletes in this bucket',
    });
  }
  const { reads: read, verified } = readsOf(totals);
  if (verify && verified < read) {
    warnings.push({
      code: 'not-verified',
      message: `${read - verified} of ${read} reads were not verified: other tools or backends wrote the objects`,
      remedy: 'give a --prefix that nothing else writes under',
    });
  }
  return warnings;
}
