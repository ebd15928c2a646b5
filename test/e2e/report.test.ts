/** `s3loadtest report` as users start it, and its page in a browser. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../lib/result/result';
import { ROOT } from '../k6';
import { asStock, madeResult } from '../made-results';
import { richResult } from '../rich-result';
import { missing, temporaryFolder } from '../servers';
import { CLI, type Ended, notRun, Program } from '../stage';

const noXmllint = await missing(['xmllint']);
const noScript = await missing(['script']);
const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'];
const noChromium = await missing(CHROMIUM);

let folder: string;

beforeAll(async () => {
  execFileSync(process.execPath, [join(ROOT, 'runners', 'bootstrap.mjs')], { stdio: 'inherit' });
  folder = await temporaryFolder();
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

let count = 0;

/** Writes a Result as a run's, and returns its folder. */
function runOf(result: Result): string {
  count++;
  const run = join(folder, `run-${count}`);
  mkdirSync(run);
  writeFileSync(join(run, 'result.json'), JSON.stringify(result));
  return run;
}

function report(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const own = { PATH: process.env.PATH, HOME: folder, TERM: 'xterm', ...env };
  return new Program(process.execPath, [CLI, 'report', ...args], own, folder).ended;
}

describe('where it goes', () => {
  test('a page beside each Result, and says so; settings that runs need are not asked for', async () => {
    const runs = [runOf(richResult()), runOf(asStock(richResult()))];
    const { code, stdout, stderr } = await report(runs);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(runs.map((run) => `Report: ${join(run, 'report.html')}\n`).join(''));
    for (const run of runs) expect(readFileSync(join(run, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/);
  });

  test('of a Result that has no folder, under its name', async () => {
    const file = join(folder, '20261121T120000Z-firehose-3f9a.json');
    writeFileSync(file, JSON.stringify(richResult()));
    const { stdout } = await report([file]);
    expect(stdout).toBe(`Report: ${join(folder, '20261121T120000Z-firehose-3f9a.html')}\n`);
  });

  test('text formats to standard output, and with --output to a file', async () => {
    const run = runOf(richResult());
    const csv = await report([run, '--format', 'csv']);
    expect(csv.stdout).toMatch(/^run,started,scope,.*\r\n2026/);
    const file = join(folder, 'out', 'report.md');
    const md = await report([run, '--format', 'md', '--output', file]);
    expect([md.code, md.stdout]).toEqual([0, '']);
    expect(readFileSync(file, 'utf8')).toMatch(/^## spiky, delete\n/);
  });

  test('no colours where standard output is no terminal', async () => {
    const { stdout } = await report([runOf(richResult()), '--format', 'text'], { FORCE_COLOR: '1' });
    expect(stdout).toMatch(/^spiky, delete\n/);
    expect(stdout).not.toContain('\u001b');
  });

  if (noScript.length === 0) {
    test.each([
      ['colours on a terminal', {}, true],
      ['none with NO_COLOR', { NO_COLOR: '1' }, false],
    ])('%s', (_, env, expected) => {
      const command = `${process.execPath} ${CLI} report ${runOf(richResult())} --format text`;
      const own = { PATH: process.env.PATH, HOME: folder, TERM: 'xterm', ...env };
      const said = execFileSync('script', ['-qec', command, '/dev/null'], { env: own, cwd: folder }).toString();
      expect(said.includes('\u001b[31m')).toBe(expected);
    });
  } else notRun('colours on a terminal', 'script');

  test('several runs are one table, one list, one file of suites', async () => {
    const runs = [runOf(richResult()), runOf(richResult())];
    const [csv, json, junit] = await Promise.all(
      ['csv', 'json', 'junit'].map((format) => report([...runs, '--format', format])),
    );
    expect(csv?.stdout.match(/^run,/gm)).toHaveLength(1);
    expect(JSON.parse(json?.stdout ?? '')).toHaveLength(2);
    expect(junit?.stdout.match(/<testsuite /g)).toHaveLength(2);
  });
});

describe('prices', () => {
  test("are the example's, one's own, or none", async () => {
    const run = runOf(richResult());
    const own = join(folder, 'own-prices.json');
    const example = JSON.parse(readFileSync(join(ROOT, 'data', 'prices.json'), 'utf8'));
    writeFileSync(own, JSON.stringify({ ...example, name: 'Our own', currency: 'EUR' }));
    const text = async (...args: string[]) => (await report([run, '--format', 'text', ...args])).stdout;
    expect(await text()).toMatch(/^ {2}Prices: AWS S3 Standard, us-east-1/m);
    expect(await text('--prices', own)).toMatch(/this run, EUR[\s\S]*^ {2}Prices: Our own,/m);
    expect(await text('--prices', 'none')).not.toContain('Cost');
  });
});

describe('what is wrong is said in one line, and ends with 2', () => {
  const whole = JSON.stringify(richResult());
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return name;
  };
  test.each<[string, () => string[], RegExp]>([
    ['no such file', () => ['nowhere'], /^"nowhere": no such file: give a run's folder/],
    ['a folder without a Result', () => ['.'], /^"\.": no result\.json is in it: give/],
    ['no JSON', () => [file('broken.json', '{"schema":')], /^"broken\.json": no Result \(not JSON/],
    [
      'another schema',
      () => [file('other.json', '{"schema":"s3loadtest/result@9"}')],
      /schema is "s3loadtest\/result@9", this version reads/,
    ],
    [
      'half a Result',
      () => [file('half.json', '{"schema":"s3loadtest/result@1"}')],
      /no Result \("series" is missing\)/,
    ],
    [
      'a histogram that is none',
      () => [file('bad.json', whole.replace(/"histogram":"[^"]*"/, '"histogram":"AAAA"'))],
      /"bad\.json": no Result that can be reported \(a histogram/,
    ],
    [
      'a format that is none',
      () => [file('ok.json', whole), '--format', 'pdf'],
      /'pdf' is invalid\. Allowed choices are html, text, md, json, csv, junit\./,
    ],
    [
      'one page for two runs',
      () => [file('ok.json', whole), file('ok2.json', whole), '--output', 'x.html'],
      /^--output "x\.html": a page is of one run/,
    ],
    [
      'prices that are none',
      () => [file('ok.json', whole), '--prices', file('p.json', '[]')],
      /^S3LOADTEST_PRICES is "p\.json": give an object/,
    ],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await report(args());
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  test('a file that can not be written, which ends with 1', async () => {
    const { code, stderr } = await report([runOf(richResult()), '--output', '/proc/nowhere/report.html']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: \/proc\/nowhere\/report\.html can't be written \(/);
  });
});

if (noXmllint.length === 0) {
  test.each<[string, () => Result]>([
    ['of a run', () => richResult()],
    ['of one that was cut short', () => richResult({ interrupted: true, partial: true })],
    ['of one in which nothing happened', () => madeResult({ seed: 1, seconds: 3, tests: [{ name: 'a', series: [] }] })],
  ])("JUnit's XML %s keeps to the schema", async (_, result) => {
    const file = join(folder, 'junit.xml');
    await report([runOf(result()), '--format', 'junit', '--output', file]);
    const schema = join(ROOT, 'test', 'junit.xsd');
    expect(() => execFileSync('xmllint', ['--noout', '--schema', schema, file], { stdio: 'pipe' })).not.toThrow();
  });
} else notRun("JUnit's XML against its schema", 'xmllint');

/** As much as a run can tell: nine tests, long timelines, many endpoints. */
function largest(): Result {
  const sizes = ['1KB', '10KB', '100KB', '1MB', '10MB', '100MB'];
  const endpoints = Array.from({ length: 8 }, (_, i) => `10.0.0.${i}:9000`);
  return madeResult({
    ...{ seed: 3, seconds: 250, vus: 144, endpoints },
    tests: [
      'firehose',
      'metastorm',
      'baseload',
      'checkpoint',
      'heavyread',
      'spiky',
      'delete',
      'listops',
      'elephant',
    ].map((name) => ({
      name,
      series: ['GET', 'PUT', 'HEAD', 'DELETE', 'LIST'].flatMap((op) =>
        sizes.map((size, i) => ({
          op,
          size,
          perSecond: 1,
          median: 3 * 2 ** i,
          sigma: 0.8,
          errors: { throttled: 0.01 },
        })),
      ),
    })),
    generator: {
      cpu: { seconds: 300, cores: 1 },
      timeline: Array.from({ length: 250 }, (_, i) => ({
        t: i * 1000,
        ms: 1000,
        cores: 1,
        busyCores: 2,
        memoryBytes: 1e8,
      })),
    },
  });
}

if (noChromium.length < CHROMIUM.length) {
  describe('the page in a browser', () => {
    let browser: Browser;

    beforeAll(async () => {
      const executablePath = execFileSync('which', [CHROMIUM.find((name) => !noChromium.includes(name)) ?? '']);
      // Its sandbox takes rights that containers do not give; the only page is ours.
      browser = await chromium.launch({ executablePath: executablePath.toString().trim(), args: ['--no-sandbox'] });
    });

    afterAll(async () => {
      await browser?.close();
    });

    interface Opened {
      readonly page: Page;
      /** Errors and warnings of the console, and requests but for the page itself. */
      readonly said: string[];
    }

    async function open(path: string, width: number, colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const said: string[] = [];
      page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => said.push(String(error)));
      page.on('request', (request) => {
        if (request.url() !== `file://${path}` && !request.url().startsWith('data:')) said.push(request.url());
      });
      await page.goto(`file://${path}`);
      return { page, said };
    }

    async function pageOf(result: Result): Promise<string> {
      const run = runOf(result);
      await report([run]);
      return join(run, 'report.html');
    }

    const results: [string, () => Result, schemes: readonly ('light' | 'dark')[]][] = [
      ["the project's k6", () => richResult(), ['light', 'dark']],
      ['stock k6', () => asStock(richResult({ interrupted: true })), ['light']],
      // The same, many times: axe would take half a minute for nothing new.
      ['as much as there can be', largest, []],
    ];

    describe.each(results)('of %s', (_, result, schemes) => {
      let path: string;
      beforeAll(async () => {
        path = await pageOf(result());
      });

      test('is below 1 MB', () => {
        expect(readFileSync(path).length).toBeLessThan(1e6);
      });

      test.each([400, 1600])('at %d pixels nothing is said, asked for, or wider than the page', async (width) => {
        const { page, said } = await open(path, width);
        await page.locator('details').evaluateAll((all) => {
          for (const one of all) (one as unknown as { open: boolean }).open = true;
        });
        const [all, shown] = await page
          .evaluate('[document.documentElement.scrollWidth, innerWidth]')
          .then((x) => x as number[]);
        expect(all).toBeLessThanOrEqual(shown as number);
        expect(said).toEqual([]);
      });

      test.each(schemes)('axe finds nothing serious (%s)', async (scheme) => {
        const { page } = await open(path, 1200, scheme);
        // A policy keeps scripts out of the page; a debugger is above it.
        const session = await page.context().newCDPSession(page);
        await session.send('Runtime.evaluate', { expression: axe.source });
        const { result: found } = await session.send('Runtime.evaluate', {
          expression: 'axe.run(document).then(({ violations, passes }) => JSON.stringify([violations, passes.length]))',
          awaitPromise: true,
        });
        const [violations, passes] = JSON.parse(found.value as string) as [
          { id: string; impact: string; nodes: { html: string }[] }[],
          number,
        ];
        const shown = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0]?.html}`);
        expect(shown.filter((line) => /^(serious|critical)/.test(line))).toEqual([]);
        expect(passes).toBeGreaterThan(20);
      });
    });

    describe('charts', () => {
      let path: string;
      beforeAll(async () => {
        path = await pageOf(
          madeResult({
            ...{ seed: 1, seconds: 60 },
            tests: [
              {
                name: 'firehose',
                series: ['GET', 'PUT'].map((op) => ({ op, size: '1MB', perSecond: 50, median: 20, sigma: 0.5 })),
              },
            ],
          }),
        );
      });

      const labels = (page: Page, chart: string) =>
        page.locator(`#chart-firehose-${chart} svg .tick`).allTextContents();

      test('show the values below the pointer, in all of them at once', async () => {
        const { page } = await open(path, 1200);
        await page.locator('#chart-firehose-ops .plot').hover();
        for (const chart of ['ops', 'bytes', 'latency']) {
          const keys = await page.locator(`#chart-firehose-${chart} .legend b`).allTextContents();
          expect(keys.filter((text) => /^[\d,.]+(ms|s)?$/.test(text)).length, chart).toBe(keys.length);
          expect(await page.locator(`#chart-firehose-${chart} .cursor`).textContent()).toMatch(/^at 2[6-9]\.5s$/);
        }
        const value = await page.locator('#chart-firehose-ops .legend b').first().textContent();
        expect(Number(value)).toBe(50);
      });

      test('zoom into a time by dragging, all together, and out again', async () => {
        const { page } = await open(path, 1200);
        const box = await page.locator('#chart-firehose-ops .plot').boundingBox();
        if (box === null) throw new Error('no plot');
        await page.mouse.move(box.x + box.width * 0.5, box.y + 50);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 4 });
        await page.mouse.up();
        for (const chart of ['ops', 'latency']) {
          const shown = await labels(page, chart);
          expect(shown).toContain('30s');
          expect(shown).not.toContain('0s');
        }
        await page.getByRole('button', { name: 'Show all of the time' }).click();
        expect(await labels(page, 'ops')).toContain('0s');
      });

      test('follow the keyboard', async () => {
        const { page } = await open(path, 1200);
        const plot = page.locator('#chart-firehose-ops .plot');
        await plot.focus();
        for (const key of ['ArrowRight', 'ArrowRight', 'Shift+ArrowRight']) await plot.press(key);
        expect(await page.locator('#chart-firehose-bytes .cursor').textContent()).toBe('at 11.5s');
        await plot.press('+');
        expect(await labels(page, 'bytes')).not.toContain('50s');
        await plot.press('Escape');
        expect(await labels(page, 'bytes')).toContain('50s');
      });

      test('leave a series out when its name is pressed', async () => {
        const { page } = await open(path, 1200);
        const lines = page.locator('#chart-firehose-ops svg .line');
        expect(await lines.count()).toBe(2);
        const button = page.locator('#chart-firehose-ops .legend button').first();
        await button.click();
        expect([await lines.count(), await button.getAttribute('aria-pressed')]).toEqual([1, 'false']);
      });

      test('are there without a script, and on paper in the light colours', async () => {
        const context = await browser.newContext({ javaScriptEnabled: false, colorScheme: 'dark' });
        const page = await context.newPage();
        await page.goto(`file://${path}`);
        expect(await page.locator('figure svg .line').count()).toBeGreaterThan(4);
        await page.emulateMedia({ media: 'print' });
        const pdf = await page.pdf();
        expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
        await context.close();
        const { page: paper } = await open(path, 1200, 'dark');
        await paper.emulateMedia({ media: 'print', colorScheme: 'dark' });
        expect(await paper.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
      });

      test('have all their values in their tables', async () => {
        const { page } = await open(path, 1200);
        const table = page.locator('#chart-firehose-latency table');
        expect(await table.locator('thead th').allTextContents()).toEqual([
          'seconds',
          'GET p50, ms',
          'GET p99, ms',
          'PUT p50, ms',
          'PUT p99, ms',
          'errors',
        ]);
        expect(await table.locator('tbody tr').count()).toBe(60);
      });
    });

    test('nothing but its own script runs in it, whatever a server has said', async () => {
      const path = await pageOf(richResult());
      const html = readFileSync(path, 'utf8').replace('</main>', '<script>document.title="taken"</script></main>');
      const changed = join(folder, 'changed.html');
      writeFileSync(changed, html);
      const { page, said } = await open(changed, 1200);
      expect(await page.title()).not.toBe('taken');
      expect(said.join()).toMatch(/Content Security Policy/);
    });
  });
} else notRun('the page in a browser', 'chromium');
