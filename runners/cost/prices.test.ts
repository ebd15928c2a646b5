import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadPrices } from './prices';

const folder = mkdtempSync(join(tmpdir(), 's3lt-prices-'));
afterAll(() => rmSync(folder, { recursive: true }));

const example = JSON.parse(readFileSync('data/prices.json', 'utf8'));
const file = join(folder, 'own.json');
const write = (content: string) => {
  writeFileSync(file, content);
  return file;
};

test('the example says whose prices it has, where they stand and of when they are', () => {
  expect(loadPrices('data/prices.json')).toEqual(example);
  expect(example).toMatchObject({ name: expect.stringMatching(/^AWS S3 Standard, us-east-1/), currency: 'USD' });
  expect(example.source).toContain('https://aws.amazon.com/s3/pricing/');
  expect(example.date).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test('a table of one’s own', () => {
  const own = {
    ...{ name: 'ours', source: 'the contract', date: '2026-01-01', currency: 'EUR' },
    requests: { per: 10_000, classes: { all: { price: 0, operations: [] } }, otherwise: 'all' },
    bytesOut: { perGB: [{ price: 0.01 }] },
    storage: { perGBMonth: [{ upToGB: 10, price: 0 }, { price: 0.005 }] },
  };
  expect(loadPrices(write(JSON.stringify(own)))).toEqual(own);
});

test('none at all', () => {
  expect(loadPrices('none')).toBeUndefined();
});

describe('what is wrong is named, with what would be right', () => {
  const changed = (change: object) => JSON.stringify({ ...example, ...change });
  const classes = (change: object) => changed({ requests: { ...example.requests, ...change } });
  test.each([
    ['not there', undefined, /can't be read \(ENOENT.*give a table of prices as data\/prices\.json, or none/],
    ['no JSON', '{', /not JSON/],
    ['a list', '[]', /give an object/],
    ['no currency', changed({ currency: undefined }), /give "currency" as a text/],
    ['prices for no requests', classes({ per: 0 }), /give "requests\.per"/],
    ['no classes', classes({ classes: undefined }), /give "requests\.classes"/],
    [
      'a price below 0',
      classes({ classes: { a: { price: -1, operations: [] } } }),
      /"requests\.classes\.a\.price" as a number/,
    ],
    ['no operations', classes({ classes: { a: { price: 1 } } }), /"requests\.classes\.a\.operations" as a list/],
    ['a class that is none', classes({ otherwise: 'other' }), /"requests\.otherwise" as one of write, free, read/],
    ['no steps', changed({ bytesOut: { perGB: [] } }), /"bytesOut\.perGB" as a list of steps/],
    ['steps that end', changed({ bytesOut: { perGB: [{ upToGB: 1, price: 1 }] } }), /the last without "upToGB"/],
    [
      'steps that fall',
      changed({ storage: { perGBMonth: [{ upToGB: 5, price: 1 }, { upToGB: 4, price: 1 }, { price: 1 }] } }),
      /"storage\.perGBMonth" as a list of steps/,
    ],
  ])('%s', (_, content, message) => {
    const path = content === undefined ? join(folder, 'missing.json') : write(content);
    expect(() => loadPrices(path)).toThrow(message);
    expect(() => loadPrices(path)).toThrow(`S3LOADTEST_PRICES is "${path}": `);
  });
});
