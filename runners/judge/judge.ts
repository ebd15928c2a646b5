/** A Result with its verdict, and with all that is to be said against its figures. Pure. */
import type { Result } from '../../lib/result/result';
import { evidenceOf } from './evidence';
import { withStandstill } from './standstill';
import { verdictOf } from './verdict';
import { CODES, furtherWarnings } from './warnings';

/** Judging it again, as after a merge, comes to what the whole says. */
export function judged(measured: Result): Result {
  const result = withStandstill(measured);
  const evidence = evidenceOf(result);
  const known = result.warnings.filter(({ code }) => !CODES.has(code));
  const warnings = [...known, ...furtherWarnings(result, evidence)];
  return { ...result, verdict: verdictOf(result, evidence), warnings };
}
