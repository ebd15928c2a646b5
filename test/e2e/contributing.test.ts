/** CONTRIBUTING.md's worked example, done: its edits are made in a copy of the repository, and its case is run there. */
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../runners/process/child';
import { getTools } from '../../runners/tools/tools';
import { ROOT } from '../k6';
import { temporaryFolder } from '../servers';

let copy: string;

beforeAll(async () => {
  await getTools(['k6', 'versitygw'], { env: process.env, root: ROOT, log: console.error });
  copy = await temporaryFolder();
  const parts = ['lib', 'runners', 'test', 'docs', 'data', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
  for (const part of parts) await cp(join(ROOT, part), join(copy, part), { recursive: true });
  for (const part of ['node_modules', '.tools', 'tools', 'extension'])
    await symlink(join(ROOT, part), join(copy, part));
  await mkdir(join(copy, 'build'));
});

afterAll(async () => {
  if (copy) await rm(copy, { recursive: true, force: true });
});

/** What vitest's JSON has of a test. */
interface TestOutcome {
  readonly status: string;
  readonly fullName: string;
}

interface Edit {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** The hunks of a page's diffs, in order. */
function editsIn(page: string): Edit[] {
  const blocks = [...page.matchAll(/^```diff\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) => {
    const [head = '', ...hunks] = block.split(/^@@\n/m);
    const path = /^\+\+\+ b\/(.*)$/m.exec(head)?.[1] ?? '';
    const side = (hunk: string, without: string) =>
      hunk
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith(without))
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    return hunks.map((hunk) => ({ path, from: side(hunk, '+'), to: side(hunk, '-') }));
  });
}

/** Makes the edits that a section of CONTRIBUTING.md shows. Returns the files. */
async function make(section: string): Promise<string[]> {
  const page = await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const edits = editsIn(page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '');
  for (const { path, from, to } of edits) {
    const text = await readFile(join(copy, path), 'utf8');
    expect(text.split(from), `${path} has this once: ${from}`).toHaveLength(2);
    await writeFile(
      join(copy, path),
      text.replace(from, () => to),
    );
  }
  return [...new Set(edits.map(({ path }) => path))];
}

/** The names of the tests that passed in the copy. */
async function passedTests(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const command = [vitest, 'run', ...args, '--reporter=json'];
  const { code, stdout, stderr } = await run(process.execPath, command, { env, cwd: copy, timeoutMs: 110_000 });
  expect(code, stdout + stderr).toBe(0);
  const { testResults }: { testResults: Array<{ name: string; assertionResults: TestOutcome[] }> } = JSON.parse(stdout);
  // Files run in the order of what is known of their last runs: here, of how busy the machine was.
  const byFile = testResults.toSorted((one, other) => one.name.localeCompare(other.name));
  const all = byFile.flatMap(({ assertionResults }) => assertionResults);
  return all.flatMap(({ status, fullName }) => (status === 'passed' ? [fullName] : []));
}

test('a new section of a report is a table and a row', async () => {
  expect(await make('A new section of a report')).toEqual([
    'runners/report/tables/run.ts',
    'runners/report/sections.ts',
    'runners/report/formats.test.ts',
  ]);
  const args = ['runners/report/formats.test.ts', '-t', 'retries are a section of every format'];
  expect(await passedTests(args)).toEqual(['retries are a section of every format']);
}, 60_000);

test('a new command is one row, one case and one line of docs', async () => {
  expect(await make('A new command')).toEqual([
    'lib/s3/commands.ts',
    'test/conformance/commands.ts',
    'test/conformance/proofs.ts',
    'docs/commands.md',
  ]);
  const env = { ...process.env, S3LOADTEST_BACKEND: 'http', CONFORMANCE_CASES: 'GET_BUCKET_LOCATION' };
  const args = ['lib/s3/commands.test.ts', 'test/conformance', '-t', 'GET_BUCKET_LOCATION|every row'];
  const passed = await passedTests(args, env);
  // As many as this machine has servers.
  const atServers = passed.filter((name) => /the server has GET_BUCKET_LOCATION/.test(name));
  expect(atServers.length).toBeGreaterThan(0);
  expect(passed.filter((name) => !atServers.includes(name))).toEqual([
    expect.stringMatching(/^GET_BUCKET_LOCATION is known by its op/),
    expect.stringMatching(/^GET_BUCKET_LOCATION is a row/),
    'every row of lib/s3/commands.ts has its case',
    // It did what the case says, the metrics say the same, and the server saw those requests.
    expect.stringMatching(/misbehaves the row of GET_BUCKET_LOCATION/),
    expect.stringMatching(/metrics 'the row of GET_BUCKET_LOCATION/),
    expect.stringMatching(/calls for 'the row of GET_BUCKET_LOCATION/),
    'GET_BUCKET_LOCATION is proved',
  ]);
}, 120_000);
