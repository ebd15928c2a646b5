/** Listing without end: page after page of the whole prefix, then from its beginning again. */
import { LIST } from '../../s3/commands';
import type { Reply } from '../../s3/engine';
import { listArguments, nextOf, type Position } from '../../s3/listing';
import type { OperationStep } from '../../workload/step';

/** What a page fails with when its token may be why. */
const AT_FAULT: ReadonlySet<string> = new Set(['client', 'auth', 'notFound']);

/** Each VU goes through the listing by itself, an operation a page of 1,000 keys. */
export function list(): OperationStep {
  return {
    kind: 'operation',
    commands: [LIST],
    start: ({ engine, config: { prefix } }) => {
      const askFor = engine.compile(LIST);
      let from: Position | undefined;
      const goOn = ({ failure, found }: Reply): void => {
        // After a failure the same page is requested again, unless the store does not take its own token any more.
        if (failure === undefined) from = nextOf(found);
        else if (AT_FAULT.has(failure.errorClass)) from = undefined;
      };
      return () => {
        const page = askFor('', '', undefined, listArguments({ prefix, from }));
        return page instanceof Promise ? page.then(goOn) : goOn(page);
      };
    },
  };
}
