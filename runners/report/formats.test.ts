import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../lib/result/result';
import { asStock, madeResult } from '../../test/made-results';
import { HOSTILE, richResult } from '../../test/rich-result';
import type { Prices } from '../cost/prices';
import { reportCsv } from './csv';
import { reportJunit } from './junit';
import { reportMarkdown } from './markdown';
import { type Report, reportOf } from './model';
import { reportHtml } from './page/html';
import { briefText, reportText, WIDTH } from './text';

const prices = JSON.parse(readFileSync('data/prices.json', 'utf8')) as Prices;
const PLAIN = { color: false, width: WIDTH };
const ASSETS = { script: '', style: '' };

/** Rows of comma-separated values, by the names of their columns. */
function parseCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [[]];
  for (const [, quoted, bare = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare);
    if (end === '\r\n') rows.push([]);
    if (end === '') break;
  }
  const [head = [], ...body] = rows;
  return body.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i] ?? ''])));
}

/** Milliseconds of `42ms`, `1.25s`, `0.42ms`, whatever marks stand behind. */
function milliseconds(text: string | undefined): number {
  const [, amount, unit] = /^([\d.]+)(ms|s)/.exec(text ?? '') ?? [];
  return Number(amount) * (unit === 's' ? 1000 : 1);
}

describe('latencies of a known distribution come out right', () => {
  // Log-normal: so many deviations above the median is which percentile, is known.
  const [median, sigma] = [40, 0.5];
  const at = (deviations: number) => median * Math.exp(sigma * deviations);
  const expected = { p50: at(0), p90: at(1.28155), p99: at(2.32635), 'p99.9': at(3.09023) };
  const made = madeResult({
    seed: 11,
    seconds: 60,
    tests: [{ name: 'firehose', series: [{ op: 'GET', size: '1MB', perSecond: 1000, median, sigma }] }],
  });
  /** A tail of 60 operations is that much chance. */
  const near = (of: Partial<Record<keyof typeof expected, number>>) => {
    for (const [name, value] of Object.entries(expected) as [keyof typeof expected, number][]) {
      expect(Math.abs((of[name] ?? 0) / value - 1), `${name}: ${of[name]} for ${value}`).toBeLessThan(
        name === 'p99.9' ? 0.06 : 0.025,
      );
    }
  };
  const cells = (row: string[] | undefined, head: string[] | undefined) =>
    Object.fromEntries((head ?? []).map((name, i) => [name, milliseconds(row?.[i])]));

  describe.each([
    ["the project's k6", made],
    ['stock k6', asStock(made)],
  ])('of %s', (_, result) => {
    const report = reportOf(result, prices);

    test('as json', () => {
      const { operations } = JSON.parse(JSON.stringify(report)) as Report;
      near(operations[0]?.latency ?? {});
      expect(operations[0]?.latency?.mean).toBeCloseTo(median * Math.exp(sigma ** 2 / 2), 0);
      const deviation = median * Math.exp(sigma ** 2 / 2) * Math.sqrt(Math.exp(sigma ** 2) - 1);
      expect(operations[0]?.latency?.deviation).toBeCloseTo(deviation, 0);
      expect(operations[0]).toMatchObject({ ops: 60_000, opsPerSecond: 1000, bytes: 60_000 * 1024 ** 2, errors: 0 });
    });

    test('as csv', () => {
      const row = parseCsv(reportCsv([report])).find(({ scope }) => scope === 'operation');
      near(Object.fromEntries(Object.keys(expected).map((name) => [name, Number(row?.[`latency_${name}_ms`])])));
      expect(row).toMatchObject({
        operations: '60000',
        operations_per_s: '1000',
        payload_bytes: String(60_000 * 1024 ** 2),
      });
    });

    test('as text', () => {
      const lines = reportText(report, PLAIN).split('\n');
      const i = lines.indexOf('Operations');
      const [head, row] = [lines[i + 1], lines[i + 2]].map((line) => line?.trim().split(/\s{2,}/));
      near(cells(row, head));
      expect(row?.slice(0, 5)).toEqual(['GET', '60,000', '1,000', '1000.0MB', '0']);
    });

    test('as md', () => {
      const lines = reportMarkdown(report).split('\n');
      const i = lines.indexOf('### Operations');
      const [head, row] = [lines[i + 2], lines[i + 4]].map((line) =>
        line
          ?.split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
      near(cells(row, head));
    });

    test('as html', () => {
      const html = reportHtml(report, ASSETS);
      const [, head = '', body = ''] =
        /<h2 id="operations">.*?<thead>(.*?)<\/thead>.*?<tbody>(.*?)<\/tbody>/s.exec(html) ?? [];
      const of = (cellsIn: string) => [...cellsIn.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell = '']) => cell);
      near(cells(of(body), of(head)));
    });
  });
});

const rich = richResult();
const report = reportOf(rich, prices);

test('text, as it stands on a terminal', async () => {
  const text = reportText(report, PLAIN);
  await expect(`${text}\n`).toMatchFileSnapshot('./__snapshots__/report.txt');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(WIDTH);
});

