/** The text of an XML file: in the encoding that it names. Pure. */
import { ConfigError } from '../../lib/settings/config';

/** @throws ConfigError when its bytes are none of its encoding */
export function decode(name: string, bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (e) {
    const why = e instanceof RangeError ? 'which is not known' : 'and has bytes that are none of it';
    throw new ConfigError([`${name}: the file is in ${encoding.slice(0, 40)}, ${why}: write it in UTF-8`]);
  }
}

function encodingOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 200));
  const [, named = 'utf-8'] = /^(?:\u00ef\u00bb\u00bf)?<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(head) ?? [];
  // Who can be read so far is not in two bytes a letter.
  return /^(utf-?16|ucs-?2)/i.test(named) ? 'utf-8' : named.toLowerCase();
}
