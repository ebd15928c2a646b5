/**
 * What servers and networks do wrong, and what the client makes of it: each row has both sides. `answer` runs in vitest's
 * process, in fault-server.ts; the rest runs in k6. Pure but for the socket that `answer` is handed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorClass } from '../../lib/s3/classify';
import { GET_IF_NONE_MATCH, GET_PART, LIST, POST } from '../../lib/s3/commands';
import type { Awaitable, EngineOptions, Found, Reply } from '../../lib/s3/engine';
import type { Outcome } from '../../lib/s3/outcome';
import type { Backend } from '../../lib/settings/config';
import type { CountOutcome, DeleteObjectsOutcome, ListOutcome, S3 } from '../s3';
import { type Bench, type Case, deferred, failed, same, succeeded } from './case';
import { commandCases, keyFor, nameOf } from './commands';
import { partedBody } from './multipart';

/** What the metrics say of a case: sums, and of latencies how many. */
export interface Told {
  /** Successes. */
  readonly ops: number;
  readonly bytes: number;
  readonly objects: number;
  readonly errors: Partial<Record<ErrorClass, number>>;
  /** Attempts that failed. An answer that refuses some of its objects is none. */
  readonly failures: number;
  readonly misses: number;
  readonly retries: number;
}

export interface Fault {
  readonly name: string;
  /** Answers the nth request, the first being 1. */
  answer(response: ServerResponse, nth: number, request: IncomingMessage, body: string): void;
  /** Client options beside five attempts within ten seconds each. */
  readonly client?: Partial<EngineOptions>;
  readonly missesExpected?: true;
  /** A GET of 1,000 bytes where nothing is said. `t.client` makes others with the same options. */
  operate?(s3: S3, t: Bench): Awaitable<Outcome>;
  /** Successes by another status. none: there is none of what was asked for, by a 404. unchanged: it is as it was, by a 304. */
  readonly want: 'success' | 'none' | 'unchanged' | { errorClass: ErrorClass; status: number; code?: string };
  /** Looks further at what came. */
  check?(outcome: Outcome, t: Bench): void;
  /** How many requests the server is to see, in this order where they differ. */
  readonly requests: number | readonly string[];
  /** The same for a backend that asks in other words. */
  readonly requestsOf?: Partial<Record<Backend, readonly string[]>>;
  /** What the metrics are to say where that does not follow from the rest, as `toldOf` has it. */
  readonly told?: Partial<Told>;
}

/** What the metrics are to say of a fault: one operation, and of a failure that each request was a failed attempt. */
export function toldOf({ want, requests, operate, told }: Fault): Told {
  const none = { ops: 0, bytes: 0, objects: 0, errors: {}, failures: 0, misses: 0, retries: 0 };
  if (typeof want === 'string') return { ...none, ops: 1, bytes: operate ? 0 : BODY, ...told };
  const failures = typeof requests === 'number' ? requests : 1;
  return { ...none, errors: { [want.errorClass]: failures }, failures, retries: failures - 1, ...told };
}

const BODY = 1000;
/** To call a row: the engine's own, at once, promised. */
const WAYS = 3;

const xml = (response: ServerResponse, status: number, text: string, headers = {}): void => {
  response.writeHead(status, { 'Content-Type': 'application/xml', ...headers }).end(`<?xml version="1.0"?>\n${text}`);
};
const error = (status: number, code: string) => (response: ServerResponse) =>
  xml(response, status, `<Error><Code>${code}</Code><Message>said so</Message></Error>`);
const ok = (response: ServerResponse): void => {
  response.writeHead(200, { 'Content-Length': BODY, ETag: '"e"' }).end(Buffer.alloc(BODY));
};
const reset = (response: ServerResponse): void => {
  (response.socket as { resetAndDestroy(): void } | null)?.resetAndDestroy();
};
/** Sends half a body, and then does something to the connection. */
const half = (headers: Record<string, string | number>, then: (response: ServerResponse) => void) => {
  return (response: ServerResponse): void => {
    response.writeHead(200, headers);
    // Given time to arrive: a reset may take what is on its way with it.
    response.write(Buffer.alloc(BODY / 2), () => setTimeout(then, 50, response));
  };
};
const cut = (response: ServerResponse): void => {
  response.socket?.end();
};

/** Throws unless the outcome is a listing of these. */
function listing(outcome: Outcome, keys: readonly string[], prefixes: readonly string[]): void {
  const found = outcome as ListOutcome;
  same(
    'keys',
    found.objects.map(({ key }) => key),
    keys,
  );
  same('common prefixes', found.prefixes, prefixes);
}

const put = (s3: S3, t: Bench): Awaitable<Outcome> => s3.putObject('key', t.random(100), '');

