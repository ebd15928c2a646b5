import { expect, test } from 'vitest';
import { fakeVu } from '../../test/fake-vu';
import { homesFor, homesOf, takingTurns } from './home';
import type { Operate, Step, VirtualUser } from './step';

const user = (name: string) => ({ accessKeyId: name, secretAccessKey: 's' });
const [alice, bob] = [user('alice'), user('bob')];
const textsOf = (...args: Parameters<typeof homesOf>) =>
  homesOf(...args).map(({ bucket, user: by }) => `${bucket} ${by?.accessKeyId ?? '-'}`);

test('every user is in every bucket, and neighbours differ in both', () => {
  const buckets = [{ name: 'one' }, { name: 'two' }, { name: 'three' }];
  expect(textsOf(buckets, [alice, bob])).toEqual([
    'one alice',
    'two bob',
    'three alice',
    'one bob',
    'two alice',
    'three bob',
  ]);
  expect(textsOf(buckets, [])).toEqual(['one -', 'two -', 'three -']);
});

test('in a bucket that a user has created there is that one alone', () => {
  const buckets = [
    { name: 'a1', user: 0 },
    { name: 'b1', user: 1 },
  ];
  expect(textsOf(buckets, [alice, bob])).toEqual(['a1 alice', 'b1 bob']);
});

test.each([
  ['as many VUs as homes', 4, 4, [[0], [1], [2], [3]]],
  ['more VUs', 2, 3, [[0], [1], [0]]],
  [
    'fewer VUs: each is in all of them',
    3,
    2,
    [
      [0, 1, 2],
      [1, 2, 0],
    ],
  ],
])('%s', (_, homes, vus, expected) => {
  expect(Array.from({ length: vus }, (_, i) => homesFor(homes, i + 1, vus))).toEqual(expected);
});

test('homes take turns, and each begins when it is first its turn', () => {
  const log: string[] = [];
  const step = {
    kind: 'operation',
    commands: [],
    start: ({ home }: VirtualUser): Operate => {
      log.push(`start ${home}`);
      return () => void log.push(`operate ${home}`);
    },
  } as unknown as Step;
  const vu: VirtualUser = fakeVu({ home: 2, at: (home) => ({ ...vu, home }) });
  const operate = takingTurns(step, vu, [2, 0, 1]);
  const window = { phase: '', start: 0, end: 1 };
  for (let n = 0; n < 4; n++) void operate(window, 0);
  expect(log).toEqual(['start 2', 'operate 2', 'start 0', 'operate 0', 'start 1', 'operate 1', 'operate 2']);
});
