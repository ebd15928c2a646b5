import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/**
 * Imports go one way: scripts → lib, runners → those files of lib that run outside k6. This reads imports with regular
 * expressions, which is enough for the forms that the formatter leaves.
 */

type Files = Readonly<Record<string, string>>;

interface Import {
  /** A file of the project by its path, or a module by its name. */
  readonly of: string;
  /** Erased before anything runs: `import type`, `export type`. `import { type A }` is not, under verbatimModuleSyntax. */
  readonly typeOnly: boolean;
}

const STATEMENTS = [
  /^[ \t]*import\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"\n]+)['"]/gm,
  /^[ \t]*export\s+(type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+['"]([^'"\n]+)['"]/gm,
  /\b(?:import|require)()\(\s*['"]([^'"\n]+)['"]\s*\)/g,
];

function importsOf(path: string, files: Files): Import[] {
  const source = files[path] ?? '';
  return STATEMENTS.flatMap((pattern) =>
    [...source.matchAll(pattern)].map(([, type, name = '']) => ({
      of: resolve(path, name, files),
      typeOnly: type !== undefined && type !== '',
    })),
  );
}

function resolve(from: string, name: string, files: Files): string {
  if (!name.startsWith('.')) return name;
  const path = posix.join(posix.dirname(from), name);
  return [path, `${path}.ts`, `${path}/index.ts`].find((candidate) => candidate in files) ?? path;
}

const isTest = (path: string) => /\.test\.ts$/.test(path);
const isK6 = (name: string) => /^k6(?:\/|$)/.test(name);
const under = (folder: string, path: string) => path.startsWith(`${folder}/`);

/** The way from a file to a module of k6 by imports of any kind; undefined when there is none. */
function wayToK6(path: string, files: Files, seen: ReadonlySet<string> = new Set()): string[] | undefined {
  if (isK6(path)) return [path];
  if (seen.has(path)) return undefined;
  for (const { of } of importsOf(path, files)) {
    const way = wayToK6(of, files, new Set([...seen, path]));
    if (way) return [path, ...way];
  }
  return undefined;
}

/** The one script that is made of others. */
const OF_ALL = 'scripts/all.ts';
/** What traffic may have of k6: time. Requests and metrics come to it through the contract of a VU. */
const CLOCKS: ReadonlySet<string> = new Set(['k6', 'k6/timers']);
/** What stands above the kinds of traffic: makes patterns into a run of k6. */
const ABOVE_TRAFFIC = /^lib\/(?:pattern|plan|options|script|prepare|recorder|stored|load-config)\.ts$/;

/** Why a file may not import something, or undefined when it may. */
function objection(path: string, imported: string, files: Files): string | undefined {
  if (under('lib/traffic', path) && !isTest(path)) {
    if (isK6(imported) && !CLOCKS.has(imported)) return 'traffic has of k6 nothing but time';
    if (under('lib/s3', imported) && imported !== 'lib/s3/api.ts')
      return 'traffic knows S3 by its contract, lib/s3/api.ts';
    if (ABOVE_TRAFFIC.test(imported)) return 'traffic does not know what makes a run of it';
  }
  if (under('lib', path)) {
    if (under('runners', imported) || under('scripts', imported)) return 'lib knows neither runners nor scripts';
    // Its tests run in Node, it does not: not even the parts that the CLI shares.
    if (!isTest(path) && !under('lib', imported) && !isK6(imported))
      return 'k6 has nothing but lib and its own modules';
  }
  if (under('scripts', path) && !under('lib', imported) && !isK6(imported)) {
    if (!under('scripts', imported)) return 'a script is made of lib alone';
    if (path !== OF_ALL) return `no pattern knows another, only ${OF_ALL} knows them`;
  }
  if (under('runners', path)) {
    if (under('scripts', imported)) return 'runners know patterns by their names';
    // A type of k6's counts, too: what needs it knows of k6.
    const way = under('lib', imported) || isK6(imported) ? wayToK6(imported, files) : undefined;
    if (way) return `the CLI runs outside k6 (${way.join(' → ')})`;
  }
  return undefined;
}

/**
 * Cycles, each as the way round from its file that comes first in the alphabet. Of imports that are there at run time:
 * types are erased, so no order of loading can break on them, and two files may well know each other's shapes.
 */