const DELETED = '<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>';
const deleted = (response: ServerResponse): void => xml(response, 200, DELETED);
/** The answer that refuses some keys of a batch. */
const refusing = (codes: ReadonlyArray<readonly [key: string, code: string]>): string => {
  const errors = codes.map(
    ([key, code]) => `<Error><Key>${key}</Key><Code>${code}</Code><Message>no</Message></Error>`,
  );
  return `<DeleteResult>${errors.join('')}</DeleteResult>`;
};
/** A batch of two keys that is not waited for. */
const batch = (s3: S3): Promise<Outcome> => s3.deleteObjectsAsync(['a', 'b']);
/** For a client that is never to stop its VU. */
const neverSleeps: Partial<EngineOptions> = {
  sleep: () => {
    throw new Error('the VU slept');
  },
};
const noneFailed = (outcome: Outcome): void => same('failed', (outcome as DeleteObjectsOutcome).failed, []);

/** The upload is completed, and the answer lost where it `loses`; then the upload is no more, and the object has so many bytes. */
function completion(bytes: number, loses: boolean): Pick<Fault, 'answer' | 'operate' | 'requests'> {
  let completions = 0;
  return {
    answer: (response, _, { method, url }) => {
      if (method === 'PUT') return ok(response);
      if (method === 'HEAD') return response.writeHead(200, { 'Content-Length': bytes, ETag: '"e"' }).end();
      if (url?.includes('uploads')) return xml(response, 200, '<R><UploadId>id</UploadId></R>');
      completions++;
      return loses && completions % 2 === 1 ? reset(response) : error(404, 'NoSuchUpload')(response);
    },
    operate: (s3, t) => s3.putObjectInParts('key', partedBody(t, 150, 100).body, ''),
    requests: [
      'POST /key?uploads=',
      'PUT /key?partNumber=1&uploadId=id',
      'PUT /key?partNumber=2&uploadId=id',
      'POST /key?uploadId=id',
      ...(loses ? ['POST /key?uploadId=id', 'HEAD /key'] : []),
    ],
  };
}

/** Keys and what they are refused with: two of one class, two of one code, and a code that nobody knows. */
const REFUSED = [
  ['denied', 'AccessDenied'],
  ['broken', 'InternalError'],
  ['denied too', 'AccessDenied'],
  ['slow', 'SlowDown'],
  ['gone', 'NoSuchKey'],
  ['unknown', 'NobodyKnows'],
  ['not for this', 'MethodNotAllowed'],
] as const;

/** The faults that a whole batch can have, for the call that waits and for the one that does not. */
const batches: ReadonlyArray<readonly [string, (s3: S3, keys: readonly string[]) => Outcome | Promise<Outcome>]> = [
  ['a batch', (s3, keys) => s3.deleteObjects(keys)],
  ['a batch not waited for', (s3, keys) => s3.deleteObjectsAsync(keys)],
];

const batchFaults: readonly Fault[] = batches.flatMap(([name, operate]) => [
  {
    name: `${name} that fails for some keys succeeds, and tells which`,
    answer: (response: ServerResponse) => xml(response, 200, refusing([['a&amp;b', 'AccessDenied']])),
    operate: (s3: S3) => operate(s3, ['a&b', 'c']),
    want: 'success' as const,
    check: (outcome: Outcome) => {
      same('failed', (outcome as DeleteObjectsOutcome).failed, [{ key: 'a&b', code: 'AccessDenied', message: 'no' }]);
    },
    requests: 1,
    told: { objects: 1, errors: { auth: 1 } },
  },
  {
    name: `${name} is refused key by key, each by its code`,
    answer: (response: ServerResponse) => xml(response, 200, refusing(REFUSED)),
    operate: (s3: S3) => operate(s3, [...REFUSED.map(([key]) => key), 'x', 'y', 'z']),
    want: 'success' as const,
    check: (outcome: Outcome) => {
      const { failed } = outcome as DeleteObjectsOutcome;
      same(
        'keys that failed',
        failed.map(({ key, code }) => [key, code]),
        REFUSED,
      );
    },
    requests: 1,
    told: { objects: 3, errors: { auth: 2, server: 2, throttled: 1, client: 1, notFound: 1 } },
  },
  {
    name: `${name} whose keys are gone misses them where misses are expected`,
    answer: (response: ServerResponse) => xml(response, 200, refusing(REFUSED)),
    missesExpected: true as const,
    operate: (s3: S3) => operate(s3, [...REFUSED.map(([key]) => key), 'x']),
    want: 'success' as const,
    requests: 1,
    told: { objects: 1, errors: { auth: 2, server: 2, throttled: 1, client: 1 }, misses: 1 },
  },
  {
    name: `${name} may be told what was deleted, too`,
    answer: (response: ServerResponse) =>
      xml(
        response,
        200,
        '<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>SlowDown</Code></Error><Deleted>' +
          '<Key>c</Key></Deleted></DeleteResult>',
      ),
    operate: (s3: S3) => operate(s3, ['a', 'b', 'c']),
    want: 'success' as const,
    check: (outcome: Outcome) => {
      same('failed', (outcome as DeleteObjectsOutcome).failed, [{ key: 'b', code: 'SlowDown', message: '' }]);
    },
    requests: 1,
    told: { objects: 2, errors: { throttled: 1 } },
  },
  {
    name: `${name} answered with a page is corrupt, and nothing deleted`,
    answer: (response: ServerResponse) =>
      void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Please log in</html>'),
    operate: (s3: S3) => operate(s3, ['a', 'b']),
    want: { errorClass: 'corrupt' as const, status: 200 },
    check: noneFailed,
    requests: 1,
  },
  {
    name: `${name} that fails after its 200 is a failure, and tried again`,
    answer: (response: ServerResponse, nth: number) =>
      nth === 1 ? error(200, 'InternalError')(response) : deleted(response),
    operate: (s3: S3) => operate(s3, ['a', 'b']),
    want: 'success' as const,
    requests: 2,
    told: { objects: 2, errors: { server: 1 }, failures: 1, retries: 1 },
  },
]);

