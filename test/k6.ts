/** Bundles the conformance suite and runs it in k6. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FROM_CLI } from '../lib/result/protocol';
import type { Backend } from '../lib/settings/config';
import { bundleForK6 } from '../runners/bundle.mjs';
import { run } from '../runners/process/child';
import { CASE_MARK, type CaseLine, REPORT_MARK, WROTE_MARK } from './conformance/case';
import type { SuiteName } from './conformance/suites';
import type { Server } from './servers';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Makes the k6 script of the suite, and returns its path. */
export async function bundleSuite(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const outfile = join(folder, 'conformance.js');
  await bundleForK6({
    absWorkingDir: ROOT,
    entryPoints: ['test/conformance/conformance.k6.ts'],
    outfile,
    sourcemap: 'inline',
    define: { VERSION: JSON.stringify(version) },
  });
  return outfile;
}

interface SuiteOptions {
  k6: string;
  bundle: string;
  folder: string;
  backend: Backend;
  /** Where k6-jslib-aws is; undefined for where it is published. */
  jslibUrl: string | undefined;
  suite: SuiteName;
  server: Omit<Server, 'endpoints'>;
  endpoints: readonly string[];
  bucket: string;
  /** Whether certificates are checked, against the server's CA and those of the machine. */
  verify?: boolean;
  trust?: string;
  /** Further arguments of k6. */
  args?: readonly string[];
}

/** What came of a run of the suite. */
export interface SuiteRun {
  readonly exit: number | null;
  readonly cases: ReadonlyMap<string, CaseLine>;
  readonly reports: Readonly<Record<string, unknown>>;
  /** What is to be in the bucket: sha256 by key. */
  readonly wrote: Readonly<Record<string, string>>;
  /** All that k6 said, to be shown when something is wrong. */
  readonly said: string;
}

/** Runs one suite to its end. It takes nothing from this machine's environment or `.env` files but what is named here. */
export async function runSuite(options: SuiteOptions): Promise<SuiteRun> {
  const { k6, bundle, folder, suite, server } = options;
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: folder,
    // As the CLI does: all settings are here, and no .env file is looked for.
    [FROM_CLI.present]: '1',
    K6_AUTO_EXTENSION_RESOLUTION: 'false',
    CONFORMANCE_SUITE: suite,
    CONFORMANCE_CASES: process.env.CONFORMANCE_CASES ?? '',
    S3LOADTEST_BACKEND: options.backend,
    S3POOL_BINARY: 'none',
    S3LOADTEST_JSLIB_URL: options.jslibUrl,
    [FROM_CLI.extension]: options.backend === 'native' ? '1' : '',
    S3_ENDPOINTS: options.endpoints.join(','),
    S3_BUCKET: options.bucket,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_REGION: server.region,
    S3_VERIFY_SSL: String(options.verify ?? false),
    S3LOADTEST_TIMEOUT: '20s',
    ...(options.trust === undefined ? {} : { SSL_CERT_FILE: options.trust }),
  };
  const flags = ['--quiet', '--no-usage-report', '--summary-mode=disabled', '--log-format=raw'];
  const args = ['run', ...flags, ...(options.args ?? []), bundle];
  const { code, stdout, stderr } = await run(k6, args, { env, cwd: folder, timeoutMs: 110_000 });
  const said = stdout + stderr;
  const marked = <T>(mark: string): T[] =>
    said
      .split('\n')
      .filter((line) => line.startsWith(mark))
      .map((line) => JSON.parse(line.slice(mark.length)));
  return {
    exit: code,
    cases: new Map(marked<CaseLine>(CASE_MARK).map((line) => [line.name, line])),
    reports: Object.fromEntries(marked<{ name: string; value: unknown }>(REPORT_MARK).map((r) => [r.name, r.value])),
    wrote: marked<Record<string, string>>(WROTE_MARK)[0] ?? {},
    said,
  };
}
