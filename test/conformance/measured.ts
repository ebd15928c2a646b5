/** What metrics say of operations, some of them failing, is compared with what a proxy before the server saw. */
import type { DeleteObjectsOutcome } from '../s3';
import { type Bench, type Case, failed, same, succeeded } from './case';
import { partedBody } from './multipart';

/** Stands in every key here, and must stand in no tag. */
export const KEY_MARK = 'KEYMARK';
/** What the proxy does to requests whose path has these. */
export const SLOW_TWICE = 'slow-twice';
export const ALWAYS_RESET = 'always-reset';
/** Batches with such keys get their answers when so many have come, the last one first; the one marked slow a 503 at first. */
export const HELD = 'held-batch';
export const HELD_BATCHES = 12;
export const HELD_SLOW = 'held-batch-7/';
/** Keys of objects that were never there. */
export const GONE = 'gone-';
/** Before the size label in keys of payload that the proxy is asked for. */
export const SIZED = 'sized-';

export const everyOperation: Case = { name: 'every operation once', run };
export const batchesCase: Case = { name: 'batches not waited for, among calls that are', run: batches };
export const gapsCase: Case = { name: 'objects that are gone', missesExpected: true, run: gaps };
export const payloadCase: Case = { name: 'payload of two sizes, told in two goes', run: payload };

export const measuredCases: readonly Case[] = [everyOperation, batchesCase, gapsCase, payloadCase];

const MIB = 1024 ** 2;

async function run(t: Bench): Promise<void> {
  const { s3 } = t;
  const key = (name: string) => `${KEY_MARK}/${name} ü`;
  for (const name of ['a', 'b', 'c', 'd']) succeeded('PUT', await s3.putObject(key(name), t.random(1024), '1KB'));
  succeeded('GET', await s3.getObject(key('a'), '1KB', 1024));
  succeeded('read', await s3.readObject(key('a'), '1KB'));
  succeeded('range', await s3.readObject(key('a'), '1KB', [0, 9]));
  succeeded('HEAD', s3.headObject(key('a'), '1KB'));
  failed('GET', await s3.getObject(key('missing'), '1KB', 1024), { errorClass: 'notFound' });
  failed('HEAD', s3.headObject(key('missing'), '1KB'), { errorClass: 'notFound' });
  failed('GET', await s3.getObject(key('a'), '1KB', 1), { errorClass: 'corrupt' });
  same('objects', s3.listObjects({ prefix: KEY_MARK }).objects.length, 4);
  same('keys', (await s3.countObjects({ prefix: KEY_MARK, maxKeys: 3 })).keys, 3);
  succeeded('LIST', s3.listObjects({ startAfter: key('a'), delimiter: '/' }));
  succeeded('DELETE', await s3.deleteObject(key('a'), '1KB'));
  succeeded('DeleteObjects', s3.deleteObjects([key('b'), key('c')]));
  succeeded('DeleteObjects', await s3.deleteObjectsAsync([key('d')]));
  succeeded('PUT in parts', s3.putObjectInParts(key('large'), partedBody(t, 5 * MIB + 1, 5 * MIB).body, '10MB'));
  const { uploadId } = succeeded('create', s3.createMultipartUpload(key('aborted'), '10MB'));
  succeeded('part', s3.uploadPart(key('aborted'), uploadId, 1, t.random(100), '10MB'));
  failed('complete', s3.completeMultipartUpload(key('aborted'), uploadId, [{ number: 1, etag: '"x"' }], '10MB'), {
    errorClass: 'client',
  });
  succeeded('abort', s3.abortMultipartUpload(key('aborted'), uploadId, '10MB'));
  succeeded('HEAD bucket', s3.headBucket());
  succeeded('create bucket', t.client({ bucket: `made-${KEY_MARK.toLowerCase()}` }).createBucket());
  succeeded('PUT', await s3.putObject(key(SLOW_TWICE), t.random(1024), '1KB'));
  failed('PUT', await t.client({ attempts: 2 }).putObject(key(ALWAYS_RESET), t.random(1024), '1KB'), {
    errorClass: 'reset',
  });
}

/** Each batch has a length of its own, so that one taken for another would show in the sum of an endpoint. */
async function batches(t: Bench): Promise<void> {
  const { s3, options } = t;
  const stays = t.key(`${KEY_MARK} stays`);
  succeeded('PUT', await s3.putObject(stays, t.random(1024), '1KB'));
  // What goes on meanwhile goes to one endpoint only, from which the other's batches must not get their tags.
  const other = t.client({ endpoints: options.endpoints.slice(1) });
  const meanwhile = async () => {
    succeeded('HEAD meanwhile', other.headObject(stays, '1KB'));
    succeeded('GET meanwhile', await other.getObject(stays, '1KB', 1024));
  };
  const outcomes: DeleteObjectsOutcome[] = [];
  const underWay: Array<Promise<unknown>> = [];
  for (let i = 0; i < HELD_BATCHES; i++) {
    const keys = Array.from({ length: i + 1 }, (_, k) => t.key(`${KEY_MARK} ${HELD}-${i}/${k} ü`));
    underWay.push(s3.deleteObjectsAsync(keys).then((outcome) => outcomes.push(succeeded(`batch ${i}`, outcome))));
    if (i % 4 === 0) await meanwhile();
  }
  const ended = Promise.all(underWay);
  let between = 0;
  for (let before = 0; outcomes.length < HELD_BATCHES; await meanwhile()) {
    await Promise.race([ended, options.pause(0.005)]);
    if (outcomes.length > before) between++;
    before = outcomes.length;
  }
  await ended;
  // Else nothing was done among them.
  if (between < 3) throw new Error(`the batches came in ${between} goes`);
  t.report(
    'batches',
    outcomes.map(({ endpoint, ms }) => ({ endpoint, ms })),
  );
}

async function gaps(t: Bench): Promise<void> {
  const { s3 } = t;
  const want = { errorClass: 'notFound', status: 404 } as const;
  // Three of each, so that the endpoints' shares differ.
  for (const i of [0, 1, 2]) failed('GET', await s3.getObject(t.key(`${GONE}${i}`), '1KB', 1024), want);
  for (const i of [0, 1, 2]) failed('HEAD', s3.headObject(t.key(`${GONE}${i}`), '1KB'), want);
  failed('read', await s3.readObject(t.key(`${GONE}0`), '1KB'), want);
  const lost = t.client({ bucket: 'no-such-bucket-here' });
  failed('LIST', lost.listObjects(), want);
  failed('count', await lost.countObjects(), want);
  failed('DeleteObjects', lost.deleteObjects(['a']), want);
}

async function payload(t: Bench): Promise<void> {
  const { s3 } = t;
  const sizes = { '1KB': 1024, '2KB': 2048 };
  for (const rounds of [5, 4]) {
    for (let i = 0; i < rounds; i++) {
      for (const [size, bytes] of Object.entries(sizes)) {
        const key = t.key(`${SIZED}${size}-${i}`);
        succeeded('PUT', await s3.putObject(key, t.random(bytes), size));
        if (i % 2 === 0) succeeded('GET', await s3.getObject(key, size, bytes));
      }
      // So that each endpoint gets some of everything, and not as much as the other.
      if (i % 4 === 0) succeeded('HEAD', s3.headObject(t.key(`${SIZED}1KB-0`), '1KB'));
    }
    t.flush();
    // There is nothing more to tell.
    t.flush();
  }
}
