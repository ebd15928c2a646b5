/** A workload file's text, read and checked: what it says, or all that is wrong with it, a line each. Runs in k6 and in Node. */
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { type Document, isMap, isNode, isScalar, type Pair } from 'yaml';
import { ConfigError } from '../../settings/config';
import { settingOf } from '../../settings/options';
import type { WorkloadFile } from './document';
import { FORMATS } from './formats';
import type { Mistake } from './mistake';
import { mistakesIn } from './mistakes';
import { SCHEMA } from './schema';
import { parseYaml, plain } from './yaml';

/** Who has made so many mistakes has given another file. */
const MOST_PROBLEMS = 60;

/** @throws ConfigError with a line for each problem: `web.yaml:3:7: loads[0].rate is "fast": give …` */
export function readWorkloadFile(name: string, text: string): WorkloadFile {
  const { doc, value, place } = parseYaml(name, text);
  const mistakes = value === null ? [EMPTY] : problemsOf(value);
  if (mistakes.length === 0) return value as WorkloadFile;
  const found = mistakes.map(({ path, isKey, says }) => {
    const { offset, value: at } = nodeAt(doc, value, path, isKey === true);
    return { offset, line: `${place(offset)}: ${says(pathText(path), shown(at))}` };
  });
  const inOrder = found.sort((a, b) => a.offset - b.offset).map(({ line }) => line);
  throw new ConfigError([...new Set(inOrder)].slice(0, MOST_PROBLEMS));
}

const EMPTY: Mistake = { path: [], says: () => 'the file is empty: `s3loadtest example` prints one' };

let matches: ValidateFunction<WorkloadFile> | undefined;

/** Made when a file is read: what the CLI hands on to k6 needs none. */
function matcher(): ValidateFunction<WorkloadFile> {
  const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true, strict: false });
  // A number is as good as its text: 500 for "500".
  ajv.addKeyword({
    keyword: 'reads',
    validate: (format: string, value: unknown) =>
      (typeof value === 'string' || typeof value === 'number') && FORMATS[format]?.(String(value)) === true,
  });
  return ajv.compile<WorkloadFile>(SCHEMA);
}

/** By the schema; what it can't say only where that is kept. */
function problemsOf(value: unknown): Mistake[] {
  matches ??= matcher();
  if (!matches(value)) return (matches.errors ?? []).flatMap(mistakeOf);
  return [...mistakesIn(value), ...settingProblems(value)];
}

function settingProblems({ settings = {} }: WorkloadFile): Mistake[] {
  return Object.entries(settings).flatMap(([option, value]): Mistake[] => {
    const path = ['settings', option];
    const row = settingOf(option);
    if (row === undefined || row.secret) {
      return [
        {
          path,
          isKey: true,
          says: (at) => `${at} is no setting that a file may have: \`s3loadtest run --help\` lists options`,
        },
      ];
    }
    if (row.parse(String(value)) !== undefined) return [];
    return [{ path, says: (at, shown) => `${at} is ${shown}: give ${row.expected}` }];
  });
}

/** What one error of the schema means to who wrote the file. Errors of an alternative are left to the whole of them. */
function mistakeOf({ instancePath, keyword, params, parentSchema, schemaPath }: ErrorObject): Mistake[] {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { description = 'another value' } = parentSchema as { description?: string };
  if (/\/anyOf\/\d/.test(schemaPath)) return [];
  switch (keyword) {
    case 'additionalProperties': {
      const key = String(params.additionalProperty);
      const known = Object.keys((parentSchema as { properties: object }).properties);
      const [like] = known.filter((each) => isLike(each, key));
      const remedy = like === undefined ? known.join(', ') : like;
      return [{ path: [...path, key], isKey: true, says: (at) => `${at} is not known: give ${remedy}` }];
    }
    case 'required':
      return [{ path, says: (at) => `${at === '' ? '' : `${at}.`}${params.missingProperty} is missing` }];
    case 'propertyNames':
    case 'if':
      return [];
    default:
      return [{ path, says: (at, shown) => `${at || 'the file'} is ${shown}: give ${description}` }];
  }
}

/** Whether one may have been meant by the other: `ratio` is not `rate`, `Get` is `GET`. */
function isLike(known: string, typed: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '');
  const [a, b] = [plain(known), plain(typed)];
  return a === b || `${a}s` === b || a === `${b}s`;
}

/** `loads[0].rate` */
function pathText(path: readonly string[]): string {
  return path.reduce((text, part) => {
    if (/^\d+$/.test(part)) return `${text}[${part}]`;
    // A key may be any text.
    const key = /^[\w.-]{1,60}$/.test(part) ? part : shown(part);
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text =
    typeof value === 'object' && value !== null
      ? `a ${Array.isArray(value) ? 'list' : 'section'}`
      : JSON.stringify(value);
  return plain(text);
}

/** Where in the text a path leads to: to its value, or to its key. The deepest that is there, of one that is not. */
function nodeAt(doc: Document, whole: unknown, path: readonly string[], isKey: boolean) {
  const keys = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  for (let depth = keys.length; depth > 0; depth--) {
    const parent = doc.getIn(keys.slice(0, depth - 1), true);
    const last = keys[depth - 1];
    const pair = isMap(parent)
      ? (parent.items as Pair[]).find(({ key }) => isScalar(key) && key.value === last)
      : undefined;
    const node =
      pair !== undefined && (isKey || !isNode(pair.value)) ? pair.key : doc.getIn(keys.slice(0, depth), true);
    if (!isNode(node)) continue;
    const value = doc.getIn(keys.slice(0, depth), false);
    return {
      offset: node.range?.[0] ?? 0,
      value: depth < keys.length ? undefined : isNode(value) ? value.toJS(doc) : value,
    };
  }
  return { offset: doc.contents?.range?.[0] ?? 0, value: whole };
}