/** What happens to batches while others are under way. */
const asyncFaults: readonly Fault[] = [
  {
    name: 'a batch not waited for is tried again after a 503',
    answer: (response, nth) => (nth === 1 ? error(503, 'SlowDown')(response) : deleted(response)),
    client: neverSleeps,
    operate: batch,
    want: 'success',
    check: noneFailed,
    requests: 2,
    told: { objects: 2, errors: { throttled: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'a batch not waited for is tried again after a reset',
    answer: (response, nth) => (nth === 1 ? reset(response) : deleted(response)),
    client: neverSleeps,
    operate: batch,
    want: 'success',
    requests: 2,
    told: { objects: 2, errors: { reset: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'a batch not waited for is tried again after a timeout',
    answer: (response, nth) => (nth === 1 ? undefined : deleted(response)),
    client: { ...neverSleeps, timeout: 300 },
    operate: batch,
    want: 'success',
    requests: 2,
    told: { objects: 2, errors: { timeout: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'a batch not waited for that is never answered is timeout',
    answer: () => {},
    client: { ...neverSleeps, timeout: 300, attempts: 2 },
    operate: batch,
    want: { errorClass: 'timeout', status: 0 },
    check: (outcome) => {
      noneFailed(outcome);
      if (outcome.ms < 290 || outcome.ms > 2000) throw new Error(`the last attempt took ${outcome.ms} ms`);
    },
    requests: 2,
  },
  {
    name: 'a batch not waited for is tried five times',
    answer: error(503, 'SlowDown'),
    client: neverSleeps,
    operate: batch,
    want: { errorClass: 'throttled', status: 503, code: 'SlowDown' },
    check: noneFailed,
    requests: 5,
  },
  {
    name: 'a batch not waited for that is denied is auth, and not tried again',
    answer: error(403, 'AccessDenied'),
    operate: batch,
    want: { errorClass: 'auth', status: 403, code: 'AccessDenied' },
    requests: 1,
  },
  {
    name: 'batches not waited for have outcomes of their own, in whatever order they come',
    answer: (response, nth, _, body) => {
      const key = /<Key>(batch-\d)/.exec(body)?.[1] ?? '';
      // The later it came the sooner it is answered.
      setTimeout(() => xml(response, 200, refusing([[key, `Code-of-${key}`]])), 20 * (9 - nth));
    },
    operate: async (s3) => {
      const names = Array.from({ length: 8 }, (_, i) => `batch-${i}`);
      const outcomes = await Promise.all(names.map((name) => s3.deleteObjectsAsync([name, 'other', 'third'])));
      for (const [i, name] of names.entries()) {
        const { failed } = succeeded(name, outcomes[i] as DeleteObjectsOutcome);
        same(`failed of ${name}`, failed, [{ key: name, code: `Code-of-${name}`, message: 'no' }]);
      }
      return outcomes[0] as Outcome;
    },
    want: 'success',
    requests: Array(8).fill('POST ?delete='),
    told: { ops: 8, objects: 16, errors: { server: 8 } },
  },
  {
    name: 'a batch that waits to be tried again holds up no other',
    // Its second attempt is the last request of all.
    answer: (response, nth, _, body) =>
      body.includes('slow') && nth < 12 ? error(503, 'SlowDown')(response) : deleted(response),
    operate: async (_, t) => {
      const gate = deferred();
      const waiting = deferred();
      const s3 = t.client({
        ...neverSleeps,
        pause: () => {
          waiting.resolve();
          return gate.promise;
        },
      });
      const slow = s3.deleteObjectsAsync(['slow']);
      await waiting.promise;
      const others = Array.from({ length: 10 }, (_, i) => s3.deleteObjectsAsync([`other ${i}`]));
      for (const outcome of await Promise.all(others)) succeeded('other batch', outcome);
      gate.resolve();
      return slow;
    },
    want: 'success',
    requests: Array(12).fill('POST ?delete='),
    told: { ops: 11, objects: 11, errors: { throttled: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'a batch that is not answered holds up no other, nor calls that are waited for',
    answer: (response, _, request, body) => {
      if (request.method === 'GET') ok(response);
      else if (!body.includes('hang')) deleted(response);
    },
    client: { timeout: 1500, attempts: 1 },
    operate: async (s3) => {
      let ended = false;
      const hanging = s3.deleteObjectsAsync(['hang']).then((outcome) => {
        ended = true;
        return outcome;
      });
      const others = [0, 1, 2, 3].map((i) => s3.deleteObjectsAsync([`other ${i}`]));
      for (const outcome of await Promise.all(others)) succeeded('other batch', outcome);
      succeeded('GET meanwhile', await s3.getObject('key', '', BODY));
      same('the hanging one has ended', ended, false);
      return hanging;
    },
    want: { errorClass: 'timeout', status: 0 },
    requests: [...Array(5).fill('POST ?delete='), 'GET /key'],
    told: { ops: 5, bytes: BODY, objects: 4, errors: { timeout: 1 }, failures: 1, retries: 0 },
  },
];

/** What is an error, and what is none, where objects may be gone. */
const missFaults: readonly Fault[] = [
  {
    name: 'objects that are gone are misses where those are expected',
    answer: error(404, 'NoSuchKey'),
    missesExpected: true,
    operate: async (s3) => {
      const want = { errorClass: 'notFound', status: 404 } as const;
      failed('HEAD', s3.headObject('key', ''), want);
      failed('DELETE', await s3.deleteObject('key', ''), want);
      failed('read', await s3.readObject('key', ''), want);
      return s3.getObject('key', '', BODY);
    },
    want: { errorClass: 'notFound', status: 404 },
    requests: ['HEAD /key', 'DELETE /key', 'GET /key', 'GET /key'],
    told: { errors: {}, failures: 0, misses: 4 },
  },
  {
    name: 'the same are errors where none are expected',
    answer: error(404, 'NoSuchKey'),
    operate: (s3) => {
      const want = { errorClass: 'notFound', status: 404 } as const;
      failed('HEAD', s3.headObject('key', ''), want);
      return s3.deleteObject('key', '');
    },
    want: { errorClass: 'notFound', status: 404 },
    requests: ['HEAD /key', 'DELETE /key'],
    told: { errors: { notFound: 2 }, failures: 2 },
  },
  {
    name: 'a bucket that is gone is an error even where misses are expected',
    answer: error(404, 'NoSuchBucket'),
    missesExpected: true,
    operate: async (s3, t) => {
      const want = { errorClass: 'notFound', status: 404, code: 'NoSuchBucket' } as const;
      failed('count', await s3.countObjects(), want);
      failed('PUT', await put(s3, t), want);
      failed('DeleteObjects', s3.deleteObjects(['a']), want);
      failed('DeleteObjects', await s3.deleteObjectsAsync(['a']), want);
      return s3.listObjects();
    },
    want: { errorClass: 'notFound', status: 404, code: 'NoSuchBucket' },
    requests: [
      'GET ?encoding-type=url&list-type=2',
      'PUT /key',
      'POST ?delete=',
      'POST ?delete=',
      'GET ?encoding-type=url&list-type=2',
    ],
    requestsOf: {
      // S3Client's listing, which counts the first page, has no encoding, and a slash after the bucket.
      jslib: [
        'GET /?list-type=2&prefix=',
        'PUT /key',
        'POST ?delete=',
        'POST ?delete=',
        'GET ?encoding-type=url&list-type=2',
      ],
    },
    told: { errors: { notFound: 5 }, failures: 5 },
  },
  {
    name: 'a missed object is none for another reason than that it is gone',
    answer: (response, nth) => (nth === 1 ? error(503, 'SlowDown') : error(403, 'AccessDenied'))(response),
    missesExpected: true,
    want: { errorClass: 'auth', status: 403 },
    requests: 2,
    told: { errors: { throttled: 1, auth: 1 } },
  },
];

/** What was found, element by element, in order of their names. */
function elementsOf({ texts, lists }: Pick<Found, 'texts' | 'lists'> = { texts: {}, lists: {} }): unknown[] {
  return Object.entries({ ...texts, ...lists }).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Each row once in every way that an engine has to call it; the server answers as S3 does. */
const commandFaults: readonly Fault[] = commandCases.map((one) => {
  const { command, load, more, request, status, answer = '', headers = {}, bytes = 0, found, has = {} } = one;
  const many = command.many === true ? (found?.objects ?? 0) : 0;
  const counts = command.counts === 'operation' ? WAYS : 0;
  return {
    name: `the row of ${nameOf(one)}: its request, and its reply in every way of calling it`,
    answer: (response) =>
      response.writeHead(status ?? command.status, { 'Content-Length': answer.length, ...headers }).end(answer),
    operate: async (_, { engine, sha256, bytesOf }) => {
      const calls = [engine.compile(command), engine.compileSync(command), engine.compileAsync(command)];
      const replies: Reply[] = [];
      for (const call of calls) replies.push(succeeded(command.op, await call(keyFor(one), '', load, more), status));
      for (const reply of replies) {
        same('bytes', reply.bytes, bytes);
        if (found?.objects !== undefined) same('objects', reply.found?.objects, found.objects);
        // In whatever order an engine has them.
        const { texts = {}, lists = {} } = found ?? {};
        same('elements', elementsOf(reply.found), elementsOf({ texts, lists }));
        for (const [name, value] of Object.entries(has)) same(name, reply.headers?.[name], value);
        if (command.answer.kind === 'content')
          same('content', sha256(reply.content as ArrayBuffer), sha256(bytesOf(answer)));
      }
      return replies[0] as Reply;
    },
    want: status === 304 ? 'unchanged' : 'success',
    requests: Array(WAYS).fill(request),
    // S3Client's listing has no encoding, and a slash after the bucket.
    ...(command === LIST && { requestsOf: { jslib: ['GET /?list-type=2&prefix=p%2F', request, request] } }),
    told: { ops: counts, bytes: counts * bytes, objects: WAYS * many },
  };
});

/** What a bucket does not have is an answer, of rows that say so; another 404 is none. */
const noneFaults: readonly Fault[] = commandCases.flatMap(({ command }): Fault[] => {
  const { op, none, on } = command;
  if (none === undefined) return [];
  const operate: Fault['operate'] = (_, { engine }) => engine.compile(command)(on === 'bucket' ? '' : 'key', '');
  return [
    ...none.map(
      (code): Fault => ({
        name: `${op} of ${on === 'bucket' ? 'a bucket' : 'an object'} that has none is a success: ${code}`,
        answer: error(404, code),
        operate,
        want: 'none',
        requests: 1,
        told: { ops: 1 },
      }),
    ),
    {
      name: `${op} of a bucket that is not there is notFound`,
      answer: error(404, 'NoSuchBucket'),
      operate,
      want: { errorClass: 'notFound', status: 404 },
      requests: 1,
    },
  ];
});

const TEMPORARY = { accessKeyId: 'TEMPORARYACCESSKEY', secretAccessKey: 'secret', sessionToken: 'to/ken+of==STS' };

/** Reads of an object, by the row and what it is asked by. */
const conditional = ({ engine }: Bench, expected: number): Awaitable<Outcome> =>
  engine.compile(GET_IF_NONE_MATCH)('key', '', expected, { headers: { 'if-none-match': '"old"' } });

export const faults: readonly Fault[] = [
  ...commandFaults,
  ...noneFaults,
  {
    name: 'an object that is another than its ETag says comes whole',
    answer: ok,
    operate: (_, t) => conditional(t, BODY),
    want: 'success',
    requests: 1,
    told: { bytes: BODY },
  },
  {
    name: 'an object that is another, and not as long as it should be, is corrupt',
    answer: ok,
    operate: (_, t) => conditional(t, BODY + 1),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'nobody asked whether an object is as it was: 304 is no success',
    answer: (response) => response.writeHead(304).end(),
    want: { errorClass: 'client', status: 304 },
    requests: 1,
  },
  {
    name: 'a form is signed, with its session token',
    answer: (response) => response.writeHead(204).end(),
    client: { credentials: TEMPORARY },
    operate: async (_, { engine, random }) => {
      succeeded('POST', await engine.compileAsync(POST)('ü b', '', random(3)));
      return engine.compile({ ...POST, fields: { 'x-amz-storage-class': 'COLD' } })('key', '', random(BODY));
    },
    want: 'success',
    requests: ['POST ', 'POST '],
    told: { ops: 2, bytes: BODY + 3 },
  },
  {
    name: 'a form that is refused is tried again',
    answer: (response, nth) => (nth === 1 ? error(503, 'SlowDown')(response) : void response.writeHead(204).end()),
    operate: (_, { engine, random }) => engine.compile(POST)('key', '', random(BODY)),
    want: 'success',
    requests: 2,
    told: { bytes: BODY, errors: { throttled: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'a store that knows no parts and sends the whole object is corrupt',
    answer: ok,
    operate: (_, { engine }) => engine.compile(GET_PART)('key', '', BODY / 2, { query: { partNumber: 1 } }),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    // An object of its length is there, and no answer was lost that would explain it.
    name: 'a first completion that is refused is no success, whatever object is there',
    ...completion(150, false),
    want: { errorClass: 'notFound', status: 404, code: 'NoSuchUpload' },
    told: { errors: { notFound: 1 } },
  },
  {
    name: '503 SlowDown is throttled, and tried five times',
    answer: error(503, 'SlowDown'),
    operate: put,
    want: { errorClass: 'throttled', status: 503, code: 'SlowDown' },
    requests: 5,
  },
  {
    name: '503 without a body is throttled',
    answer: (response) => response.writeHead(503).end(),
    client: { attempts: 1 },
    want: { errorClass: 'throttled', status: 503, code: '' },
    requests: 1,
  },
  {
    name: '429 is throttled, and tried again',
    answer: error(429, 'TooManyRequests'),
    client: { attempts: 2 },
    want: { errorClass: 'throttled', status: 429 },
    requests: 2,
  },
  {
    name: '500 is server, and tried five times',
    answer: error(500, 'InternalError'),
    operate: put,
    want: { errorClass: 'server', status: 500, code: 'InternalError' },
    requests: 5,
  },
  {
    name: '501 is unsupported, and not tried again',
    answer: error(501, 'NotImplemented'),
    operate: put,
    want: { errorClass: 'unsupported', status: 501, code: 'NotImplemented' },
    requests: 1,
  },
  {
    name: '502 with a page for a body is server',
    answer: (response) => response.writeHead(502, { 'Content-Type': 'text/html' }).end('<html><body>Bad Gateway'),
    client: { attempts: 2 },
    operate: put,
    want: { errorClass: 'server', status: 502, code: '' },
    requests: 2,
  },
  {
    name: 'a third attempt may succeed',
    answer: (response, nth) => (nth < 3 ? error(503, 'SlowDown')(response) : ok(response)),
    want: 'success',
    check: (outcome) => same('bytes', outcome.bytes, BODY),
    requests: 3,
    told: { errors: { throttled: 2 }, failures: 2, retries: 2 },
  },
  {
    name: '400 is client, and not tried again',
    answer: error(400, 'InvalidArgument'),
    operate: put,
    want: { errorClass: 'client', status: 400, code: 'InvalidArgument' },
    requests: 1,
  },
  {
    name: '403 is auth, and not tried again',
    answer: error(403, 'AccessDenied'),
    operate: put,
    want: { errorClass: 'auth', status: 403, code: 'AccessDenied' },
    requests: 1,
  },
  {
    name: 'credentials that have expired are auth, with status 400, too, and not tried again',
    answer: error(400, 'ExpiredToken'),
    operate: put,
    want: { errorClass: 'auth', status: 400, code: 'ExpiredToken' },
    requests: 1,
  },
  {
    name: 'a redirect that names an endpoint says so, and is not followed',
    answer: (response) =>
      xml(
        response,
        301,
        '<Error><Code>PermanentRedirect</Code><Message>said so</Message><Endpoint>b.example.com</Endpoint></Error>',
      ),
    operate: put,
    want: { errorClass: 'client', status: 301, code: 'PermanentRedirect' },
    check: ({ failure }) => same('message', failure?.message, 'said so at b.example.com'),
    requests: 1,
  },
  {
    name: '404 is notFound, and not tried again',
    answer: error(404, 'NoSuchKey'),
    want: { errorClass: 'notFound', status: 404 },
    requests: 1,
  },
  {
    name: '307 is client, and not followed',
    answer: (response) =>
      xml(response, 307, '<Error><Code>TemporaryRedirect</Code></Error>', { Location: '/elsewhere/key' }),
    operate: put,
    want: { errorClass: 'client', status: 307, code: 'TemporaryRedirect' },
    requests: 1,
  },
  {
    name: 'no answer is timeout, and tried again',
    answer: () => {},
    client: { timeout: 300, attempts: 3 },
    want: { errorClass: 'timeout', status: 0 },
    check: (outcome) => {
      if (outcome.ms < 290 || outcome.ms > 2000) throw new Error(`the last attempt took ${outcome.ms} ms`);
    },
    requests: 3,
  },
  {
    name: 'a body that stops halfway is timeout',
    answer: half({ 'Content-Length': BODY }, () => {}),
    client: { timeout: 400, attempts: 1 },
    want: { errorClass: 'timeout', status: 0 },
    requests: 1,
  },
  {
    name: 'a reset before the answer is reset, and tried five times',
    answer: reset,
    operate: put,
    want: { errorClass: 'reset', status: 0 },
    requests: 5,
  },
  {
    name: 'a reset halfway through the body is reset',
    answer: half({ 'Content-Length': BODY }, reset),
    client: { attempts: 2 },
    want: { errorClass: 'reset', status: 0 },
    requests: 2,
  },
  {
    name: 'a body cut short is reset',
    answer: half({ 'Content-Length': BODY }, cut),
    client: { attempts: 2 },
    want: { errorClass: 'reset', status: 0 },
    requests: 2,
  },
  {
    name: 'a body cut short is reset for a reader, too',
    answer: half({ 'Content-Length': BODY }, cut),
    client: { attempts: 1 },
    operate: (s3) => s3.readObject('key', ''),
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'a chunked body cut short is reset',
    answer: half({ 'Transfer-Encoding': 'chunked' }, cut),
    client: { attempts: 1 },
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'a listing cut short is reset, not a shorter listing',
    answer: half({ 'Content-Length': BODY, 'Content-Type': 'application/xml' }, cut),
    client: { attempts: 1 },
    operate: (s3) => s3.listObjects(),
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'another Content-Length than expected is corrupt, and not tried again',
    answer: (response) => response.writeHead(200, { 'Content-Length': 10 }).end('0123456789'),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'a chunked body without a Content-Length is no error',
    answer: (response) => {
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.write(Buffer.alloc(BODY / 2));
      response.end(Buffer.alloc(BODY / 2));
    },
    want: 'success',
    check: (outcome) => same('bytes', outcome.bytes, BODY),
    requests: 1,
  },
  {
    name: 'a completion that fails after its 200 is a failure, and tried again',
    answer: error(200, 'InternalError'),
    client: { attempts: 2 },
    operate: (s3) => s3.completeMultipartUpload('key', 'upload', [{ number: 1, etag: '"e"' }], ''),
    want: { errorClass: 'server', status: 200, code: 'InternalError' },
    requests: 2,
  },
  {
    name: 'a completion that is denied after its 200 is auth, and not tried again',
    answer: error(200, 'AccessDenied'),
    operate: (s3) => s3.completeMultipartUpload('key', 'upload', [{ number: 1, etag: '"e"' }], ''),
    want: { errorClass: 'auth', status: 200, code: 'AccessDenied' },
    requests: 1,
  },
  {
    name: 'a completion of an upload that is gone, after its 200, is notFound',
    answer: error(200, 'NoSuchUpload'),
    missesExpected: true,
    operate: (s3) => s3.completeMultipartUpload('key', 'upload', [{ number: 1, etag: '"e"' }], ''),
    want: { errorClass: 'notFound', status: 200, code: 'NoSuchUpload' },
    requests: 1,
  },
  {
    name: 'putObjectInParts gives up and aborts when its completion fails',
    answer: (response, _, request) => {
      if (request.method === 'PUT') return ok(response);
      if (request.url?.includes('uploads')) return xml(response, 200, '<R><UploadId>id</UploadId></R>');
      return request.method === 'DELETE' ? response.writeHead(204).end() : error(200, 'InternalError')(response);
    },
    client: { attempts: 1 },
    operate: (s3, t) => s3.putObjectInParts('key', partedBody(t, 150, 100).body, ''),
    want: { errorClass: 'server', status: 200, code: 'InternalError' },
    requests: [
      'POST /key?uploads=',
      'PUT /key?partNumber=1&uploadId=id',
      'PUT /key?partNumber=2&uploadId=id',
      'POST /key?uploadId=id',
      'DELETE /key?uploadId=id',
    ],
  },
  {
    name: 'a completion that was done though its answer was lost is a success, which a look at the object tells',
    ...completion(150, true),
    want: 'success',
    check: (outcome) => same('bytes', outcome.bytes, 150),
    told: { bytes: 150, errors: { reset: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'a completion whose answer was lost has failed where the object is another',
    ...completion(149, true),
    want: { errorClass: 'notFound', status: 404, code: 'NoSuchUpload' },
    told: { errors: { reset: 1 }, failures: 1, retries: 1 },
  },
  {
    name: 'putObjectInParts sends no more parts, and aborts, when one fails',
    answer: (response, _, request) => {
      if (request.url?.includes('uploads')) return xml(response, 200, '<R><UploadId>a&amp;b/+</UploadId></R>');
      if (request.url?.includes('partNumber=2')) return error(400, 'EntityTooSmall')(response);
      return request.method === 'DELETE' ? response.writeHead(204).end() : ok(response);
    },
    operate: (s3, t) => s3.putObjectInParts('key', partedBody(t, 300, 100).body, ''),
    want: { errorClass: 'client', status: 400, code: 'EntityTooSmall' },
    requests: [
      'POST /key?uploads=',
      'PUT /key?partNumber=1&uploadId=a%26b%2F%2B',
      'PUT /key?partNumber=2&uploadId=a%26b%2F%2B',
      'DELETE /key?uploadId=a%26b%2F%2B',
    ],
  },
  {
    name: 'an upload without an id is corrupt',
    answer: (response) => xml(response, 200, '<InitiateMultipartUploadResult></InitiateMultipartUploadResult>'),
    operate: (s3) => s3.createMultipartUpload('key', ''),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'a 200 that is no listing is corrupt, not an empty listing',
    answer: (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Please log in</html>'),
    operate: (s3) => s3.listObjects(),
    want: { errorClass: 'corrupt', status: 200 },
    requests: 1,
  },
  {
    name: 'a count of what is no listing is corrupt, not nothing',
    answer: (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Please log in</html>'),
    operate: (s3) => s3.countObjects(),
    want: { errorClass: 'corrupt', status: 200 },
    check: (outcome) => same('keys', (outcome as CountOutcome).keys, 0),
    requests: 1,
  },
  {
    name: 'a count cut short is reset',
    answer: half({ 'Content-Length': BODY, 'Content-Type': 'application/xml' }, cut),
    client: { attempts: 1 },
    operate: (s3) => s3.countObjects(),
    want: { errorClass: 'reset', status: 0 },
    requests: 1,
  },
  {
    name: 'a count is of the keys of the page, whatever the server counted',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult><KeyCount>50493</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b/+=' +
          '</NextContinuationToken><Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents></ListBucketResult>',
      ),
    operate: (s3) => s3.countObjects(),
    want: 'success',
    check: (outcome) => {
      const { keys, next } = outcome as CountOutcome;
      same('page', [keys, next], [2, 'a&b/+=']);
    },
    requests: 1,
    told: { objects: 2 },
  },
  {
    name: 'a count of a server that counts nothing is that of its keys',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>' +
          '<Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents><Contents/></ListBucketResult>',
      ),
    operate: (s3) => s3.countObjects(),
    want: 'success',
    check: (outcome) => {
      const { keys, next } = outcome as CountOutcome;
      same('page', [keys, next], [3, undefined]);
    },
    requests: 1,
    told: { objects: 3 },
  },
  ...(['a listing', 'a count'] as const).map((name) => ({
    name: `${name} that goes on and does not tell where is corrupt`,
    answer: (response: ServerResponse) =>
      xml(
        response,
        200,
        '<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>',
      ),
    operate: (s3: S3): Awaitable<Outcome> => (name === 'a count' ? s3.countObjects() : s3.listObjects()),
    want: { errorClass: 'corrupt' as const, status: 200 },
    requests: 1,
  })),
  {
    name: 'an encoded listing is decoded, plus signs for spaces included',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a+b%2Bc%20%C3%BC%26%252F</Key><Size>1</Size>' +
          '</Contents><CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes></ListBucketResult>',
      ),
    operate: (s3) => s3.listObjects(),
    want: 'success',
    check: (outcome) => listing(outcome, ['a b+c ü&%2F'], ['x y/']),
    requests: 1,
    told: { objects: 1 },
  },
  {
    name: 'a listing of a server that knows no encoding is taken as it is',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult xmlns="x"><Contents><Size>1</Size><Key>a+b%20&amp;&#252;</Key></Contents>' +
          '<CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes></ListBucketResult>',
      ),
    operate: (s3) => s3.listObjects(),
    want: 'success',
    check: (outcome) => listing(outcome, ['a+b%20&ü'], ['x+y/']),
    requests: 1,
    told: { objects: 1 },
  },
  {
    name: 'a listed key that is no UTF-8 does not throw',
    answer: (response) =>
      xml(
        response,
        200,
        '<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%FFb</Key><Size>1</Size></Contents></ListBucketResult>',
      ),
    operate: (s3) => s3.listObjects(),
    want: 'success',
    check: (outcome) => listing(outcome, ['a%FFb'], []),
    requests: 1,
    told: { objects: 1 },
  },
  ...batchFaults,
  ...asyncFaults,
  ...missFaults,
  {
    name: 'a bucket is created in the region of the settings',
    answer: (response, _, __, body) =>
      response.writeHead(body.includes('<LocationConstraint>eu-test-1</LocationConstraint>') ? 200 : 400).end(),
    client: { region: 'eu-test-1' },
    operate: (s3) => s3.createBucket(),
    want: 'success',
    requests: 1,
  },
  {
    name: 'a bucket is created in us-east-1 without naming it',
    answer: (response, _, __, body) => response.writeHead(body === '' ? 200 : 400).end(),
    client: { region: 'us-east-1' },
    operate: (s3) => s3.createBucket(),
    want: 'success',
    requests: 1,
  },
  {
    name: 'a session token is sent and signed',
    answer: (response, _, request) => (request.method === 'POST' ? deleted : ok)(response),
    client: {
      credentials: TEMPORARY,
    },
    operate: async (s3) => {
      succeeded('DeleteObjects', s3.deleteObjects(['ü']));
      succeeded('DeleteObjects', await s3.deleteObjectsAsync(['ü', 'b']));
      succeeded('PUT', await s3.putObject('ü b', new ArrayBuffer(1), ''));
      return s3.getObject('key', '', BODY);
    },
    want: 'success',
    requests: ['POST ?delete=', 'POST ?delete=', 'PUT /%C3%BC%20b', 'GET /key'],
    told: { ops: 4, bytes: BODY + 1, objects: 3 },
  },
];

/** The bucket that stands for a fault in its requests. */
export const bucketOf = (fault: Fault): string => `fault-${faults.indexOf(fault)}`;

/** A connection that is reset before anything is said. */
export const resetAtOnceCase: Case = {
  name: 'a connection reset at once is reset or connect, and tried again',
  run: async (t) => {
    const s3 = t.client({ endpoints: [t.options.endpoints[1] ?? ''], attempts: 2 });
    const outcome = await s3.putObject('key', t.random(100), '');
    // It may come before the connection is seen to stand, and then connecting is what failed.
    const errorClass = outcome.failure?.errorClass === 'connect' ? 'connect' : 'reset';
    failed('PUT', outcome, { errorClass, status: 0 });
  },
};

/** The faults as cases: the first endpoint is fault-server.ts's, the second one resets every connection. */
export const faultCases: readonly Case[] = [
  ...faults.map((fault) => ({
    name: fault.name,
    missesExpected: fault.missesExpected,
    run: async (t: Bench) => {
      const endpoints = t.options.endpoints.slice(0, 1);
      const own = { endpoints, bucket: bucketOf(fault), timeout: 10_000, ...fault.client };
      const client: Bench['client'] = (changes) => t.client({ ...own, ...changes });
      const engineWith: Bench['engineWith'] = (changes) => t.engineWith({ ...own, ...changes });
      const s3 = client({});
      const operate = fault.operate ?? ((s3: S3) => s3.getObject('key', '', BODY));
      const outcome = await operate(s3, { ...t, s3, client, engine: engineWith({}), engineWith });
      if (fault.want === 'success') succeeded('it', outcome);
      else if (typeof fault.want === 'string') succeeded('it', outcome, fault.want === 'none' ? 404 : 304);
      else failed('it', outcome, fault.want);
      fault.check?.(outcome, t);
    },
  })),
  resetAtOnceCase,
];
