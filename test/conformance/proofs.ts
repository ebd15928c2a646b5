/**
 * What a server has: each command that a workload file may name, done there once. Not every server has every one; the table in
 * docs/commands.md is what came of it.
 */

import { batchOf } from '../../lib/s3/batch';
import {
  COMPLETE_UPLOAD,
  COPY,
  COPY_IN_PARTS,
  type Command,
  CREATE_BUCKET,
  DELETE,
  DELETE_OBJECTS,
  GET,
  GET_BUCKET_ACL,
  GET_BUCKET_LIFECYCLE,
  GET_BUCKET_POLICY,
  GET_BUCKET_VERSIONING,
  GET_IF_NONE_MATCH,
  GET_OBJECT_ACL,
  GET_OBJECT_ATTRIBUTES,
  GET_OBJECT_LEGAL_HOLD,
  GET_OBJECT_RETENTION,
  GET_OBJECT_TAGGING,
  GET_PART,
  HEAD,
  HEAD_BUCKET,
  LIST,
  LIST_VERSIONS,
  POST,
  PUT,
  PUT_BUCKET_ACL,
  PUT_BUCKET_LIFECYCLE,
  PUT_BUCKET_POLICY,
  PUT_IN_PARTS,
  PUT_OBJECT_ACL,
  PUT_OBJECT_LEGAL_HOLD,
  PUT_OBJECT_RETENTION,
  PUT_OBJECT_TAGGING,
  READ,
} from '../../lib/s3/commands';
import { legalHoldOf, lifecycleOf, policyOf, retentionOf, taggingOf } from '../../lib/s3/configurations';
import type { Arguments, Awaitable, CallLoad, Engine, Reply } from '../../lib/s3/engine';
import { locationOf } from '../../lib/s3/location';
import { copyInParts, putInParts } from '../../lib/s3/multipart';
import type { Outcome } from '../../lib/s3/outcome';
import { copySource } from '../../lib/s3/uri';
import { type Bench, type Case, failed, readAs, same, succeeded } from './case';

/** The bucket that proofs are made in, beside that of the settings. */
export const proofBucket = (bucket: string): string => `proofs-${bucket}`;

/** What a proof works with. */
interface Place {
  readonly t: Bench;
  readonly engine: Engine;
  readonly bucket: string;
  /** An object of so many bytes, and another in two parts. */
  readonly key: string;
  readonly parted: string;
}

const BYTES = 1000;
const PART = 5 * 1024 ** 2;
const REST = 1000;

type Proof = (place: Place) => Awaitable<Outcome>;

/** A call of the row on the object, or on the bucket. */
const called =
  (command: Command, load?: CallLoad, more?: Arguments): Proof =>
  ({ engine, key }) =>
    engine.compile(command)(command.on === 'bucket' ? '' : key, '', load, more);

const CANNED: Arguments = { headers: { 'x-amz-acl': 'private' } };

