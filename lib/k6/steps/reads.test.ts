import { describe, expect, test } from 'vitest';
import { fakeVu, type VuParts } from '../../../test/fake-vu';
import type { Command } from '../../s3/commands';
import type { Engine, Reply, SyncCall } from '../../s3/engine';
import type { Environment } from '../../settings/config';
import { conditionalRead, partRead } from './reads';

const OK: Reply = { status: 200, bytes: 0, ms: 1, endpoint: 'e:1' };
const UNCHANGED: Reply = { ...OK, status: 304 };
const GONE: Reply = { ...OK, status: 404, failure: { errorClass: 'notFound', code: 'NoSuchKey', message: '' } };

/** A VU whose calls are noted, and answered so. */
function vuOf(answer: (op: string, key: string) => Reply, parts: VuParts = {}, environment: Environment = {}) {
  const said: (readonly [op: string, key: string, expected: unknown, more: unknown])[] = [];
  const compile = ({ op }: Command): SyncCall => {
    return (key, _, load, more) => {
      said.push([op, key, load, more?.headers ?? more?.query]);
      return answer(op, key);
    };
  };
  const engine = { compile, compileSync: compile, composed: () => {} } as unknown as Engine;
  return { vu: fakeVu({ ...parts, engine }, environment), said };
}

const KEYS = { '1KB': Array.from({ length: 1_000 }, (_, i) => `key-${i}`) };
const ONE_SIZE = { S3LOADTEST_SIZE: '1KB' };

describe('conditional reads', () => {
  const answer = (op: string, key: string): Reply =>
    op === 'HEAD' ? { ...OK, headers: { etag: `"${key}"` } } : UNCHANGED;

  test('each asks by the ETag of its object, and that is asked for once', () => {
    const { vu, said } = vuOf(answer, { found: KEYS }, ONE_SIZE);
    const play = conditionalRead(vu);
    for (let n = 0; n < 5_000; n++) expect(play({ op: '', size: '1KB' })).toBeUndefined();
    const asked = said.filter(([op]) => op === 'GET_IF_NONE_MATCH');
    expect(asked).toHaveLength(5_000);
    for (const [, key, expected, headers] of asked) {
      expect([expected, headers]).toEqual([1024, { 'if-none-match': `"${key}"` }]);
    }
    expect(said.length - asked.length).toBe(100);
  });

  test('of an object that is another, or gone, it is asked for anew', () => {
    for (const other of [OK, GONE]) {
      const { vu, said } = vuOf((op, key) => (op === 'HEAD' ? answer(op, key) : other), { found: KEYS }, ONE_SIZE);
      const play = conditionalRead(vu);
      for (let n = 0; n < 50; n++) play({ op: '', size: '1KB' });
      expect(said.filter(([op]) => op === 'HEAD')).toHaveLength(50);
    }
  });

  test('an object that is not there is not asked for, nor one where there are none', () => {
    const { vu, said } = vuOf(() => GONE, { found: { '1KB': ['a', 'b'] } }, ONE_SIZE);
    const play = conditionalRead(vu);
    for (let n = 0; n < 2; n++) play({ op: '', size: '1KB' });
    expect(said.map(([op]) => op)).toEqual(['HEAD', 'HEAD']);
    expect(play({ op: '', size: '1KB' })).toBe(false);
  });
});

test('parts are as the part size cuts an object, each as likely', () => {
  const found = { '12MB': ['large'], '5MB': ['small'] };
  const settings = { S3LOADTEST_SIZE: '12MB,5MB', S3LOADTEST_PART_SIZE: '5MB' };
  const { vu, said } = vuOf(() => OK, { found }, settings);
  const play = partRead(vu);
  for (let n = 0; n < 300; n++) for (const size of ['12MB', '5MB']) play({ op: '', size });
  const asked = new Map(said.map(([, key, expected, query]) => [`${key} ${JSON.stringify(query)}`, expected]));
  const MB = 1024 ** 2;
  expect(Object.fromEntries(asked)).toEqual({
    'large {"partNumber":1}': 5 * MB,
    'large {"partNumber":2}': 5 * MB,
    'large {"partNumber":3}': 2 * MB,
    'small {"partNumber":1}': 5 * MB,
  });
  const thirds = said.filter(([, key, expected]) => key === 'large' && expected === 2 * MB);
  expect(Math.abs(thirds.length - 100)).toBeLessThan(40);
});