function cycles(files: Files): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at !== -1) {
      const round = way.slice(at);
      const first = round.indexOf([...round].sort()[0] as string);
      found.add([...round.slice(first), ...round.slice(0, first + 1)].join(' → '));
    } else if (!done.has(path)) {
      for (const { of, typeOnly } of importsOf(path, files)) if (!typeOnly && of in files) visit(of, [...way, path]);
      done.add(path);
    }
  };
  for (const path of Object.keys(files)) visit(path, []);
  return [...found];
}

/** The way from a file to a module of k6 by imports that are there at run time; undefined when there is none. */
function runningWayToK6(path: string, files: Files, seen: ReadonlySet<string> = new Set()): string[] | undefined {
  if (isK6(path)) return [path];
  if (seen.has(path)) return undefined;
  for (const { of, typeOnly } of importsOf(path, files)) {
    const way = typeOnly ? undefined : runningWayToK6(of, files, new Set([...seen, path]));
    if (way) return [path, ...way];
  }
  return undefined;
}

/** Files of lib that say of themselves that they are pure, and load k6 all the same. */
function impure(files: Files): string[] {
  return Object.entries(files).flatMap(([path, source]) => {
    const head = /^\/\*\*[\s\S]*?\*\//.exec(source)?.[0] ?? '';
    if (!under('lib', path) || isTest(path) || !/\bPure\b/.test(head)) return [];
    const way = runningWayToK6(path, files);
    return way === undefined ? [] : [`${path} says that it is pure: ${way.join(' → ')}`];
  });
}

const withoutComments = (source: string) => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

/** Names of patterns that are words of the language, too: these count only where they are a whole text. */
const WORDS: ReadonlySet<string> = new Set(['delete', 'all']);

/** Names of patterns in lib: adding a pattern is adding one file in scripts/. */
function namedPatterns(files: Files): string[] {
  const names = Object.entries(files).flatMap(([path, source]) => {
    if (!under('scripts', path)) return [];
    return [
      posix.basename(path, '.ts'),
      ...[...source.matchAll(/^ {2}name: '([^']+)'/gm)].map(([, name]) => name ?? ''),
    ];
  });
  return Object.entries(files).flatMap(([path, source]) => {
    if (!under('lib', path) || isTest(path)) return [];
    const code = withoutComments(source);
    return [...new Set(names)]
      .filter((name) => new RegExp(WORDS.has(name) ? `(['"\`])${name}\\1` : `\\b${name}\\b`).test(code))
      .map((name) => `${path} knows the pattern ${name}`);
  });
}

/** Everything that is wrong with the imports of these files, and with names that stand for them, a line each. */
function violations(files: Files): string[] {
  const wrong = Object.keys(files).flatMap((path) =>
    importsOf(path, files).flatMap(({ of }) => {
      const reason = objection(path, of, files);
      return reason === undefined ? [] : [`${path} imports ${of}: ${reason}`];
    }),
  );
  return [...wrong, ...impure(files), ...namedPatterns(files), ...cycles(files).map((cycle) => `cycle: ${cycle}`)];
}

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

function project(): Files {
  const files: Record<string, string> = {};
  for (const folder of ['lib', 'runners', 'scripts', 'test']) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (/\.(?:ts|mjs)$/.test(name)) {
        files[posix.join(folder, name)] = readFileSync(join(ROOT, folder, name), 'utf8');
      }
    }
  }
  return files;
}