const proofs: ReadonlyMap<Command, Proof> = new Map<Command, Proof>([
  [GET, called(GET, BYTES)],
  [GET_IF_NONE_MATCH, unchanged],
  [GET_PART, secondPart],
  [PUT, ({ engine, t }) => engine.compile(PUT)(t.key('put'), '', t.random(BYTES))],
  [HEAD, called(HEAD)],
  [DELETE, ({ engine, t }) => engine.compile(DELETE)(t.key('put'), '')],
  [DELETE_OBJECTS, ({ engine, t }) => engine.compile(DELETE_OBJECTS)('', '', batchOf([{ key: t.key('put') }]))],
  [LIST, called(LIST)],
  [LIST_VERSIONS, called(LIST_VERSIONS)],
  [COPY, copied],
  [POST, posted],
  [PUT_IN_PARTS, putParted],
  [COPY_IN_PARTS, copyParted],
  [GET_OBJECT_ACL, called(GET_OBJECT_ACL)],
  [PUT_OBJECT_ACL, called(PUT_OBJECT_ACL, undefined, CANNED)],
  [GET_OBJECT_TAGGING, called(GET_OBJECT_TAGGING)],
  [PUT_OBJECT_TAGGING, called(PUT_OBJECT_TAGGING, taggingOf(1))],
  [
    GET_OBJECT_ATTRIBUTES,
    called(GET_OBJECT_ATTRIBUTES, undefined, { headers: { 'x-amz-object-attributes': 'ETag,ObjectSize' } }),
  ],
  [HEAD_BUCKET, called(HEAD_BUCKET)],
  [GET_BUCKET_VERSIONING, called(GET_BUCKET_VERSIONING)],
  [GET_BUCKET_ACL, called(GET_BUCKET_ACL)],
  [PUT_BUCKET_ACL, called(PUT_BUCKET_ACL, undefined, CANNED)],
  [GET_BUCKET_POLICY, called(GET_BUCKET_POLICY)],
  [PUT_BUCKET_POLICY, ({ engine, bucket }) => engine.compile(PUT_BUCKET_POLICY)('', '', policyOf(bucket, 0))],
  [GET_BUCKET_LIFECYCLE, called(GET_BUCKET_LIFECYCLE)],
  [PUT_BUCKET_LIFECYCLE, called(PUT_BUCKET_LIFECYCLE, lifecycleOf('p/', 0))],
  [GET_OBJECT_RETENTION, (place) => locked(place, GET_OBJECT_RETENTION)],
  [PUT_OBJECT_RETENTION, (place) => locked(place, PUT_OBJECT_RETENTION, retentionOf(Date.now() + 60_000))],
  [GET_OBJECT_LEGAL_HOLD, (place) => locked(place, GET_OBJECT_LEGAL_HOLD)],
  [PUT_OBJECT_LEGAL_HOLD, held],
]);

/** Commands that are proved, by op. */
export const provedOps: readonly string[] = [...proofs.keys()].map(({ op }) => op);

const REPORT = 'has ';

