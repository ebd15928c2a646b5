/** A converted workload as YAML, with what was not carried over as comments at its place. Pure. */
import { Document, isMap, isScalar, isSeq, type Pair, Scalar, type YAMLMap } from 'yaml';
import type { Converted, Note } from './convert';

/** Where comments are folded. */
const WIDTH = 110;

/** `source` is the file's name. */
export function toYaml(source: string, { file, settings, notes, origins }: Converted): string {
  const doc = new Document(file);
  const root = doc.contents as unknown as YAMLMap;
  for (const key of ['operations', 'objects', 'buckets']) inLine(root, key);
  const loads = root.get('loads', true);
  const items = isSeq(loads) ? loads.items.filter(isMap) : [];
  for (const [i, load] of items.entries()) {
    for (const key of ['operations', 'objects']) inLine(load, key);
    load.commentBefore = comment([`COSBench's ${origins[i]}`, ...told(notes.filter((note) => note.load === i))]);
  }
  doc.commentBefore = comment([
    `From COSBench's ${source}`,
    `Set for a run: ${settings.join(', ')}`,
    ...told(notes.filter(({ load }) => load === undefined)),
  ]);
  const first = items.length === 0 ? keyOf(root, 'operations') : undefined;
  if (first !== undefined) {
    first.commentBefore = comment([`COSBench's ${origins[0]}`, ...told(notes.filter(({ load }) => load === 0))]);
  }
  return doc.toString({ lineWidth: 0 });
}

/** As one line, where it is short. */
function inLine(map: YAMLMap, key: string): void {
  const value = map.get(key, true);
  if (isMap(value)) value.flow = JSON.stringify(value).length < WIDTH;
}

function keyOf(map: YAMLMap, key: string): Scalar | undefined {
  const pair = (map.items as Pair[]).find((each) => isScalar(each.key) && each.key.value === key);
  return pair?.key instanceof Scalar ? pair.key : undefined;
}

const told = (notes: readonly Note[]): string[] =>
  merged(notes).map(({ says, lines }) => `${says} (line${lines.length > 1 ? 's' : ''} ${lines.join(', ')})`);

/** The same that is said of several lines, once. */
export function merged(notes: readonly Note[]): { says: string; lines: number[] }[] {
  const places = new Map<string, Set<number>>();
  for (const { at, says } of notes) places.set(says, (places.get(says) ?? new Set()).add(at.line));
  return [...places].map(([says, lines]) => ({ says, lines: [...lines].sort((a, b) => a - b) }));
}

/** Lines of a comment, each begun with a space; what follows a first line is indented. */
function comment(texts: readonly string[]): string {
  return texts
    .flatMap(folded)
    .map((line) => ` ${line}`)
    .join('\n');
}

function folded(text: string): string[] {
  // Nothing that was read may end a comment, or move a terminal's cursor.
  const words = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').split(' ');
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `  ${word}`);
  }
  return lines;
}
