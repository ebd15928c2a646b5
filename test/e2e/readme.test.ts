/** README and docs against the code: tables, links, commands. `npm run docs` writes docs/settings.md anew. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { AUDIENCES, defaultText, optionOf, type Setting } from '../../lib/settings/config';

const PAGES = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => `docs/${name}`)].filter(
  (path) => path.endsWith('.md') && existsSync(path),
);
const pages = PAGES.map((path) => ({ path, text: readFileSync(path, 'utf8') }));

const TITLES: Readonly<Record<keyof typeof AUDIENCES, string>> = {
  store: 'The store',
  load: 'The load',
  run: 'The run',
  report: 'Reports',
  fleet: 'Many machines',
};

function settingsPage(): string {
  const tables = Object.entries(AUDIENCES).map(([audience, rows]) => {
    const lines = (Object.values(rows) as Setting<unknown>[]).map((s) => {
      const names = [...s.env, ...(s.others ?? [])].map((name) => `\`${name}\``).join(' or ');
      const option = optionOf(s);
      return `| ${names} | ${option === undefined ? '' : `\`${option}\``} | ${defaultText(s)} | ${s.help} |`;
    });
    const head = `## ${TITLES[audience as keyof typeof AUDIENCES]}\n`;
    return [head, '| variable | option | default | |', '|---|---|---|---|', ...lines].join('\n');
  });
  return `# Settings

<!-- Generated from lib/settings by \`npm run docs\`; test/e2e/readme.test.ts compares. -->

Every setting has an environment variable, and many have an option of the same meaning. Options win over the environment, the
environment over \`./.env\`, and that over \`~/.s3loadtest/.env\`. An empty value counts as none. \`npx s3loadtest run --help\` lists
the options. Other tools' variables (\`AWS_ENDPOINT_URL\`, \`AWS_DEFAULT_REGION\`) count where none of these has ours. The secret key is
taken from where the access key was found before anywhere else, and a session token only from where these two were: they are one set.

Credentials reach k6 through its environment only, never on a command line; no log, report or Result holds them. Under bare
\`k6 run\` they may also come from k6's secrets: \`k6 run --secret-source=file=FILE build/firehose.js\`.

Sizes are powers of 1,024: 1KB is 1,024 bytes. Durations are sums such as \`1h30m\`; units are \`ms\`, \`s\`, \`m\`, \`h\`, \`d\` and \`w\`.

${tables.join('\n\n')}

## Tools

The CLI looks for k6 in \`S3LOADTEST_K6\`, then in \`.tools/bin\`, then on PATH (k6 2.0 or later). If it finds none, it builds one
from the pinned modules in [extension/](../extension), or downloads a release and checks it against its published checksum.
The demo's server is found in the same way, by \`S3LOADTEST_VERSITYGW\` and the modules in [tools/](../tools). Where Go is installed,
the CLI builds the project's k6 before it looks at PATH, since only that has the native backend. \`S3LOADTEST_DOWNLOAD_BASE\` names
a mirror of the release pages.
`;
}

test('docs/settings.md lists the settings of lib/settings', async () => {
  await expect(settingsPage()).toMatchFileSnapshot('../../docs/settings.md');
});

test.each(pages)('$path links to files that exist', ({ path, text }) => {
  const links = [...text.matchAll(/\]\(([\w./-]+)(?:#[\w-]+)?\)/g)].map(([, link]) =>
    join(dirname(path), link as string),
  );
  expect(links.filter((link) => !existsSync(link))).toEqual([]);
});

test.each(pages)('$path links to sections that exist', ({ path, text }) => {
  const links = [...text.matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)];
  const missing = links.filter(([, file, section]) => {
    const target = file ? join(dirname(path), file) : path;
    return !anchorsOf(readFileSync(target, 'utf8')).includes(section as string);
  });
  expect(missing.map(([link]) => link)).toEqual([]);
});

/** The anchors that GitHub gives headings. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  );
}

describe('commands', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const patterns = readdirSync('scripts').flatMap((name) => /^([\w-]+)\.ts$/.exec(name)?.[1] ?? []);

  test.each(pages)('of $path exist, with their options', async ({ text }) => {
    const problems = await Promise.all(commandsIn(text).map(problemOf));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('are found in the pages', () => {
    expect(pages.flatMap(({ text }) => commandsIn(text)).length).toBeGreaterThan(25);
  });

  /** What is wrong with one line, such as `npx s3loadtest run firehose --rate 5` or `npm run dist -- --workers 2`. */
  async function problemOf(line: string): Promise<string | undefined> {
    const words = line.split(' ').filter((word) => word !== '--');
    const npmScript = words[0] === 'npm' ? (words[1] === 'run' ? words[2] : words[1]) : undefined;
    if (words[0] === 'npm' && (npmScript === undefined || scripts[npmScript] === undefined))
      return `${line}: no such script`;
    const command = npmScript === 'start' ? 'demo' : (npmScript ?? words[1]);
    const rest = words.slice(words[1] === 'run' && npmScript !== undefined ? 3 : 2);
    const options = rest.flatMap((word) => /^--[a-z][\w-]*/.exec(word)?.[0] ?? []);
    if (npmScript !== undefined && !/bootstrap\.mjs \w/.test(scripts[npmScript] ?? '')) {
      return options.length > 0 ? `${line}: this script takes no options` : undefined;
    }
    // A command of a command, as in `export k8s`.
    const path = command === 'export' || command === 'import' ? [command, rest[0] as string] : [command as string];
    const help = await helpOf(path.join(' '));
    if (help === undefined) return `${line}: no such command`;
    const known = new Set(help.match(/--[a-z][\w-]*/g));
    const unknown = options.find((option) => !known.has(option));
    if (unknown !== undefined) return `${line}: no option ${unknown}`;
    if (!['run', 'dist', 'start'].includes(command as string) || npmScript === 'start') return undefined;
    const tests = rest.slice(0, rest.findIndex((word) => word.startsWith('-')) >>> 0);
    const stranger = tests.find((name) => !patterns.includes(name) && !/\.yaml$/.test(name));
    return stranger === undefined ? undefined : `${line}: no pattern ${stranger}`;
  }
});

/** Commands of console blocks, without prompts and comments. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```console\n(.*?)^```/gms)].map(([, block]) => block as string);
  const lines = blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith('$ '));
  return lines
    .map((line) => line.slice(2).split(/\s+#/)[0]?.trim().replace(/\s+/g, ' ') as string)
    .filter((line) => /^(?:npx s3loadtest|npm (?:run|start|test)) ?/.test(line))
    .map((line) => line.replace(/^npx /, ''));
}

const helps = new Map<string, Promise<string | undefined>>();

/** What `s3loadtest COMMAND --help` prints, or undefined where there is no such command. */
function helpOf(command: string): Promise<string | undefined> {
  const known = helps.get(command);
  if (known !== undefined) return known;
  const run = promisify(execFile)(process.execPath, ['build/cli.mjs', ...command.split(' '), '--help']);
  // An unknown command's help is that of the program.
  const help = run.then(
    ({ stdout }) => (stdout.startsWith(`Usage: s3loadtest ${command} `) ? stdout : undefined),
    () => undefined,
  );
  helps.set(command, help);
  return help;
}
