/**
 * `npm run bench`: what the client costs, side by side in one run against a server that does no work. The first row of each
 * table is the yardstick, because machines differ and the ratio does not.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { $ } from 'zx';
import { Fold } from '../../lib/result/fold';
import { type Begin, FROM_CLI, MARKS, readMarked } from '../../lib/result/protocol';
import { parseResult, type Result, sum } from '../../lib/result/result';
import { type Backend, ConfigError, NO_PROXY_STARTED, settings } from '../../lib/settings/config';
import { formatCount } from '../../lib/settings/units';
import { freePort } from '../process/free-port';
import { availableMemory } from '../process/proc';
import { hasExtension } from '../run/backend';
import { parseInterval, WholeLines } from '../run/intervals';
import { jslibProblem } from '../run/jslib';
import { readLogLine } from '../run/k6-log';
import { planK6 } from '../run/plan';
import { startNullServer } from '../tools/null-server';
import { ROOT } from '../tools/project';
import { getTools } from '../tools/tools';

/** What one client did in one round. */
interface Figures {
  readonly opsPerSecond: number;
  /** CPU microseconds of the k6 process, its start included, for each operation. */
  readonly cpuPerOp: number;
}

interface Client {
  readonly name: string;
  readonly script: string;
  /** Of those that have one. */
  readonly backend?: Backend;
  /** Beside those that all have. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Operations and failures out of what k6 gave, and the milliseconds they took; undefined when it gave nothing. */
  readonly read: (gave: Gave) => { ops: number; failed: number; ms: number } | undefined;
}

/** Texts. */
interface Gave {
  readonly output: string;
  readonly log: string;
  readonly statistics: string;
}

/** Clients that do the same load in turn; the first is the yardstick. */
interface Comparison {
  readonly load: string;
  readonly clients: readonly Client[];
}

const FIREHOSE = JSON.stringify({
  name: 'firehose',
  operations: { GET: 50, PUT: 50 },
  objects: { sizes: '1KB' },
});

const BACKENDS_COMPARED: Comparison = {
  load: '1 KiB, half GET half PUT',
  clients: [
    {
      name: 'unsigned k6/http',
      script: 'bench-unsigned',
      read: (gave) => JSON.parse(resultIn(gave) ?? 'null') ?? undefined,
    },
    { name: 'firehose, http backend', script: 'firehose', backend: 'http', read: readResult },
    { name: 'firehose, native backend', script: 'firehose', backend: 'native', read: readStatistics },
    {
      ...{ name: 'firehose of a workload file, native backend', script: 'workload', backend: 'native' },
      // As `run` hands it on: read and checked.
      settings: { [settings.workload.env[0]]: FIREHOSE },
      read: readStatistics,
    },
    { name: 'firehose, jslib backend', script: 'firehose', backend: 'jslib', read: readResult },
    // Straight to the server: what is left when someone else signs.
    { name: 'firehose, proxy backend', script: 'firehose', backend: 'proxy', read: readResult },
  ],
};

/** What checksums cost: nothing but writes, of a size at which the bytes count. */
function checksumsCompared(workload: string): Comparison {
  const [checksum, trailer, sign] = [settings.checksum, settings.checksumTrailer, settings.signPayload].map(
    ({ env: [variable] }) => variable,
  ) as [string, string, string];
  const native = (name: string, own: Readonly<Record<string, string>>): Client => ({
    ...{ name, script: 'workload', backend: 'native', read: readStatistics },
    settings: { [settings.workload.env[0]]: workload, ...own },
  });
  return {
    load: '1 MiB, PUT only, native backend',
    clients: [
      native('none', {}),
      native('md5 in a header', { [checksum]: 'md5' }),
      native('crc32c in a header', { [checksum]: 'crc32c' }),
      native('crc32c behind the body', { [checksum]: 'crc32c', [trailer]: 'true' }),
      native('crc64nvme behind the body', { [checksum]: 'crc64nvme', [trailer]: 'true' }),
      native('the body hashed and signed', { [sign]: 'true' }),
      native('crc32c behind signed chunks', { [checksum]: 'crc32c', [trailer]: 'true', [sign]: 'true' }),
    ],
  };
}

const PUTS = 'name: puts\noperations: {PUT: 100}\nobjects: {sizes: 1MB}\n';

function resultIn({ output }: Gave): string | undefined {
  const line = output.split('\n').find((text) => text.startsWith(MARKS.result));
  return line?.slice(MARKS.result.length);
}

