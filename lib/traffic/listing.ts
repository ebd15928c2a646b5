/** Listing without end: page after page of the whole prefix, then from its beginning again. */
import type { Traffic } from './traffic';

/** Each VU goes through the listing by itself, an operation a page of 1,000 keys. */
export function listing(): Traffic {
  return {
    ops: ['LIST'],
    reads: false,
    writes: false,
    deletes: false,
    pacesItself: false,
    start: ({ s3, config: { prefix } }) => {
      let next: string | undefined;
      return () => {
        const page = s3.countObjects(next === undefined ? { prefix } : { prefix, continuationToken: next });
        // After a failure the page is asked for again: a token says where to go on, not what failed.
        if (page.failure === undefined) next = page.next;
        else if (page.status >= 400 && page.status < 500) next = undefined;
      };
    },
  };
}
