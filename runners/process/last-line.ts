/** What a command said last, which mostly tells why it failed. */

/** The last line that says something. */
export function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.at(-1)?.trim() ?? 'it did not say why';
}