test('what is said after FINAL', async () => {
  const text = briefText(report, PLAIN);
  await expect(`${text}\n`).toMatchFileSnapshot('./__snapshots__/brief.txt');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(WIDTH);
});

test('Markdown', async () => {
  await expect(`${reportMarkdown(report)}\n`).toMatchFileSnapshot('./__snapshots__/report.md');
});

test('colours are beside the text, and change none of it', () => {
  const colored = reportText(report, { ...PLAIN, color: true });
  expect(colored).toContain('\u001b[31m');
  expect(stripVTControlCharacters(colored)).toBe(reportText(report, PLAIN));
});

test('on a narrower terminal columns go, and on a wider one more stay', () => {
  const operations = (width: number) => {
    const lines = reportText(report, { color: false, width }).split('\n');
    return lines[lines.indexOf('Operations') + 1] ?? '';
  };
  expect(operations(100)).not.toMatch(/mean/);
  expect(operations(140)).toMatch(/misses +mean/);
  expect(operations(100).length).toBeLessThanOrEqual(100);
});

describe('csv', () => {
  const text = reportCsv([report]);
  const rows = parseCsv(text);

  test('has a header, and what it counts by in it', () => {
    const names = Object.keys(rows[0] ?? {});
    expect(names).toEqual(
      expect.arrayContaining(['start_s', 'duration_s', 'operations_per_s', 'payload_bytes', 'ttfb_p99_ms']),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(rows.every((row) => Object.keys(row).length === names.length)).toBe(true);
  });

  test('has rows of the whole, of operations, sizes, endpoints and intervals', () => {
    const count = (scope: string) => rows.filter((row) => row.scope === scope).length;
    expect(['total', 'operation', 'size', 'endpoint', 'interval'].map(count)).toEqual([1, 4, 9, 8, 240]);
    const gets = rows.filter(({ scope, op }) => scope === 'interval' && op === 'GET');
    const total = rows.find(({ scope, op }) => scope === 'operation' && op === 'GET');
    expect(gets.reduce((n, row) => n + Number(row.operations), 0)).toBe(Number(total?.operations));
    expect(total?.errors_throttled).toMatch(/^[1-9]\d*$/);
  });

  test('of several runs is one table', () => {
    const both = parseCsv(reportCsv([report, { ...report, run: { ...report.run, id: 'other, "quoted"' } }]));
    expect(both).toHaveLength(rows.length * 2);
    expect(both.at(-1)?.run).toBe('other, "quoted"');
  });

  test('nothing in it is a formula', () => {
    const formula = { ...report, run: { ...report.run, id: '=HYPERLINK("http://x")' } };
    expect(parseCsv(reportCsv([formula]))[0]?.run).toBe('\'=HYPERLINK("http://x")');
  });
});

describe('an endpoint that was away', () => {
  const away = richResult({ outages: [{ endpoint: '10.0.0.2:9000', t: 6_000, ms: 14_000 }] });
  const of = reportOf(
    {
      ...away,
      endpoints: away.endpoints.map((each) => {
        if (each.endpoint !== '10.0.0.2:9000' || each.op !== 'PUT') return each;
        return { ...each, errors: { connect: 500 }, retries: 380, redirected: 2_310 };
      }),
    },
    prices,
  );

  test.each([
    ['text', reportText(of, PLAIN)],
    ['what stands after FINAL', briefText(of, PLAIN)],
    ['Markdown', reportMarkdown(of)],
    ['the page', reportHtml(of, ASSETS)],
  ])('stands in %s', (_, text) => {
    const plain = text.replaceAll('&#x27;', "'").replace(/<[^>]+>|[|*]/g, ' ');
    expect(plain).toContain('Endpoints that were away');
    expect(plain).toMatch(/10\.0\.0\.2:9000\s+14s\s+1\s+6s\s+2,310\s+380\s+\d+\s+[\d.]+%/);
  });

  test('is a row of CSV, and a time', () => {
    const rows = parseCsv(reportCsv([of]));
    expect(rows.filter(({ scope }) => scope === 'outage')).toMatchObject([
      { endpoint: '10.0.0.2:9000', start_s: '6', duration_s: '14', operations: '', errors_connect: '' },
    ]);
    expect(
      rows.find(({ scope, endpoint, op }) => scope === 'endpoint' && endpoint === '10.0.0.2:9000' && op === 'PUT'),
    ).toMatchObject({ repeated: '380', redirected: '2310', errors_connect: '500' });
  });
});

describe('junit', () => {
  const cases = (of: Report) => [
    ...reportJunit([of]).matchAll(/<testcase classname="([^"]*)" name="([^"]*)".*?(\/>|<(failure|error) )/gs),
  ];

  test('has a case for each threshold, and for the run', () => {
    expect(cases(report).map(([, , name, , broken = 'ok']) => [name, broken])).toEqual([
      ['ran to its end', 'ok'],
      ['operations succeeded', 'ok'],
      ['all workers to the end', 'error'],
      ['http_req_failed{test:spiky} rate&lt;0.01', 'ok'],
      ['http_req_duration{op:GET} p(99)&lt;50', 'failure'],
    ]);
    expect(reportJunit([report])).toMatch(
      /^<testsuites name="s3loadtest" tests="5" failures="1" errors="1" time="60\.000">$/m,
    );
  });

  test('a run that was cut short, and one in which nothing succeeded, are errors', () => {
    const broken = (result: Result) =>
      cases(reportOf(result, prices)).map(([, , name, , how]) => (how === undefined ? '' : `${how}: ${name}`));
    expect(broken(richResult({ interrupted: true }))).toContain('error: ran to its end');
    const nothing = madeResult({ seed: 1, seconds: 3, tests: [{ name: 'firehose', series: [] }] });
    expect(broken(nothing)).toContain('error: operations succeeded');
  });
});

describe('whatever a server has said', () => {
  test('is no order to a terminal', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(reportText(report, PLAIN)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(HOSTILE).toContain('\u001b');
  });

  test('is no HTML', () => {
    expect(reportHtml(report, ASSETS)).not.toContain('<script>alert');
    expect(reportHtml(report, ASSETS)).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(reportMarkdown(report)).not.toContain('<script>');
  });

  test('ends no cell of a table', () => {
    const row = reportMarkdown(report)
      .split('\n')
      .find((line) => line.startsWith('| **throttled**'));
    expect(row?.replaceAll('\\|', '').split('|')).toHaveLength(8);
  });
});

test.each<[string, (of: Report) => string]>([
  ['text', (of) => reportText(of, PLAIN)],
  ['md', reportMarkdown],
  ['html', (of) => reportHtml(of, ASSETS)],
  ['junit', (of) => reportJunit([of])],
  ['csv', (of) => reportCsv([of])],
])('no secret is in %s, even if one were in the Result', (_, format) => {
  expect(format(report).includes('never-to-be-shown')).toBe(false);
});

test('JSON has no secret either', () => {
  expect(JSON.stringify(report).includes('never-to-be-shown')).toBe(false);
});

describe('of a run in which', () => {
  const formats = (result: Result) => {
    const of = reportOf(result, prices);
    return [
      reportText(of, PLAIN),
      briefText(of, PLAIN),
      reportMarkdown(of),
      reportHtml(of, ASSETS),
      reportCsv([of]),
      reportJunit([of]),
    ];
  };
  const empty = madeResult({ seed: 1, seconds: 3, tests: [{ name: 'firehose', series: [] }] });
  test.each<[string, Result]>([
    ['nothing was counted', empty],
    ['it took no time', { ...empty, run: { ...empty.run, durationMs: 0 } }],
    [
      'all failed',
      madeResult({
        seed: 1,
        seconds: 3,
        tests: [
          {
            name: 'a',
            series: [{ op: 'GET', size: '1KB', perSecond: 5, median: 1, sigma: 0, errors: { connect: 1 } }],
          },
        ],
      }),
    ],
    [
      'settings of its parts differ',
      {
        ...rich,
        run: {
          ...rich.run,
          config: { endpoints: { differs: [['http://a'], ['http://b']] }, rate: { differs: [1, 2] } },
        },
      },
    ],
    ['nothing is known of settings', { ...rich, run: { ...rich.run, config: {} } }],
  ])('%s, every format says so and shows no NaN', (_, result) => {
    for (const text of formats(result)) {
      expect(text).not.toBe('');
      expect(text).not.toMatch(/NaN|Infinity|undefined|\[object/);
    }
  });
});

test('what was cut is told of, marked in charts, and in no rate', () => {
  const made = madeResult({
    seed: 3,
    seconds: 60,
    tests: [{ name: 'firehose', series: [{ op: 'GET', size: '1MB', perSecond: 100, median: 20, sigma: 0.5 }] }],
  });
  const warmup = { ms: 20_000, ops: 1500, bytes: 1500 * 1024 ** 2, errors: 2 };
  const run = { ...made.run, warmup, endedBy: 'steady' as const };
  const cut = reportOf({ ...made, run }, undefined);
  const told = 'the first 20s are cut: 1,500 ops (1.5GB), 2 errors';
  const text = reportText(cut, PLAIN);
  expect(text).toMatch(new RegExp(`^Warm-up +${told.replace(/[()]/g, '\\$&')}$`, 'm'));
  expect(text).toMatch(/^Lasted +1m, until its throughput was steady$/m);
  expect(cut.total.opsPerSecond).toBeCloseTo((made.totals[0]?.ops ?? 0) / 40);
  expect(cut.operations[0]?.opsSpread?.intervals).toBe(40);
  expect(parseCsv(reportCsv([cut]))[0]).toMatchObject({ scope: 'total' });
  const html = reportHtml(cut, ASSETS);
  expect(html).toContain(told);
  expect(html).toContain('>warm-up<');
  expect(reportMarkdown(cut)).toContain(told);
});
