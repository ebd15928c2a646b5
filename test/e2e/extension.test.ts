/** The Go tests of extension/, with the race detector where this machine has what that takes. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../runners/process/child';
import { ROOT } from '../k6';
import { missing } from '../servers';

const EXTENSION = join(ROOT, 'extension');
const noGo = await missing(['go']);
const raced = (await missing(['gcc'])).length === 0;

async function go(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = { ...process.env, GOWORK: 'off', ...(raced ? { CGO_ENABLED: '1' } : {}), ...more };
  const { code, stdout, stderr } = await run('go', args, { env, cwd: EXTENSION, timeoutMs: 550_000 });
  return code === 0 ? '' : stdout + stderr;
}

if (noGo.length === 0) {
  test('go vet finds nothing', async () => expect(await go(['vet', './...'])).toBe(''), 600_000);
  test('go vet finds nothing in what is different on macOS', async () => {
    expect(await go(['vet', './usage', './slow'], { GOOS: 'darwin', GOARCH: 'arm64', CGO_ENABLED: '0' })).toBe('');
  }, 600_000);
  test(
    'the tests pass',
    async () => expect(await go(['test', '-parallel=16', ...(raced ? ['-race'] : []), './...'])).toBe(''),
    600_000,
  );
} else {
  test.skipIf(process.env.CI !== 'true')('not run, for this machine lacks go', () => expect.fail('no Go'));
}
