/**
 * From a bare clone to a built project: `node runners/bootstrap.mjs [command …]`. Installs what package-lock.json names
 * unless that is done, bundles scripts/ and the CLI into build/, then runs the CLI with what follows. Plain JavaScript,
 * because it must run before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** The script of workload files. */
const WORKLOAD = 'workload.ts';
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function install() {
  // npm writes this file last, so it is older than the lock file when an installation is missing, stale or half done.
  if (modified(`${root}node_modules/.package-lock.json`) >= modified(`${root}package-lock.json`)) return;
  console.error('installing packages …');
  // A CLI that was started by npm hands npm's own settings down; they are right for the inner one, too.
  // Not `npm ci`: it refuses a lock file that lacks optional packages for other platforms, which mirrors may not have.
  // Versions are the lock file's all the same, and --no-save leaves that as it is.
  const npm = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) {
    console.error(`npm install failed${npm.error ? `: ${npm.error.message}` : ''}`);
    process.exit(1);
  }
  // npm leaves its file as it was when nothing was missing, and would be asked again at every start.
  const now = new Date();
  utimesSync(`${root}node_modules/.package-lock.json`, now, now);
}

async function build() {
  const [{ build: bundle }, { bundleForK6 }] = await Promise.all([import('esbuild'), import('./bundle.mjs')]);
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const scripts = readdirSync(`${root}scripts`).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const written = scripts.filter((name) => name !== WORKLOAD);
  const patterns = written
    .map((name) => name.slice(0, -3))
    .filter((name) => name !== 'all' && !name.startsWith('bench-'));
  const common = {
    absWorkingDir: root,
    // For the lines of a stack. k6 reads it with the script, so what the files say is not in there once more.
    sourcemap: true,
    sourcesContent: false,
    outdir: 'build',
    define: { VERSION: JSON.stringify(version), PATTERNS: JSON.stringify(patterns.join(',')) },
  };
  // What a report's page has in it, as text: it is one file.
  const page = async (file, options) => {
    const made = await bundle({
      absWorkingDir: root,
      entryPoints: [`runners/report/${file}`],
      bundle: true,
      minify: true,
      write: false,
      logLevel: 'error',
      ...options,
    });
    return JSON.stringify(made.outputFiles[0].text.trim());
  };
  const REPORT_SCRIPT = await page('browser/page.ts', { format: 'iife', target: 'es2022' });
  const REPORT_STYLE = await page('page/style.css', {});
  await Promise.all([
    bundleForK6({ ...common, entryPoints: written.map((name) => `scripts/${name}`) }),
    // Two packages are in it, and a ConfigMap takes a megabyte.
    bundleForK6({ ...common, minify: true, entryPoints: [`scripts/${WORKLOAD}`] }),
    bundle({
      ...common,
      bundle: true,
      format: 'esm',
      logLevel: 'error',
      define: { ...common.define, REPORT_SCRIPT, REPORT_STYLE },
      entryPoints: { cli: 'runners/cli.ts' },
      outExtension: { '.js': '.mjs' },
      platform: 'node',
      packages: 'external',
      target: 'node20',
      banner: { js: '#!/usr/bin/env node' },
    }),
  ]);
}

install();
try {
  await build();
} catch (e) {
  console.error(`build failed: ${e.message}`);
  process.exit(1);
}
const [command, ...rest] = process.argv.slice(2);
if (command !== undefined) {
  const cli = `${root}build/cli.mjs`;
  process.argv = [process.argv[0], cli, command, ...rest];
  await import(pathToFileURL(cli).href);
}
