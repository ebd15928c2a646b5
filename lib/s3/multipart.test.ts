import { expect, test } from 'vitest';
import type { Command } from './commands';
import type { Arguments, Call, Engine, Reply } from './engine';
import { copyInParts, putInParts } from './multipart';

const OK: Reply = { status: 200, bytes: 0, ms: 1, endpoint: 'e:1', headers: { etag: '"e"' } };
const CREATED: Reply = { ...OK, found: { objects: 0, texts: { UploadId: 'id' }, lists: {} } };
const DENIED: Reply = { ...OK, status: 403, failure: { errorClass: 'auth', code: 'AccessDenied', message: '' } };

/** An engine whose parts take some turns of the event loop, the first ones the most. `refused` is the number of one that fails at once. */
function engineOf(refused?: number) {
  const [said, documents]: [string[], string[]] = [[], []];
  let [underWay, most] = [0, 0];
  const upload = async (_: string, __: string, ___?: unknown, more?: Arguments): Promise<Reply> => {
    const number = Number(more?.query?.partNumber);
    most = Math.max(most, ++underWay);
    for (let turns = number === refused ? 0 : 20 - number; turns > 0; turns--) await Promise.resolve();
    underWay--;
    said.push(`part ${number}`);
    return number === refused ? DENIED : { ...OK, headers: { etag: `"e${number}"` } };
  };
  const compileSync = ({ op }: Command) =>
    ((_: string, __: string, load?: unknown): Reply => {
      said.push(op);
      if (op === 'COMPLETE_MULTIPART') documents.push(String(load));
      return op === 'CREATE_MULTIPART' ? CREATED : OK;
    }) as ReturnType<Engine['compileSync']>;
  const composed = (op: string) => said.push(`${op} done`);
  const engine = {
    compile: compileSync as (command: Command) => Call,
    compileSync,
    compileAsync: () => upload,
    composed,
  };
  return { engine: engine as Engine, said, documents, most: () => most };
}

const BODY = { bytes: 1_050, partBytes: 100, part: () => ({ bytes: 100 }) };

test('so many parts are under way, and are completed in their order', async () => {
  const { engine, said, documents, most } = engineOf();
  const outcome = await putInParts(engine, 4)('key', BODY, '1KB');
  expect([outcome.failure, outcome.bytes, most()]).toEqual([undefined, 1_050, 4]);
  expect(said.slice(-2)).toEqual(['COMPLETE_MULTIPART', 'PUT done']);
  const parts = [...(documents[0] ?? '').matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>&#34;e(\d+)/g)];
  expect(parts.map(([, number, etag]) => [number, etag])).toEqual(
    Array.from({ length: 11 }, (_, i) => [String(i + 1), String(i + 1)]),
  );
});

test('after one that is refused none begins, and the upload is aborted when the others have ended', async () => {
  const { engine, said } = engineOf(2);
  const outcome = await putInParts(engine, 3)('key', BODY, '1KB');
  expect(outcome.failure?.code).toBe('AccessDenied');
  expect(said).toEqual(['CREATE_MULTIPART', 'part 2', 'part 3', 'part 1', 'ABORT_MULTIPART']);
});

test('copies are of ranges, and of all of an object that is one part', async () => {
  const asked: unknown[] = [];
  const { engine, said } = engineOf();
  const compileSync: Engine['compileSync'] = (command) => (key, size, load, more) => {
    if (command.op !== 'UPLOAD_PART_COPY') return engine.compileSync(command)(key, size, load, more);
    asked.push([more?.query?.partNumber, more?.headers]);
    return { ...OK, found: { objects: 0, texts: { ETag: '"e"' }, lists: {} } };
  };
  const copy = copyInParts({ ...engine, compileSync });
  const outcome = await copy('key', { bytes: 250, partBytes: 100, source: '/b/k' }, '1KB');
  expect([outcome.failure, outcome.bytes]).toEqual([undefined, 0]);
  expect(asked).toEqual([
    [1, { 'x-amz-copy-source': '/b/k', 'x-amz-copy-source-range': 'bytes=0-99' }],
    [2, { 'x-amz-copy-source': '/b/k', 'x-amz-copy-source-range': 'bytes=100-199' }],
    [3, { 'x-amz-copy-source': '/b/k', 'x-amz-copy-source-range': 'bytes=200-249' }],
  ]);
  expect(said.slice(-2)).toEqual(['COMPLETE_COPY', 'MULTIPART_COPY done']);
  for (const bytes of [100, 0]) await copy('key', { bytes, partBytes: 100, source: '/b/k' }, '1KB');
  expect(asked.slice(3)).toEqual(Array(2).fill([1, { 'x-amz-copy-source': '/b/k' }]));
});
