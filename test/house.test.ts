/** Rules of the layout that no import shows. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../lib/s3/commands';
import { ROOT } from './k6';

/** Paths below a folder, from the project's root, that end so; tests apart. */
const files = (folder: string, end: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(end) && !/\.test\.ts$|_test\.go$/.test(path))
    .map((path) => `${folder}/${path}`);

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

test('nothing in lib knows a workload by its name', () => {
  // "delete" is what commands do, too.
  const names = files('scripts', '.ts')
    .map((path) => basename(path, '.ts'))
    .filter((name) => name !== 'delete');
  const known = new RegExp(`['"\`](?:${names.join('|')})['"\`]`);
  expect(names.length).toBeGreaterThan(8);
  expect(files('lib', '.ts').filter((path) => known.test(read(path)))).toEqual([]);
});

test('no two exported types have one name', () => {
  const places = new Map<string, string[]>();
  for (const path of [...files('lib', '.ts'), ...files('runners', '.ts')]) {
    for (const [, name = ''] of read(path).matchAll(/^export (?:abstract )?(?:interface|type|class) (\w+)/gm)) {
      places.set(name, [...(places.get(name) ?? []), path]);
    }
  }
  expect([...places].filter(([, paths]) => paths.length > 1)).toEqual([]);
});

test('the native engine knows no operation by name', () => {
  // Names of HTTP's methods are no operations.
  const ops = [...COMMANDS.keys()].filter((op) => !['GET', 'PUT', 'POST', 'HEAD', 'DELETE'].includes(op));
  const known = new RegExp(`"(?:${ops.join('|')})"`);
  const go = files('extension', '.go');
  expect(go.length).toBeGreaterThan(30);
  expect(go.filter((path) => known.test(read(path)))).toEqual([]);
});

test('README names every room', () => {
  const rooms = ['lib', 'runners', 'extension'].flatMap((top) =>
    readdirSync(join(ROOT, top), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [`${top}/${entry.name}`] : [],
    ),
  );
  const pages = read('README.md');
  expect(rooms.filter((room) => !pages.includes(`(${room})`) && !pages.includes(`(${room}/`))).toEqual([]);
});
