/** `npm run sample`: runs the README's first command and puts what it prints into README.md, between the markers. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README = `${ROOT}README.md`;
const OPTIONS = ['--duration', '10s', '--size', '1KB'];
const COMMAND = `npm start -- ${OPTIONS.join(' ')}`;
const BEGIN = `<!-- sample: \`npm run sample\` writes what follows -->\n\`\`\`console\n$ ${COMMAND}\n`;
const END = '```\n<!-- end of sample -->';

/** What the README shows of a run: `output` without what only a first start prints, and without the machine's folders. */
export function sampleOf(/** @type {string} */ output) {
  const lines = output.split('\n').filter((line) => !/^(?:installing|building|built) /.test(line));
  return lines.join('\n').replaceAll(ROOT, '').trim();
}

/** The README with another sample. */
export function withSample(/** @type {string} */ readme, /** @type {string} */ sample) {
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.slice(rest.indexOf(END));
  if (after === undefined) throw new Error(`README.md has no markers for the sample: ${BEGIN}`);
  return `${before}${BEGIN}${sample}\n${after}`;
}

/** The sample that the README has now. */
export function currentSample() {
  const rest = readFileSync(README, 'utf8').split(BEGIN)[1] ?? '';
  return rest.slice(0, rest.indexOf(END)).trim();
}

/**
 * What is alike in the output of all such runs: labels and columns, in order, without values. Evidence, warnings and how often
 * STATS came differ from run to run.
 */
export function shapeOf(/** @type {string} */ output) {
  const shapes = output.split('\n').map((line) => {
    const [label] = /^\s*(?:versitygw|firehose:|Verdict:|Cost:|Result:|Report:)/.exec(line) ?? [];
    return (label ?? line.replace(/<?\d[\d,.]*\w*(?:\/s)?\*?/g, '#').replace(/ +/g, ' ')).trim();
  });
  const variable = /^(?:$|- |Warning|→|installing|building|built)/;
  const labels = shapes.filter((shape) => /^(?:versitygw|firehose:|\w+:|Operations$|op |GET |PUT |total )/.test(shape));
  return labels.filter((shape, i) => !variable.test(shape) && shape !== labels[i - 1]);
}

function main() {
  const { status, stdout } = spawnSync('sh', ['-c', `${COMMAND.replace('npm', 'npm --silent')} 2>&1`], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${COMMAND} ended with ${status}:\n${stdout}`);
  writeFileSync(README, withSample(readFileSync(README, 'utf8'), sampleOf(stdout)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
