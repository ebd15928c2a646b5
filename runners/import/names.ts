/** Names as workload files have them: small letters, digits and dashes. Pure. */

const LONGEST = 40;

/** A name for each, all different: of what has none, `fallback` with a number. */
export function namesOf(given: readonly string[], fallback: string): string[] {
  const taken = new Set<string>();
  return given.map((text, i) => {
    const own = nameOf(text) || (given.length > 1 ? `${fallback}-${i + 1}` : fallback);
    let name = own;
    for (let n = 2; taken.has(name); n++) name = `${own.slice(0, LONGEST - 1 - String(n).length)}-${n}`;
    taken.add(name);
    return name;
  });
}

function nameOf(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const begins = /^\d/.test(plain) ? `w-${plain}` : plain;
  return begins.slice(0, LONGEST).replace(/-+$/, '');
}
