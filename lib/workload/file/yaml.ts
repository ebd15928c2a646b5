/** A workload file's text as a YAML document, or what keeps it from being one. Runs in k6 and in Node. */
import {
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  Parser,
  parseDocument,
  visit,
} from 'yaml';
import { ConfigError } from '../../settings/config';

export interface ParsedYaml {
  readonly doc: Document;
  /** What it says, as JSON would. */
  readonly value: unknown;
  /** `web.yaml:3:7` of an offset in the text. */
  place(offset: number): string;
}

/** Aliases make a small file large. */
const MOST_ALIASES = 100;
/** No file needs more; the parser takes longer and longer for it. */
const MOST_BYTES = 1024 ** 2;
/** What goes deeper than any workload takes the parser's memory, and with enough of it the process. */
const DEEPEST = 50;
/** Who has made so many mistakes has given another file. */
const MOST_PROBLEMS = 60;
/** Much of a value is no help. */
const SHOWN = 60;

/** @throws ConfigError with a line for each thing that is no YAML */
export function parseYaml(name: string, text: string): ParsedYaml {
  const lines = new LineCounter();
  const refuse = (...problems: string[]) => new ConfigError(problems.slice(0, MOST_PROBLEMS));
  if (text.length > MOST_BYTES) throw refuse(`${name}:1:1: the file has more than 1MB: workload files are smaller`);
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const deep = tooDeep(tokens);
  if (deep !== undefined) throw refuse(`${place(deep)}: this is within ${DEEPEST} others: workload files go less deep`);
  const doc = parseDocument(text, { prettyErrors: false, uniqueKeys: false });
  const broken = doc.errors.map(({ pos: [at], message }) => `${place(at)}: ${problemOf(message)}`);
  if (broken.length > 0) throw refuse(...broken);
  const wrong = wrongNames(doc).map(({ at, says }) => `${place(at)}: ${says}`);
  if (wrong.length > 0) throw refuse(...wrong);
  try {
    return { doc, place, value: doc.toJS({ maxAliasCount: MOST_ALIASES }) };
  } catch (e) {
    throw refuse(`${name}:1:1: ${plain((e as Error).message)}: write it out`);
  }
}

/** One line, and not all of a long one. */
export function plain(text: string, most = SHOWN): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

/** Offset of the first token that is within too many others. The parser of tokens needs no memory for depth, others do. */
function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > DEEPEST) return token.offset;
    if (token.type === 'document' && token.value) open.push({ token: token.value, depth });
    for (const { key, value } of 'items' in token ? token.items : []) {
      for (const inner of [key, value]) if (inner) open.push({ token: inner, depth: depth + 1 });
    }
  }
  return undefined;
}

/** YAML's own words, which name the sign and not the remedy for what is typed most often. */
function problemOf(message: string): string {
  const [first = ''] = message.split('\n');
  if (/tab/i.test(first)) return 'a tab indents this line: YAML takes spaces only';
  return `this is no YAML: ${plain(`${first.charAt(0).toLowerCase()}${first.slice(1)}`, 200)}`;
}

/** Keys that are there twice, of which one would be lost, and aliases of nothing. */
function wrongNames(doc: Document): { at: number; says: string }[] {
  const wrong: { at: number; says: string }[] = [];
  const anchors = new Set<string>();
  visit(doc, (_, node) => {
    if (isAlias(node)) {
      const says = `*${plain(node.source)} is the name of nothing above: write out what it stands for`;
      if (!anchors.has(node.source)) wrong.push({ at: node.range?.[0] ?? 0, says });
    } else if (isNode(node) && node.anchor !== undefined) anchors.add(node.anchor);
    const taken = new Set<string>();
    for (const { key } of isMap(node) ? node.items : []) {
      if (!isScalar(key)) continue;
      const name = String(key.value ?? '');
      if (taken.has(name))
        wrong.push({ at: key.range?.[0] ?? 0, says: 'this key is there twice: leave one of them out' });
      taken.add(name);
    }
  });
  return wrong;
}
