/**
 * The Go tests of extension/ and tools/credentials, each by its name, with the race detector where this machine has what that takes. Go compiles them
 * once and keeps what passed: a second run of what has not changed takes seconds.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../runners/process/child';
import { ROOT } from './k6';
import { missing } from './servers';

const EXTENSION = join(ROOT, 'extension');
const MODULES = [EXTENSION, join(ROOT, 'tools', 'credentials')];
const MINUTES = 60_000;
const noGo = (await missing(['go'])).length > 0;
const raced = (await missing(['gcc'])).length === 0;

async function go(args: readonly string[], more: NodeJS.ProcessEnv = {}, cwd = EXTENSION) {
  const env = { ...process.env, GOWORK: 'off', ...(raced ? { CGO_ENABLED: '1' } : {}), ...more };
  return run('go', args, { env, cwd, timeoutMs: 15 * MINUTES });
}

/** An event of `go test -json`: https://pkg.go.dev/cmd/test2json */
interface GoEvent {
  readonly Action: string;
  readonly Package?: string;
  readonly ImportPath?: string;
  readonly Test?: string;
  readonly Output?: string;
}

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
}

/** What became of each test, by package; a package that can't be built is a test of its own that failed. */
function outcomesOf(stdout: string): Map<string, Outcome[]> {
  const outputs = new Map<string, string>();
  const packages = new Map<string, Outcome[]>();
  const events = stdout.split('\n').flatMap((line): GoEvent[] => (line.startsWith('{') ? [JSON.parse(line)] : []));
  for (const { Action, Package = '', ImportPath = '', Test = '', Output = '' } of events) {
    const id = `${Package || ImportPath.split(' ')[0]} ${Test}`;
    if (Action === 'output' || Action === 'build-output') outputs.set(id, (outputs.get(id) ?? '') + Output);
    // Rows of a table are in the output of the test that has them.
    if (Test.includes('/') || (Action !== 'pass' && Action !== 'fail')) continue;
    if (Test === '' && Action === 'pass') continue;
    const outcome = { name: Test || 'builds and ends', passed: Action === 'pass', output: outputs.get(id) ?? '' };
    packages.set(Package, [...(packages.get(Package) ?? []), outcome]);
  }
  return packages;
}

if (noGo) {
  test.skipIf(process.env.CI !== 'true')('not run, for this machine lacks go', () => expect.fail('no Go'));
} else {
  const args = ['test', '-json', '-parallel=16', ...(raced ? ['-race'] : []), './...'];
  const tested: Array<Awaited<ReturnType<typeof go>>> = [];
  for (const module of MODULES) tested.push(await go(args, {}, module));
  const packages = outcomesOf(tested.map(({ stdout }) => stdout).join('\n'));
  const stderr = tested.map((each) => each.stderr).join('\n');

  test('there are tests', () => expect([...packages.values()].flat().length, stderr).toBeGreaterThan(60));

  for (const [name, outcomes] of packages) {
    describe(name.replace('s3loadtest/', ''), () => {
      test.each(outcomes)('$name', ({ passed, output }) => {
        if (!passed) expect.fail(output);
      });
    });
  }

  test.each(MODULES)('go vet finds nothing in %s', { timeout: 10 * MINUTES }, async (module) => {
    const { code, stdout, stderr } = await go(['vet', './...'], {}, module);
    expect(code, stdout + stderr).toBe(0);
  });

  test('nor in what is different on macOS', { timeout: 10 * MINUTES }, async () => {
    const system = { GOOS: 'darwin', GOARCH: 'arm64', CGO_ENABLED: '0' };
    const { code, stdout, stderr } = await go(['vet', './usage', './hold'], system);
    expect(code, stdout + stderr).toBe(0);
  });
}
