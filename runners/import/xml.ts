/** XML as elements with attributes, each with its place. Text between tags is left out: no format that is imported has any. Pure. */
import { SaxesParser } from 'saxes';
import { ConfigError } from '../../lib/settings/config';

/** Where something stands in a file; both begin at 1. */
export interface XmlPlace {
  readonly line: number;
  readonly column: number;
}

export interface XmlAttribute {
  readonly value: string;
  /** Where the value begins. */
  readonly at: XmlPlace;
}

export interface XmlElement {
  readonly name: string;
  readonly at: XmlPlace;
  readonly attributes: ReadonlyMap<string, XmlAttribute>;
  readonly children: readonly XmlElement[];
}

interface OpenElement extends XmlElement {
  readonly attributes: Map<string, XmlAttribute>;
  readonly children: XmlElement[];
}

/** Deeper than any such format: what is, was made to be. */
const DEEPEST = 100;

/**
 * The root element. A `<` within an attribute's value is taken as it stands: samples have their placeholders so.
 * Neither a DOCTYPE nor an entity that XML does not have by itself is read.
 * @throws ConfigError with one line: `load.xml:3:7: …`. It shows no value: that may be a key
 */
export function readXml(name: string, text: string): XmlElement {
  if (text.trim() === '') throw new ConfigError([`${name}: the file is empty: give an XML file`]);
  const placeOf = places(text);
  const fail = (offset: number, says: string): never => {
    const { line, column } = placeOf(offset);
    throw new ConfigError([`${name}:${line}:${column}: ${says}`]);
  };
  const first = text.search(/\S/);
  if (text[first] !== '<') fail(first, 'this is no XML: it begins with text');
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let closed: OpenElement | undefined;
  let root: XmlElement | undefined;
  let began = 0;
  let attributes = new Map<string, XmlAttribute>();
  parser.on('error', ({ message }) => {
    const says = message.replace(/^\d+:\d+: /, '');
    if (says === 'disallowed character.' && text[parser.position - 1] === '<') return;
    const read = Math.max(0, parser.position - 1);
    const sign = /clos(e|ing) tag/.test(says) ? '<' : /entity/.test(says) ? '&' : undefined;
    const at = sign === undefined ? read : text.lastIndexOf(sign, read);
    fail(at, problemOf(says, root, says.startsWith('unexpected close') ? closed : open.at(-1)));
  });
  parser.on('doctype', () => fail(text.search(/<!DOCTYPE/i), 'a DOCTYPE is not read: take it out'));
  parser.on('opentagstart', () => {
    began = text.lastIndexOf('<', parser.position - 1);
    attributes = new Map();
  });
  parser.on('attribute', ({ name: key, value }) => {
    const end = parser.position - 1;
    const start = text.lastIndexOf(text[end] as string, end - 1) + 1;
    attributes.set(key, { value, at: placeOf(start) });
  });
  parser.on('opentag', ({ name: tag }) => {
    if (open.length >= DEEPEST) fail(began, `this is element ${DEEPEST + 1} within another: no such file goes as deep`);
    const element: OpenElement = { name: tag, at: placeOf(began), attributes, children: [] };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => {
    closed = open.pop();
  });
  parser.write(text).close();
  return root ?? fail(0, 'this is no XML: it has no element');
}

/** The parser's words as what to do. */
function problemOf(says: string, root: XmlElement | undefined, within: XmlElement | undefined): string {
  if (/entity/.test(says))
    return 'an & stands for itself here: write &amp;. Entities that a file declares are not read';
  if (/^(unclosed tag|unexpected end)/.test(says)) {
    return within === undefined
      ? 'the file ends too early'
      : `the file ends, and <${within.name}> of line ${within.at.line} is open: close it`;
  }
  if (/^(unmatched closing tag|unexpected close tag)/.test(says)) {
    return within === undefined
      ? 'this closes an element that is not open: take it out'
      : `this closes an element that is not open: <${within.name}> of line ${within.at.line} is`;
  }
  const [, twice] = /^duplicate attribute: (.+)\.$/.exec(says) ?? [];
  if (twice !== undefined) return `attribute ${twice} is there twice: leave one of them out`;
  if (/root/.test(says) && root !== undefined)
    return 'this stands behind the end of the outermost element: take it out';
  return `this is no XML: ${says.replace(/[.:]? *$/, '')}`;
}

/** Line and column of an offset. */
function places(text: string): (offset: number) => XmlPlace {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  };
}
