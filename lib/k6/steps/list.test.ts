import { expect, test } from 'vitest';
import { fakeS3, OK } from '../../../test/fake-s3';
import { fakeVu } from '../../../test/fake-vu';
import type { CountOutcome, PageOptions } from '../../../test/s3';
import { classifyStatus } from '../../s3/classify';
import type { Failure } from '../../s3/outcome';
import { opsOf } from '../../workload/step';
import { list } from './list';

const WINDOW = { start: 0, end: 60_000, phase: 'steady' };

/** A listing of so many pages, and what was asked of it: tokens, '' for the first page. The nth request may fail. */
function pagesOf(pages: number, fails: Readonly<Record<number, number>> = {}) {
  const asked: PageOptions[] = [];
  const countObjects = (options: PageOptions = {}): CountOutcome => {
    asked.push(options);
    const status = fails[asked.length];
    if (status !== undefined) {
      const failure: Failure = { errorClass: status === 0 ? 'timeout' : classifyStatus(status), code: '', message: '' };
      return { ...OK, status, failure, keys: 0 };
    }
    const page = Number(options.continuationToken ?? 1);
    return { ...OK, keys: 1000, ...(page < pages ? { next: `${page + 1}` } : {}) };
  };
  return { engine: fakeS3({ countObjects }), countObjects, asked };
}

function tokens(pages: number, times: number, fails?: Readonly<Record<number, number>>): string[] {
  const { engine, asked } = pagesOf(pages, fails);
  const step = list().start(fakeVu({ engine }, { S3LOADTEST_PREFIX: 'p/q/' }));
  for (let i = 0; i < times; i++) void step(WINDOW, 0);
  for (const { prefix } of asked) expect(prefix).toBe('p/q/');
  return asked.map(({ continuationToken = '' }) => continuationToken);
}

test('listing does nothing but list, an operation a page', () => {
  expect([list().kind, opsOf(list())]).toEqual(['operation', ['LIST']]);
  expect(tokens(9, 3)).toHaveLength(3);
});

test.each<{ pages: number; fails?: Record<number, number>; are: readonly string[]; why: string }>([
  { pages: 3, are: ['', '2', '3', '', '2', '3', ''], why: 'to the end, then from the beginning' },
  { pages: 1, are: ['', '', ''], why: 'a single page, too' },
  { pages: 4, fails: { 3: 500 }, are: ['', '2', '3', '3', '4', ''], why: "the server's fault: the same page again" },
  { pages: 4, fails: { 3: 503, 4: 503 }, are: ['', '2', '3', '3', '3', '4'], why: 'as often as it takes' },
  { pages: 4, fails: { 3: 429 }, are: ['', '2', '3', '3', '4'], why: 'too many requests says nothing of the token' },
  { pages: 4, fails: { 3: 0 }, are: ['', '2', '3', '3', '4'], why: 'no answer, which says nothing of the token' },
  { pages: 4, fails: { 3: 400 }, are: ['', '2', '3', '', '2'], why: 'a token that is not taken any more' },
  { pages: 4, fails: { 3: 404 }, are: ['', '2', '3', '', '2'], why: 'whichever way it is said' },
  { pages: 4, fails: { 1: 403 }, are: ['', '', '2'], why: 'nothing to start anew from' },
])('$are: $why', ({ pages, fails, are }) => {
  expect(tokens(pages, are.length, fails)).toEqual(are);
});

test('a page that is promised is waited for before the next one is asked for', async () => {
  const { countObjects, asked } = pagesOf(2);
  const promised = fakeS3({ countObjects: async (options) => countObjects(options) });
  const step = list().start(fakeVu({ engine: promised }));
  for (let i = 0; i < 4; i++) await step(WINDOW, 0);
  expect(asked.map(({ continuationToken = '' }) => continuationToken)).toEqual(['', '2', '', '2']);
});

test('each VU goes through the listing by itself', () => {
  const { engine, asked } = pagesOf(3);
  const traffic = list();
  const [one, other] = [traffic.start(fakeVu({ engine })), traffic.start(fakeVu({ engine }))];
  for (const step of [one, one, other, one, other]) void step(WINDOW, 0);
  expect(asked.map(({ continuationToken = '' }) => continuationToken)).toEqual(['', '2', '', '3', '2']);
});