/** Verdicts by op out of what a run reported. */
export const provedBy = (reports: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(provedOps.flatMap((op) => (REPORT + op in reports ? [[op, String(reports[REPORT + op])]] : [])));

export const proofCases: readonly Case[] = [...proofs].map(([{ op }, prove]) => ({
  name: `the server has ${op}, or says that it has not`,
  run: async (t) => {
    const outcome = await prove(await placeFor(t));
    t.report(REPORT + op, verdictOf(outcome));
  },
}));

/** Failures that say no; any other is one of the case. */
const NO: ReadonlySet<string> = new Set(['unsupported', 'client', 'corrupt']);

/** What the table is to have. Only the status is the same for all backends: of some answers k6 keeps no body. */
function verdictOf(outcome: Outcome): string {
  if (outcome.failure !== undefined && NO.has(outcome.failure.errorClass)) return `no: ${outcome.status}`;
  succeeded('it', outcome, outcome.failure === undefined ? outcome.status : undefined);
  return 'yes';
}

async function placeFor(t: Bench): Promise<Place> {
  const bucket = proofBucket(t.options.bucket);
  const engine = t.engineWith({ bucket });
  const s3 = t.client({ bucket });
  const key = 'object';
  const parted = 'parted';
  const { failure } = await engine.compile(HEAD_BUCKET)('', '');
  if (failure !== undefined) {
    succeeded('create', s3.createBucket());
    succeeded('PUT', await s3.putObject(key, t.random(BYTES), ''));
    const part = (i: number) => t.random(i === 0 ? PART : REST);
    succeeded('PUT in parts', s3.putObjectInParts(parted, { bytes: PART + REST, partBytes: PART, part }, ''));
  }
  return { t, engine, bucket, key, parted };
}

async function unchanged({ engine, key }: Place): Promise<Outcome> {
  const { etag = '' } = succeeded('HEAD', await engine.compile(HEAD)(key, '')).headers ?? {};
  const ask = (tag: string) => engine.compile(GET_IF_NONE_MATCH)(key, '', BYTES, { headers: { 'if-none-match': tag } });
  const changed = succeeded('GET of another ETag', await ask('"0123456789abcdef0123456789abcdef"'), 200);
  same('bytes of an object that is another', changed.bytes, BYTES);
  const outcome = await ask(etag);
  same('status of one that is the same', outcome.status, 304);
  return outcome;
}

async function secondPart({ engine, key, parted }: Place): Promise<Outcome> {
  const read = engine.compile(GET_PART);
  const whole = await read(key, '', BYTES, { query: { partNumber: 1 } });
  const second = await read(parted, '', REST, { query: { partNumber: 2 } });
  return whole.failure === undefined ? second : whole;
}

function copied({ engine, key, bucket, t }: Place): Awaitable<Outcome> {
  const headers = { 'x-amz-copy-source': copySource(bucket, key) };
  return engine.compile(COPY)(t.key('copy'), '', undefined, { headers });
}

/** Less than a part may be, so that it is one. */
async function putParted({ engine, t }: Place): Promise<Outcome> {
  const body = t.random(BYTES);
  const parted = { bytes: BYTES, partBytes: PART, part: () => body };
  const key = t.key('parted');
  const outcome = await putInParts(engine, 1, COMPLETE_UPLOAD)(key, parted, '');
  same('bytes', outcome.bytes, BYTES);
  readAs(t, 'the object', await engine.compile(READ)(key, ''), body);
  return outcome;
}

/** One of two parts, and of one: both are as what they were made of. */
async function copyParted(place: Place): Promise<Outcome> {
  const { engine, t, bucket } = place;
  for (const [from, bytes] of [
    [place.key, BYTES],
    [place.parted, PART + REST],
  ] as const) {
    const key = t.key(from);
    const outcome = await copyInParts(engine)(key, { bytes, partBytes: PART, source: copySource(bucket, from) }, '');
    if (outcome.failure !== undefined) return outcome;
    const whole = succeeded('read of what was copied', await engine.compile(READ)(from, ''));
    readAs(t, 'the copy', await engine.compile(READ)(key, ''), whole.content as ArrayBuffer);
  }
  const lost = copySource(bucket, 'never-written');
  const missing = await copyInParts(engine)(t.key('lost'), { bytes: 10, partBytes: PART, source: lost }, '');
  failed('a copy of nothing', missing, { errorClass: 'notFound', status: 404 });
  return engine.compile(HEAD)(t.key(place.parted), '');
}

async function posted({ engine, t }: Place): Promise<Outcome> {
  const post = engine.compile(POST);
  const [key, body] = [t.key('posted'), t.random(PART)];
  const outcome = await post(key, '', body);
  if (outcome.failure !== undefined) return outcome;
  same('bytes', outcome.bytes, PART);
  readAs(t, 'the object', await engine.compile(READ)(key, ''), body);
  const nothing = succeeded('a form with an empty file', await post(t.key('empty'), '', new ArrayBuffer(0)));
  same('bytes of nothing', nothing.bytes, 0);
  return outcome;
}

/** A call on an object of a bucket with locks; of a server that makes no such bucket, what it said. */
async function locked({ t, bucket }: Place, command: Command, load?: string): Promise<Outcome> {
  const engine = t.engineWith({ bucket: `locks-${bucket}` });
  const key = 'object';
  if ((await engine.compile(HEAD)(key, '')).failure !== undefined) {
    const region = t.options.region;
    const headers = { 'x-amz-bucket-object-lock-enabled': 'true' };
    const made = await engine.compile(CREATE_BUCKET)('', '', locationOf(region), { headers });
    if (made.failure !== undefined) return made;
    succeeded('PUT', await engine.compile(PUT)(key, '', t.random(BYTES)));
  }
  return engine.compile(command)(key, '', load);
}

/** Held, seen to be, and let go. */
async function held(place: Place): Promise<Outcome> {
  const on = await locked(place, PUT_OBJECT_LEGAL_HOLD, legalHoldOf(true));
  if (on.failure !== undefined) return on;
  const row = { ...GET_OBJECT_LEGAL_HOLD, answer: { ...GET_OBJECT_LEGAL_HOLD.answer, texts: ['Status'] } } as Command;
  const statusOf = async () => ((await locked(place, row)) as Reply).found?.texts.Status;
  same('status of a hold', await statusOf(), 'ON');
  const off = await locked(place, PUT_OBJECT_LEGAL_HOLD, legalHoldOf(false));
  same('status without a hold', await statusOf(), 'OFF');
  return off;
}
