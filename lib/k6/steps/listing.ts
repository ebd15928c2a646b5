/** Listing without end: page after page of the whole prefix, then from its beginning again. */
import type { CountOutcome } from '../../s3/api';
import type { Traffic } from './traffic';

/** What a page fails with when its token may be why. */
const AT_FAULT: ReadonlySet<string> = new Set(['client', 'auth', 'notFound']);

/** Each VU goes through the listing by itself, an operation a page of 1,000 keys. */
export function listing(): Traffic {
  return {
    ops: ['LIST'],
    reads: false,
    writes: false,
    deletes: false,
    pacesItself: false,
    holdsConnections: false,
    start: ({ s3, config: { prefix } }) => {
      let next: string | undefined;
      const goOn = (page: CountOutcome): void => {
        // After a failure the page is asked for again, unless the store does not take its own token any more.
        if (page.failure === undefined) next = page.next;
        else if (AT_FAULT.has(page.failure.errorClass)) next = undefined;
      };
      return () => {
        const page = s3.countObjects(next === undefined ? { prefix } : { prefix, continuationToken: next });
        return page instanceof Promise ? page.then(goOn) : goOn(page);
      };
    },
  };
}
