/**
 * Reads `.env` text: `NAME=value` lines, `export ` before a name, `#` comments, single, double or backtick quotes.
 * k6 has no parser for it, and both sides must read one file alike, so neither uses its platform's. Nothing is expanded.
 */
export function parseEnvFile(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const plain = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  // A quoted value may span lines and hold '#'; an unquoted one ends at a comment.
  const line = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*("(?:[^"]*)"|'(?:[^']*)'|`(?:[^`]*)`|[^\n]*)/gm;
  for (const [, name, raw] of plain.matchAll(line)) {
    if (name === undefined || raw === undefined) continue;
    const quote = raw[0];
    if (quote !== undefined && raw.length > 1 && '"\'`'.includes(quote) && raw.endsWith(quote)) {
      const inner = raw.slice(1, -1);
      values[name] = quote === '"' ? inner.replace(/\\n/g, '\n') : inner;
    } else {
      values[name] = raw.replace(/(?:^|\s)#.*$/, '').trim();
    }
  }
  return values;
}