function readResult(gave: Gave): { ops: number; failed: number; ms: number } | undefined {
  const json = resultIn(gave);
  return json === undefined ? undefined : figuresOf(parseResult(json));
}

function readStatistics({ log, statistics }: Gave): { ops: number; failed: number; ms: number } | undefined {
  const begins = log.split('\n').map((text) => readMarked<Begin>(MARKS.begin, readLogLine(text).message));
  const facts = begins.find((begin) => begin !== undefined)?.facts;
  const fold = new Fold();
  for (const line of new WholeLines().push(statistics)) fold.add(parseInterval(line));
  return facts && figuresOf(fold.result(facts));
}

function figuresOf({ totals, run }: Result): { ops: number; failed: number; ms: number } {
  const { ops, errors } = sum(totals);
  return { ops, failed: errors, ms: run.durationMs };
}

export function addBench(program: Command): void {
  program
    .command('bench')
    .description(
      'measure the cost of each backend: operations per second and CPU per operation, against a server that answers at once',
    )
    .option('--duration <time>', 'duration of each run', '20s')
    .option('--rounds <n>', 'number of runs of each client, in turn', '3')
    .option('--concurrency <n>', 'VUs', '16')
    .option('--checksums', 'measure the cost of checksums instead: writes of 1 MiB by the native backend')
    .action(async (options: { duration: string; rounds: string; concurrency: string; checksums?: true }) => {
      const rounds = Number(options.rounds);
      if (!Number.isInteger(rounds) || rounds < 1)
        throw new ConfigError([`--rounds is "${options.rounds}": give 1 or more`]);
      for (const name of ['duration', 'concurrency'] as const) {
        const { parse, expected } = settings[name];
        if (parse(options[name]) === undefined)
          throw new ConfigError([`--${name} is "${options[name]}": give ${expected}`]);
      }
      await bench(options.duration, rounds, options.concurrency, options.checksums === true);
    });
}

