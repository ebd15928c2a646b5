import { describe, expect, test } from 'vitest';
import { syntheticRun } from '../../test/synthetic-run';
import { compare, regressions } from './comparison';
import { compareHtml } from './html';
import { compareMarkdown } from './markdown';
import { type ComparisonReport, showInterval, showPart, showValue } from './report';
import { compareText } from './text';

/** A store that became slower, and fails; in one case an operation with a long name and a phase. */
function report(beyond?: number): ComparisonReport {
  const quiet = { drift: 0.02, stalls: 0, opsPerSecond: 200, sizes: ['1KB', '100KB'] };
  const baseline = { name: 'baseline', runs: [syntheticRun({ ...quiet, seed: 1 })] };
  const others = [
    { name: 'other 1', runs: [syntheticRun({ ...quiet, seed: 2, speed: 0.75, errors: 0.02 })] },
    { name: 'other 2', runs: [syntheticRun({ ...quiet, seed: 3 })] },
  ];
  const comparison = compare(baseline, others, { confidence: 0.95, runNoise: 0.03 });
  return {
    ...comparison,
    sides: [
      { name: 'baseline', runs: ['data/results/20261121T120000Z-firehose-0001'] },
      { name: 'other 1', runs: ['data/results/<b>&"c"|*'] },
      {
        name: 'other 2',
        runs: ['data/results/20261121T120000Z-firehose-0003', 'data/results/20261121T120000Z-firehose-0004'],
      },
    ],
    differences: [
      '--concurrency: 16 in data/results/20261121T120000Z-firehose-0001, 64 in data/results/20261121T120000Z-firehose-0003',
    ],
    remarks: ['versions differ: k6 v2.2.0; k6 v2.3.0'],
    ...(beyond === undefined ? {} : { regressions: { beyond, found: regressions(comparison, beyond) } }),
  };
}

test('text', () => {
  const text = compareText(report(0.05));
  expect(text).toMatchSnapshot();
  // A path of 48 characters can't be broken.
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
});

test('Markdown', () => {
  expect(compareMarkdown(report(0.05))).toMatchSnapshot();
});

describe('HTML', () => {
  const page = compareHtml(report(0.05));

  test('loads nothing and is small', () => {
    expect(page).not.toMatch(/<(?:script|link|img|iframe)|\b(?:src|href)=|url\(|@import|https?:/);
    expect(page.length).toBeLessThan(60_000);
  });

  test('is well-formed: what is opened is closed, in order', () => {
    const open: string[] = [];
    for (const [, close, name = '', self] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
      if (self || name === 'meta') continue;
      if (close) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  test('shows names as text', () => {
    expect(page).toContain('data/results/&lt;b&gt;&amp;&quot;c&quot;|*');
    expect(page).not.toContain('<b>');
  });

  test('says of every figure what the text says', () => {
    const cells = page.replace(/<[^>]*>/g, ' ');
    for (const { rows } of report().contrasts) {
      for (const change of rows.flatMap(({ changes }) => changes)) {
        for (const text of [
          showValue(change.metric, change.baseline),
          showInterval(change),
          change.why ?? change.verdict,
        ]) {
          expect(cells).toContain(text.replaceAll('&', '&amp;'));
        }
      }
    }
  });

  test('is of one piece with its table: as many cells in each row as there are columns', () => {
    const columns = (page.match(/<thead><tr>(.*?)<\/tr>/)?.[1] ?? '').match(/<t[hd]/g)?.length;
    for (const [, row = ''] of page.matchAll(/<tbody[^>]*>\s*<tr>(.*?)<\/tr>/gs)) {
      expect(row.match(/<t[hd]/g)?.length).toBe(columns);
    }
  });
});

describe('figures', () => {
  test.each([
    ['ops/s', 12_345.6, '12,346'],
    ['ops/s', 0.1234, '0.123'],
    ['ops/s', 99.94, '99.9'],
    ['bytes/s', 1_234_567, '1.2MB'],
    ['errors', 0.00421, '0.42%'],
    ['p99', 3.14, '3.1ms'],
    ['p99', undefined, '-'],
  ] as const)('%s %s is %s', (metric, value, text) => {
    expect(showValue(metric, value)).toBe(text);
  });

  test.each([
    ['ops/s', -0.1894, '-18.9%'],
    ['p99', 0.031, '+3.1%'],
    ['p99', 3.5, '+350%'],
    ['p99', 1e9, '+1,000,000%'],
    ['errors', 0.0042, '+0.42pp'],
    ['errors', undefined, ''],
  ] as const)('a change of %s by %s is %s', (metric, part, text) => {
    expect(showPart(metric, part)).toBe(text);
  });
});
