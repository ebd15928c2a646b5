import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OK } from '../../../test/fake-s3';
import { MARKS } from '../../result/protocol';
import { COMMANDS, type Command, DELETE_OBJECTS, GET, PUT } from '../commands';
import type { Failure, Outcome } from '../outcome';
import { createRecorder, createSilentRecorder, forgetTags, type VuRecorder } from './recorder';

/** What k6 was told: each sample with the tags that the VU had then, and each tag that was set. */
const { k6 } = vi.hoisted(() => ({
  k6: {
    samples: [] as { name: string; value: number; tags: Record<string, string> }[],
    set: [] as string[],
    tags: {} as Record<string, string>,
  },
}));

vi.mock('k6/metrics', () => {
  class Metric {
    /** Bound, as k6's are, which the recorder makes use of. */
    readonly add: (value: number, more?: Record<string, string>) => void;
    constructor(name: string) {
      this.add = (value, more = {}) => void k6.samples.push({ name, value, tags: { ...k6.tags, ...more } });
    }
  }
  return { Counter: Metric, Trend: Metric };
});

vi.mock('k6/execution', () => {
  const tags = new Proxy(k6.tags, {
    set: (target, name, value) => {
      k6.set.push(`${String(name)}=${value}`);
      return Reflect.set(target, name, value);
    },
  });
  return { default: { vu: { metrics: { tags } } } };
});

const HERE = '10.0.0.1:9000';
const THERE = '10.0.0.2:9000';

let said: string[];