async function bench(duration: string, rounds: number, vus: string, checksums: boolean): Promise<void> {
  const { k6 } = await getTools(['k6'], { env: process.env, root: ROOT, log });
  const folder = mkdtempSync(join(tmpdir(), 's3loadtest-bench-'));
  let server: ChildProcess | undefined;
  try {
    const started = await startNullServer(folder);
    server = started.server;
    const workload = join(folder, 'puts.yaml');
    writeFileSync(workload, PUTS);
    const { load, clients } = await possible(checksums ? checksumsCompared(workload) : BACKENDS_COMPARED, k6.path);
    const all = new Map<Client, Figures[]>(clients.map((client) => [client, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const client of clients) {
        const figures = await measure(client, k6.path, started.endpoint, folder, duration, vus);
        all.get(client)?.push(figures);
        log(`round ${round} of ${rounds}: ${client.name}: ${show(figures)}`);
      }
    }
    console.log(table(all, `${load}, ${vus} VUs, ${duration} a run, median of ${rounds} rounds`));
    const [http, native] = ['http', 'native'].map((name) => all.get(clients.find((c) => c.backend === name) as Client));
    if (http && native) {
      const [ops, cpu] = (['opsPerSecond', 'cpuPerOp'] as const).map((of) => ratio(native, http, of));
      console.log(`native over http: ${ops} × the ops/s, ${cpu} × the CPU per operation`);
    }
    if (rounds > 1) console.log(`From round to round, CPU ratios were up to ${spread([...all.values()])} off these`);
    console.log(
      `Machine: ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), shared with the server; k6 ${k6.version}`,
    );
  } finally {
    server?.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

const log = (line: string) => process.stderr.write(`${line}\n`);

/** A comparison without the clients that can't run here, which are said. */
async function possible({ load, clients }: Comparison, k6: string): Promise<Comparison> {
  const wants = (backend: Backend) => clients.some((client) => client.backend === backend);
  const extension = await hasExtension(k6, process.env);
  if (!extension) log("this k6 has not the project's extension: the native backend is left out");
  const noJslib = wants('jslib') ? await jslibProblem(process.env[settings.jslibUrl.env[0]] || undefined) : undefined;
  if (noJslib !== undefined) log(`k6-jslib-aws is not to be had (${noJslib}): the jslib backend is left out`);
  const had: Readonly<Record<Backend, boolean>> = {
    native: extension === true,
    http: true,
    jslib: noJslib === undefined,
    proxy: true,
  };
  const left = clients.filter(({ backend }) => backend === undefined || had[backend]);
  if (left.length === 0) throw new ConfigError(["--checksums needs the project's k6: npm run k6 builds it"]);
  return { load, clients: left };
}

async function measure(
  client: Client,
  k6: string,
  endpoint: string,
  folder: string,
  duration: string,
  vus: string,
): Promise<Figures> {
  const statistics = join(folder, 'statistics');
  const plan = planK6({
    k6,
    statistics: client.backend === 'native' ? statistics : undefined,
    script: join(ROOT, 'build', `${client.script}.js`),
    runId: 'bench',
    api: `127.0.0.1:${await freePort()}`,
    outs: [],
    settings: {
      S3_ENDPOINTS: `http://${endpoint}`,
      S3_BUCKET: 'bench',
      AWS_ACCESS_KEY_ID: 'AKIABENCHBENCHBENCH0',
      AWS_SECRET_ACCESS_KEY: 'bench-only-against-a-server-that-checks-nothing',
      S3LOADTEST_DURATION: duration,
      S3LOADTEST_CONCURRENCY: vus,
      ...(client.settings === undefined && { S3LOADTEST_SIZE: '1KB' }),
      ...(client.backend && { [settings.backend.env[0]]: client.backend }),
      ...client.settings,
      // That there is no proxy is what is measured.
      [settings.s3poolBinary.env[0]]: NO_PROXY_STARTED,
      [FROM_CLI.extension]: client.backend === 'native' ? '1' : '',
    },
    concurrency: Number(vus),
    keys: '',
    tellDeleted: false,
    freeMemory: availableMemory(),
  });
  // The shell's `times` tells the CPU that its ended children took: all of it, and on every Unix.
  const timed = `"$@"; code=$?; times >&2; exit $code`;
  const env = { ...process.env, ...plan.environment };
  const done = await $({ env, nothrow: true, quiet: true })`sh -c ${timed} sh ${plan.k6} ${plan.args}`;
  const figures = client.read({
    output: done.stdout,
    log: done.stderr,
    statistics: client.backend === 'native' && existsSync(statistics) ? readFileSync(statistics, 'utf8') : '',
  });
  if (figures === undefined) throw new Error(`${client.name} gave no figures: ${done.stderr.slice(-500)}`);
  const { ops, failed, ms } = figures;
  if (failed > 0 || ops === 0) throw new Error(`${client.name}: ${failed} operations failed, ${ops} did not`);
  return { opsPerSecond: ops / (ms / 1000), cpuPerOp: (childSeconds(done.stderr) / ops) * 1e6 };
}

/** Seconds, user and system, on the second line of what `times` prints: `0m12.340s 0m1.230s`. */
function childSeconds(text: string): number {
  const line = text.trim().split('\n').at(-1) ?? '';
  const [user, system] = [...line.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
  if (user === undefined || system === undefined) throw new Error(`sh's times printed "${line}"`);
  return user + system;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

function show(figures: Figures): string {
  return `${formatCount(figures.opsPerSecond)} ops/s, ${figures.cpuPerOp.toFixed(1)} µs CPU per operation`;
}

/** Taken round by round, then their median: the machine's speed drifts, the ratio less. */
function ratio(of: readonly Figures[], yardstick: readonly Figures[], what: keyof Figures): string {
  return median(ratios(of, yardstick, what)).toFixed(2);
}

function ratios(of: readonly Figures[], yardstick: readonly Figures[], what: keyof Figures): number[] {
  return of.map((f, i) => f[what] / (yardstick[i]?.[what] ?? Number.NaN));
}

/** How far the CPU ratio of a single round was from the median of its row at most: `4%`. */
function spread(all: ReadonlyArray<readonly Figures[]>): string {
  const [yardstick = []] = all;
  const furthest = all.flatMap((figures) => {
    const own = ratios(figures, yardstick, 'cpuPerOp');
    return own.map((one) => Math.abs(one / median(own) - 1));
  });
  return `${Math.ceil(Math.max(...furthest) * 100)}%`;
}

/** A Markdown table. */
function table(all: ReadonlyMap<Client, readonly Figures[]>, title: string): string {
  const [yardstick = []] = all.values();
  const rows = [...all].map(([client, figures]) => {
    const ops = formatCount(median(figures.map((f) => f.opsPerSecond)));
    const cpu = median(figures.map((f) => f.cpuPerOp)).toFixed(0);
    return `| ${client.name} | ${ops} | ${cpu} µs | ${ratio(figures, yardstick, 'opsPerSecond')} | ${ratio(figures, yardstick, 'cpuPerOp')} |`;
  });
  return [
    title,
    '',
    '| client | ops/s | CPU per op | ops/s, ratio | CPU, ratio |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