describe('the project', () => {
  const files = project();

  test('imports go one way and nowhere in a circle, what is pure stays so, and lib knows no pattern', () => {
    expect(violations(files)).toEqual([]);
  });

  test('this is read from its files, not from none', () => {
    const imported = (path: string) => importsOf(path, files).map(({ of }) => of);
    expect(imported('scripts/firehose.ts')).toEqual(
      expect.arrayContaining(['lib/pattern.ts', 'lib/script.ts', 'lib/traffic/mixed.ts']),
    );
    expect(imported('lib/traffic/deleting.ts')).toEqual(expect.arrayContaining(['k6/timers', 'lib/s3/api.ts']));
    expect(imported('lib/s3/send.ts')).toEqual(expect.arrayContaining(['k6/http', 'lib/s3/sign.ts']));
    expect(imported('runners/tools.ts')).toEqual(expect.arrayContaining(['node:fs', 'lib/units.ts']));
    expect(wayToK6('lib/script.ts', files)).toBeDefined();
    expect(wayToK6('lib/config.ts', files)).toBeUndefined();
    expect(wayToK6('lib/options.ts', files)).toBeDefined();
    expect(runningWayToK6('lib/options.ts', files)).toBeUndefined();
    expect(Object.keys(files).filter((path) => under('lib', path) && !isTest(path)).length).toBeGreaterThan(30);
    // One script in lib's place of each pattern's: names are found, in files and in what they say of themselves.
    const lib = { ...files, 'lib/known.ts': "const a = ['firehose', 'delete', 'all', 'bench-unsigned'];" };
    expect(namedPatterns(lib)).toHaveLength(4);
    // Every line that looks like the end of an import was understood as one.
    for (const [path, source] of Object.entries(files)) {
      if (isTest(path)) continue; // their texts may hold imports of other programs
      const lines = source.match(/^(?:import\b|export\b|\}).*\bfrom ['"].*['"];?$/gm) ?? [];
      expect(importsOf(path, files).length, path).toBeGreaterThanOrEqual(lines.length);
    }
  });
});

describe('the check itself', () => {
  test.each<{ files: Files; says: readonly string[]; why: string }>([
    {
      files: {
        'scripts/a.ts': "import { pattern } from '../lib/pattern';",
        'lib/pattern.ts': "import http from 'k6/http';",
      },
      says: [],
      why: 'as it should be',
    },
    {
      files: {
        'runners/a.ts': "import { join } from 'node:path';\nimport { b } from '../lib/b';",
        'lib/b.ts': 'export const b = 1;',
      },
      says: [],
      why: 'a runner may have Node, and what is pure',
    },
    {
      files: { 'lib/a.test.ts': "import { test } from 'vitest';\nimport '../test/k6';" },
      says: [],
      why: "lib's tests run in Node",
    },
    {
      files: { 'lib/a.ts': "import { run } from '../runners/run';", 'runners/run.ts': '' },
      says: ['lib/a.ts imports runners/run.ts: lib knows neither runners nor scripts'],
      why: 'the wrong way',
    },
    {
      files: { 'lib/a.test.ts': "import { run } from '../runners/run';", 'runners/run.ts': '' },
      says: ['lib/a.test.ts imports runners/run.ts: lib knows neither runners nor scripts'],
      why: 'not even in a test',
    },
    {
      files: { 'lib/s3/a.ts': "import type { Run } from '../../scripts/firehose';", 'scripts/firehose.ts': '' },
      says: [
        'lib/s3/a.ts imports scripts/firehose.ts: lib knows neither runners nor scripts',
        'lib/s3/a.ts knows the pattern firehose',
      ],
      why: 'nor for a type',
    },
    {
      files: { 'lib/a.ts': "import { readFileSync } from 'node:fs';" },
      says: ['lib/a.ts imports node:fs: k6 has nothing but lib and its own modules'],
      why: 'k6 is no Node',
    },
    {
      files: { 'lib/a.ts': "import {\n  one,\n  type Two,\n} from 'zx';" },
      says: ['lib/a.ts imports zx: k6 has nothing but lib and its own modules'],
      why: 'an import over several lines',
    },
    {
      files: {
        'scripts/all.ts': "import { b } from './b';\nimport { script } from '../lib/script';",
        'scripts/b.ts': "import { script } from '../lib/script';",
        'lib/script.ts': '',
      },
      says: [],
      why: 'one script has all patterns',
    },
    {
      files: { 'scripts/a.ts': "import { b } from './b';", 'scripts/b.ts': '' },
      says: ['scripts/a.ts imports scripts/b.ts: no pattern knows another, only scripts/all.ts knows them'],
      why: 'a pattern is one file',
    },
    {
      files: {
        'lib/traffic/a.ts':
          "import { sleep } from 'k6';\nimport { setTimeout } from 'k6/timers';\nimport type { S3 } from '../s3/api';",
        'lib/s3/api.ts': '',
        'lib/traffic/a.test.ts': "import { createHttpS3 } from '../s3/client';",
        'lib/s3/client.ts': '',
      },
      says: [],
      why: 'traffic has time and a contract; its tests what they like',
    },
    {
      files: { 'lib/traffic/a.ts': "import http from 'k6/http';" },
      says: ['lib/traffic/a.ts imports k6/http: traffic has of k6 nothing but time'],
      why: 'requests that nobody signs or counts',
    },
    {
      files: { 'lib/traffic/a.ts': "import type { Options } from '../s3/client';", 'lib/s3/client.ts': '' },
      says: ['lib/traffic/a.ts imports lib/s3/client.ts: traffic knows S3 by its contract, lib/s3/api.ts'],
      why: 'whichever backend sends',
    },
    {
      files: { 'lib/traffic/a.ts': "import { planOf } from '../plan';", 'lib/plan.ts': '' },
      says: ['lib/traffic/a.ts imports lib/plan.ts: traffic does not know what makes a run of it'],
      why: 'one way within lib, too',
    },
    {
      files: {
        'lib/a.ts': "/** What is left. Pure. */\nimport { b } from './b';",
        'lib/b.ts': "/** Not so. */\nimport http from 'k6/http';",
      },
      says: ['lib/a.ts says that it is pure: lib/a.ts → lib/b.ts → k6/http'],
      why: 'pure is what loads no k6, at any remove',
    },
    {
      files: { 'lib/a.ts': "/** What is left. Pure. */\nimport type { Options } from 'k6/options';" },
      says: [],
      why: 'a shape is nothing to load',
    },
    {
      files: {
        'scripts/flood.ts': "  name: 'deluge',",
        'lib/a.ts': "// flood\n/** deluge */\nconst text = 'like a deluge, unlike floods';",
      },
      says: ['lib/a.ts knows the pattern deluge'],
      why: 'in a text; not in a comment, nor within a word',
    },
    {
      files: { 'scripts/delete.ts': '', 'lib/a.ts': "const a = 'delete';", 'lib/b.ts': "const b = 'delete from';" },
      says: ['lib/a.ts knows the pattern delete'],
      why: 'some names are words, too',
    },
    {
      files: { 'scripts/a.ts': "import { plan } from '../runners/plan';", 'runners/plan.ts': '' },
      says: ['scripts/a.ts imports runners/plan.ts: a script is made of lib alone'],
      why: 'a script inside k6 can not call what started k6',
    },
    {
      files: { 'runners/a.ts': "import firehose from '../scripts/firehose';", 'scripts/firehose.ts': '' },
      says: ['runners/a.ts imports scripts/firehose.ts: runners know patterns by their names'],
      why: 'adding a pattern is adding one file',
    },
    {
      files: {
        'runners/a.ts': "import { b } from '../lib/b';",
        'lib/b.ts': "export { c } from './c';",
        'lib/c.ts': "import { sleep } from 'k6';",
      },
      says: ['runners/a.ts imports lib/b.ts: the CLI runs outside k6 (lib/b.ts → lib/c.ts → k6)'],
      why: 'k6, at two removes, one of them an export',
    },
    {
      files: {
        'runners/a.ts': "import type { Options } from '../lib/b';",
        'lib/b.ts': "import type { Options } from 'k6/options';",
      },
      says: ['runners/a.ts imports lib/b.ts: the CLI runs outside k6 (lib/b.ts → k6/options)'],
      why: 'types are knowledge',
    },
    {
      files: {
        'runners/a.mjs': "const { b } = await import('../lib/b.ts');",
        'lib/b.ts': "const x = require('k6/x/s3loadtest');",
      },
      says: ['runners/a.mjs imports lib/b.ts: the CLI runs outside k6 (lib/b.ts → k6/x/s3loadtest)'],
      why: 'whatever way it is loaded',
    },
    {
      files: { 'lib/c.ts': "import './a';", 'lib/a.ts': "import './b';", 'lib/b.ts': "import './c';" },
      says: ['cycle: lib/a.ts → lib/b.ts → lib/c.ts → lib/a.ts'],
      why: 'three in a circle, said once',
    },
    { files: { 'lib/a.ts': "export * from './a';" }, says: ['cycle: lib/a.ts → lib/a.ts'], why: 'the shortest circle' },
    {
      files: { 'runners/a.ts': "import './b';\nimport './c';", 'runners/b.ts': "import './c';", 'runners/c.ts': '' },
      says: [],
      why: 'two ways to one file are no circle',
    },
    {
      files: { 'lib/a.ts': "import type { B } from './b';", 'lib/b.ts': "import { a } from './a';" },
      says: [],
      why: 'nor is one that types close: they are gone before anything is loaded',
    },
    {
      files: { 'lib/a.ts': "import { type B } from './b';", 'lib/b.ts': "import { a } from './a';" },
      says: ['cycle: lib/a.ts → lib/b.ts → lib/a.ts'],
      why: 'but these types leave an import behind',
    },
    {
      files: { 'lib/a.ts': "// import { run } from '../runners/run';\nconst text = `import x from 'zx'`;" },
      says: [],
      why: 'comments and texts are none',
    },
  ])('$why', ({ files, says }) => {
    expect(violations(files)).toEqual(says);
  });
});