beforeEach(() => {
  takeTags();
  k6.samples.length = 0;
  k6.set.length = 0;
  said = [];
  vi.spyOn(console, 'warn').mockImplementation((line) => void said.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** As k6 does when a VU goes to another scenario. */
function takeTags(): void {
  for (const name of Object.keys(k6.tags)) delete k6.tags[name];
}

const told = (name: string) => k6.samples.filter((sample) => sample.name === name);

const failure = (errorClass: Failure['errorClass'], code = '', message = ''): Failure => ({
  errorClass,
  code,
  message,
});

function outcome(status: number, more: Partial<Outcome> = {}): Outcome {
  return { ...OK, status, ms: 7, endpoint: HERE, ...more };
}

function succeed(recorder: VuRecorder, op: string, size: string, endpoint: string, bytes: number, objects = 0): void {
  recorder.begin(op, size, endpoint);
  recorder.succeeded(3, bytes, objects);
}

describe('a success', () => {
  test('is a duration at once, with the tags of what it was', () => {
    succeed(createRecorder(), 'GET', '1KB', HERE, 1024);
    expect(k6.samples).toEqual([
      { name: 's3_op_duration', value: 3, tags: { op: 'GET', name: 'GET', size: '1KB', endpoint: HERE } },
    ]);
  });

  test('of an operation on no object has a size, since k6 takes no empty tag', () => {
    succeed(createRecorder(), 'LIST', '', HERE, 0, 1000);
    expect(k6.samples[0]?.tags).toMatchObject({ op: 'LIST', size: 'none' });
  });
});

describe('bytes and objects', () => {
  test('are told at flush, in a sum for each operation, size and endpoint, under their tags', () => {
    const recorder = createRecorder();
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    succeed(recorder, 'GET', '1KB', THERE, 1024);
    succeed(recorder, 'PUT', '1KB', HERE, 1000);
    succeed(recorder, 'GET', '10KB', HERE, 10_240);
    succeed(recorder, 'GET', '1KB', HERE, 1);
    succeed(recorder, 'LIST', '', HERE, 0, 700);
    succeed(recorder, 'LIST', '', HERE, 0, 77);
    succeed(recorder, 'HEAD', '1KB', HERE, 0);
    expect([...told('s3_bytes'), ...told('s3_objects')]).toEqual([]);
    recorder.flush();
    const shown = (name: string) =>
      told(name).map(({ value, tags }) => [tags.op, tags.size, tags.endpoint, tags.name, value]);
    expect(shown('s3_bytes').sort()).toEqual([
      ['GET', '10KB', HERE, 'GET', 10_240],
      ['GET', '1KB', HERE, 'GET', 1025],
      ['GET', '1KB', THERE, 'GET', 1024],
      ['PUT', '1KB', HERE, 'PUT', 1000],
    ]);
    expect(shown('s3_objects')).toEqual([['LIST', 'none', HERE, 'LIST', 777]]);
  });

  test('are told once', () => {
    const recorder = createRecorder();
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    recorder.flush();
    recorder.flush();
    succeed(recorder, 'GET', '1KB', HERE, 5);
    recorder.flush();
    expect(told('s3_bytes').map(({ value }) => value)).toEqual([1024, 5]);
    succeed(recorder, 'LIST', '', HERE, 0, 1000);
    recorder.flush();
    succeed(recorder, 'LIST', '', HERE, 0, 7);
    recorder.flush();
    expect(told('s3_objects').map(({ value }) => value)).toEqual([1000, 7]);
  });

  test('of one recorder are not told by another', () => {
    const one = createRecorder();
    const other = createRecorder();
    succeed(one, 'GET', '1KB', HERE, 1024);
    other.flush();
    expect(told('s3_bytes')).toEqual([]);
  });

  test('what begins after a flush has its own tags again', () => {
    const recorder = createRecorder();
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    succeed(recorder, 'PUT', '10KB', THERE, 10_240);
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    recorder.flush();
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    expect(told('s3_op_duration').at(-1)?.tags).toEqual({ op: 'GET', name: 'GET', size: '1KB', endpoint: HERE });
  });
});

describe('tags', () => {
  test.each<{ first: [string, string, string]; after: [string, string, string]; set: readonly string[]; why: string }>([
    { first: ['GET', '1KB', HERE], after: ['GET', '1KB', HERE], set: [], why: 'setting costs, too' },
    {
      first: ['GET', '1KB', HERE],
      after: ['PUT', '1KB', HERE],
      set: ['op=PUT', 'name=PUT'],
      why: 'else the URL is the name',
    },
    { first: ['GET', '1KB', HERE], after: ['GET', '10KB', HERE], set: ['size=10KB'], why: 'only the size' },
    { first: ['GET', '1KB', HERE], after: ['GET', '1KB', THERE], set: [`endpoint=${THERE}`], why: 'only the endpoint' },
    { first: ['GET', '1KB', HERE], after: ['GET', '', HERE], set: ['size=none'], why: 'no size is one' },
    {
      first: ['LIST', '', HERE],
      after: ['DELETE_OBJECTS', '', HERE],
      set: ['op=DELETE_OBJECTS', 'name=DELETE_OBJECTS'],
      why: 'both without',
    },
  ])('of $after after $first: $set are set ($why)', ({ first, after, set }) => {
    const recorder = createRecorder();
    recorder.begin(first[0] as string, first[1], first[2]);
    k6.set.length = 0;
    recorder.begin(after[0] as string, after[1], after[2]);
    expect(k6.set).toEqual(set);
  });

  test.each([
    { size: '1KB', is: '1KB', why: 'the same size as before' },
    { size: '', is: 'none', why: 'none, as before' },
  ])('are all set again after k6 took them: $why', ({ size, is }) => {
    const recorder = createRecorder();
    recorder.begin('GET', size, HERE);
    takeTags();
    forgetTags();
    recorder.begin('GET', size, HERE);
    expect(k6.tags).toEqual({ op: 'GET', name: 'GET', size: is, endpoint: HERE });
  });

  test('are all set again by a recorder made later: a VU has one in each scenario', () => {
    createRecorder().begin('GET', '1KB', HERE);
    takeTags();
    createRecorder().begin('GET', '1KB', HERE);
    expect(k6.tags).toEqual({ op: 'GET', name: 'GET', size: '1KB', endpoint: HERE });
  });

  test('are right again after something beside the load', () => {
    const recorder = createRecorder();
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    createSilentRecorder().begin('LIST', '', HERE);
    expect(k6.tags).toMatchObject({ op: 'preparation', name: 'preparation', size: 'none' });
    succeed(recorder, 'GET', '1KB', HERE, 1024);
    expect(k6.tags).toEqual({ op: 'GET', name: 'GET', size: '1KB', endpoint: HERE });
  });

  test('of a VU that goes from scenario to scenario and back are those of each', () => {
    const one = createRecorder();
    const other = createRecorder();
    for (let i = 0; i < 3; i++) {
      for (const [recorder, size, endpoint] of [
        [one, '1KB', HERE],
        [other, '10KB', THERE],
      ] as const) {
        takeTags();
        forgetTags();
        succeed(recorder, 'GET', size, endpoint, 1);
      }
    }
    expect(told('s3_op_duration').map(({ tags }) => `${tags.op} ${tags.size} ${tags.endpoint}`)).toEqual(
      Array.from({ length: 3 }, () => [`GET 1KB ${HERE}`, `GET 10KB ${THERE}`]).flat(),
    );
  });
});

describe('a failure', () => {
  test('is an error of its class and a duration of its own, and neither operation nor bytes', () => {
    const recorder = createRecorder();
    recorder.begin('PUT', '1KB', HERE);
    recorder.failed(PUT, outcome(503), failure('throttled', 'SlowDown', 'Slow down'));
    recorder.flush();
    const tags = { op: 'PUT', name: 'PUT', size: '1KB', endpoint: HERE };
    expect(k6.samples).toEqual([
      { name: 's3_errors', value: 1, tags: { ...tags, class: 'throttled' } },
      { name: 's3_error_duration', value: 7, tags },
    ]);
  });

  test('is said once a class, with the first of its kind', () => {
    const recorder = createRecorder();
    recorder.failed(PUT, outcome(503), failure('throttled', 'SlowDown', 'Reduce\n your rate'));
    recorder.failed(GET, outcome(503), failure('throttled', 'SlowDown', 'again'));
    recorder.failed(GET, outcome(0, { endpoint: THERE }), failure('reset', '', 'unexpected EOF'));
    expect(said.every((line) => line.startsWith(MARKS.sample))).toBe(true);
    expect(said.map((line) => JSON.parse(line.slice(MARKS.sample.length)))).toEqual([
      { class: 'throttled', op: 'PUT', message: `503 SlowDown: Reduce your rate (endpoint ${HERE})` },
      { class: 'reset', op: 'GET', message: `unexpected EOF (endpoint ${THERE})` },
    ]);
    expect(told('s3_errors')).toHaveLength(3);
  });
});

test.each<{
  op: string;
  status: number;
  is: Failure;
  expected: boolean;
  counted: 's3_misses' | 's3_errors';
  why: string;
}>([
  { op: 'GET', status: 404, is: failure('notFound'), expected: true, counted: 's3_misses', why: 'deleted meanwhile' },
  { op: 'HEAD', status: 404, is: failure('notFound'), expected: true, counted: 's3_misses', why: 'likewise' },
  {
    op: 'DELETE',
    status: 404,
    is: failure('notFound', 'NoSuchKey'),
    expected: true,
    counted: 's3_misses',
    why: 'by another',
  },
  { op: 'GET', status: 404, is: failure('notFound'), expected: false, counted: 's3_errors', why: 'nobody deletes' },
  { op: 'GET', status: 403, is: failure('auth'), expected: true, counted: 's3_errors', why: 'another class' },
  {
    op: 'PUT',
    status: 404,
    is: failure('notFound', 'NoSuchBucket'),
    expected: true,
    counted: 's3_errors',
    why: 'the bucket is gone',
  },
  {
    op: 'LIST',
    status: 404,
    is: failure('notFound', 'NoSuchBucket'),
    expected: true,
    counted: 's3_errors',
    why: 'likewise',
  },
  {
    op: 'UPLOAD_PART',
    status: 404,
    is: failure('notFound', 'NoSuchUpload'),
    expected: true,
    counted: 's3_errors',
    why: 'no object',
  },
  {
    op: 'DELETE_OBJECTS',
    status: 404,
    is: failure('notFound', 'NoSuchBucket'),
    expected: true,
    counted: 's3_errors',
    why: 'a batch without a bucket',
  },
  {
    op: 'COMPLETE_MULTIPART',
    status: 404,
    is: failure('notFound', 'NoSuchKey'),
    expected: true,
    counted: 's3_errors',
    why: 'whatever a server calls it, it is the upload',
  },
])('$op, $status, misses expected $expected: counts in $counted ($why)', ({ op, status, is, expected, counted }) => {
  const recorder = createRecorder(expected);
  recorder.begin(op, '1KB', HERE);
  recorder.failed(COMMANDS.get(op) as Command, outcome(status), is);
  const [sample] = k6.samples;
  expect(sample?.name).toBe(counted);
  expect(sample?.value).toBe(1);
  expect(sample?.tags).toMatchObject({ op, size: '1KB', endpoint: HERE });
  expect(told(counted === 's3_misses' ? 's3_errors' : 's3_misses')).toEqual([]);
  expect(told('s3_error_duration')).toHaveLength(counted === 's3_misses' ? 0 : 1);
  // A miss is nothing to show anyone.
  expect(said).toHaveLength(counted === 's3_misses' ? 0 : 1);
});

describe('what a success refused', () => {
  test('counts each of its objects, and has no duration: that is the success’s', () => {
    const recorder = createRecorder();
    recorder.begin('DELETE_OBJECTS', '', HERE);
    recorder.succeeded(3, 0, 988);
    recorder.refused(DELETE_OBJECTS, outcome(200), failure('auth', 'AccessDenied', 'no'), 12);
    expect(told('s3_errors')).toEqual([
      { name: 's3_errors', value: 12, tags: expect.objectContaining({ op: 'DELETE_OBJECTS', class: 'auth' }) },
    ]);
    expect(told('s3_error_duration')).toEqual([]);
    expect(said).toHaveLength(1);
  });

  test('for keys that are not there is misses, where such are expected', () => {
    const recorder = createRecorder(true);
    recorder.begin('DELETE_OBJECTS', '', HERE);
    recorder.refused(DELETE_OBJECTS, outcome(200), failure('notFound', 'NoSuchKey'), 12);
    expect(k6.samples.map(({ name, value }) => [name, value])).toEqual([['s3_misses', 12]]);
  });
});

test('a further attempt is a retry', () => {
  const recorder = createRecorder();
  recorder.begin('GET', '1KB', HERE);
  recorder.retried();
  expect(k6.samples.map(({ name, value }) => [name, value])).toEqual([['s3_retries', 1]]);
});

test('a request that goes elsewhere is counted where it was to go', () => {
  const recorder = createRecorder();
  recorder.redirected('GET', '1KB', HERE);
  expect(k6.samples).toMatchObject([
    { name: 's3_redirected', value: 1, tags: { op: 'GET', size: '1KB', endpoint: HERE } },
  ]);
});

test('what is done beside the load counts nothing, and names its requests so that no key becomes a tag', () => {
  const recorder = createSilentRecorder();
  recorder.begin('GET', '1KB', HERE);
  recorder.succeeded(3, 1024, 5);
  recorder.failed(GET, outcome(500), failure('server'));
  recorder.refused(DELETE_OBJECTS, outcome(200), failure('auth'), 3);
  recorder.retried();
  expect(k6.samples).toEqual([]);
  expect(said).toEqual([]);
  expect(k6.tags).toMatchObject({ op: 'preparation', name: 'preparation', size: 'none' });
});
