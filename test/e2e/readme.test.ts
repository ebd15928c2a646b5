import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultText, type Setting, settings } from '../../lib/settings/config';

/** The README's settings table, as lib/settings/config.ts has it. */
function settingsTable(): string {
  const rows = (Object.values(settings) as Setting<unknown>[]).map((s) => {
    const names = s.env.map((name) => `\`${name}\``).join(' or ');
    const option = s.option ? `\`--${s.option.split(' ')[0]}\`` : '';
    return `| ${names} | ${option} | ${defaultText(s)} | ${s.help} |`;
  });
  return ['| variable | option | default | |', '|---|---|---|---|', ...rows].join('\n');
}

test('the table of settings in the README is that of lib/settings/config.ts', () => {
  expect(readFileSync('README.md', 'utf8')).toContain(settingsTable());
});

test('every file that the README links to is there', () => {
  const links = [...readFileSync('README.md', 'utf8').matchAll(/\]\(([\w./-]+)\)/g)].map(([, path]) => path as string);
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});
