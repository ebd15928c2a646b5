/** `s3loadtest check`: what a workload file comes to. Asks nothing of the store. */
import type { Command } from 'commander';
import { PUT } from '../../lib/s3/commands';
import {
  AUDIENCES,
  type Config,
  type ObjectSize,
  type SettingName,
  settings,
  withStages,
} from '../../lib/settings/config';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { OLDER } from '../../lib/workload/actions';
import type { CommandShares } from '../../lib/workload/command-shares';
import type { WorkloadFile } from '../../lib/workload/file/document';
import { wantsPreparation } from '../../lib/workload/file/storage';
import { settingsOf, workloadOf } from '../../lib/workload/file/workload';
import type { OperationStep } from '../../lib/workload/step';
import { doubtOf } from '../../lib/workload/temporary';
import { type ShapedLoad, withSettings } from '../../lib/workload/with-settings';
import { classOf } from '../cost/cost';
import { loadPrices, type Prices } from '../cost/prices';
import { addSettingOptions, defaultConcurrency, loadSome, OF_FILE, type Options } from '../run/settings';
import { loadWorkloadFile } from './wanted';

const LOAD = Object.keys(AUDIENCES.load) as (keyof typeof AUDIENCES.load)[];
const READ: readonly SettingName[] = [...LOAD, 'prices'];

export function addCheck(program: Command): void {
  addSettingOptions(program.command('check'), READ)
    .argument('<file>', 'workload file')
    .description('say what a workload file comes to, or all that is wrong with it; asks nothing of a store')
    .action((path: string, options: Options) => {
      process.stdout.write(`${check(path, options).join('\n')}\n`);
    });
}

/** Lines about a file. @throws ConfigError with a line for each problem */
function check(path: string, typed: Options): string[] {
  const file = loadWorkloadFile(path);
  const own = settingsOf(file);
  const options = { ...typed, [OF_FILE]: own };
  const { prices: priceFile, ...some } = loadSome(READ, options, process.env);
  const setsConcurrency =
    (settings.concurrency.env[0] in own || typed.concurrency !== undefined) && some.rate === undefined;
  const config = { ...some, concurrency: setsConcurrency ? some.concurrency : defaultConcurrency() } as Config;
  const { loads, config: completed } = withSettings([workloadOf(file, stepOf)], withStages(config), setsConcurrency);
  const prices = loadPrices(priceFile);
  return [
    `${path}: ${file.name}, ${loads.length === 1 ? 'one load' : `${loads.length} loads`} for ${formatDuration(completed.duration)}`,
    ...loads.flatMap((load) => [
      ...loadLines(load, completed, prices),
      ...(sameSizes(loads) ? [] : objectLines(load.sizes, saysSizes(file, load)).map((line) => `  ${line}`)),
    ]),
    ...(sameSizes(loads) ? objectLines(loads[0]?.sizes, saysSizes(file)) : []),
    ...preparationLines(loads[0], file, prices),
    ...temporaryLines(loads, completed),
  ];
}

/** A step as far as it is looked at here. */
const stepOf = (data: CommandShares): OperationStep => ({
  kind: 'operation',
  commands: [],
  data,
  start: () => () => {},
});

function loadLines(load: ShapedLoad, { duration }: Config, prices: Prices | undefined): string[] {
  const { shares } = (load.step as OperationStep).data as CommandShares;
  const whole = Object.values(shares).reduce((sum, parts) => sum + parts, 0);
  const percent = (parts: number) => `${Number(((parts * 100) / whole).toFixed(1))}%`;
  const named = (op: string) => (op === OLDER ? 'GET of an older version' : op);
  const operations = Object.entries(shares).map(([op, parts]) => `${named(op)} ${percent(parts)}`);
  return [
    `  ${load.name}: ${amountOf(load)}${windowsText(load, duration)}`,
    `    ${operations.join(', ')}`,
    ...(prices === undefined ? [] : [`    ${costText(shares, whole, prices)}`]),
  ];
}

/** `8 VUs`, `200/s by up to 64 VUs`, or its stages. */
function amountOf({ shape: { unit, vus, stages, ramp } }: ShapedLoad): string {
  const per = unit === 'rate' ? '/s' : ' VUs';
  const levels = stages.map(({ target, ms }) => `${Number(target.toPrecision(4))}${per} for ${formatDuration(ms)}`);
  const by = unit === 'rate' ? `, by up to ${vus} VUs` : '';
  const climb = ramp > 0 ? `, each reached in ${formatDuration(ramp)}` : '';
  return `${levels.join(', then ')}${by}${climb}`;
}

function windowsText({ schedule }: ShapedLoad, duration: number): string {
  const windows = schedule();
  const on = windows.reduce((sum, { start, end }) => sum + end - start, 0);
  return on >= duration || windows.length < 2 ? '' : `, in ${windows.length} bursts (${formatDuration(on)} in all)`;
}

function costText(shares: CommandShares['shares'], whole: number, prices: Prices): string {
  const { classes, per } = prices.requests;
  const parts = new Map<string, number>();
  for (const [op, n] of Object.entries(shares))
    parts.set(classOf(op, prices), (parts.get(classOf(op, prices)) ?? 0) + n);
  const million = [...parts].reduce((sum, [name, n]) => sum + ((classes[name]?.price ?? 0) * 1e6 * n) / whole / per, 0);
  const named = [...parts].map(([name, n]) => `${name} ${Number(((n * 100) / whole).toFixed(1))}%`);
  return `requests by price: ${named.join(', ')}; a million of them ${million.toFixed(2)} ${prices.currency} (${prices.name})`;
}

const sameSizes = (loads: readonly ShapedLoad[]): boolean =>
  new Set(loads.map(({ sizes }) => settings.sizes.show([...sizes]))).size < 2;

/** Whether the file has sizes, for this load or for all. */
function saysSizes({ objects, loads = [], name }: WorkloadFile, load?: ShapedLoad): boolean {
  const own = loads.some((each) => `${name}-${each.name}` === load?.name && each.objects?.sizes !== undefined);
  return own || objects?.sizes !== undefined;
}

function objectLines(sizes: readonly ObjectSize[] = [], isSaid: boolean): string[] {
  if (sizes.length === 0) return [];
  const mean = meanOf(sizes);
  const isKnown = sizes.length > 1 && sizes.every(({ drawn }) => drawn === undefined);
  const how = sizes.some(({ weight }) => weight !== undefined) ? ', by weight' : ', each as often';
  const said = isSaid ? '' : ' (the file names none)';
  const text = settings.sizes.show([...sizes]);
  return [
    `  objects of ${text}${sizes.length > 1 ? how : ''}${isKnown ? `: ${formatBytes(mean)} on average` : ''}${said}`,
  ];
}

/** Bytes of an object on average; of sizes that are drawn the most. */
function meanOf(sizes: readonly ObjectSize[]): number {
  const whole = sizes.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return sizes.reduce((sum, { bytes, weight = 1 }) => sum + bytes * weight, 0) / whole;
}

/** What `s3loadtest prepare` makes of a file, and what that costs. */
function preparationLines(load: ShapedLoad | undefined, file: WorkloadFile, prices: Prices | undefined): string[] {
  if (!wantsPreparation(file) || load === undefined) return [];
  const { buckets: { new: each, existing } = {}, credentials = [], objects: { count = 0 } = {}, prepare } = file;
  const users = Math.max(1, credentials.length);
  const created = (each ?? 0) * users;
  const inAll = created > 0 ? created : (existing?.length ?? 1);
  const named = (n: number, what: string) => `${formatCount(n)} ${what}${n === 1 ? '' : 's'}`;
  const most = load.sizes.some(({ drawn }) => drawn !== undefined) ? 'up to ' : '';
  const bytes = `${most}${formatBytes(count * meanOf(load.sizes))}`;
  const written =
    count > 0 ? [`${named(count, 'object')} (${bytes}) in ${created > 0 ? 'them' : named(inAll, 'bucket')}`] : [];
  const made = created > 0 ? [`${named(created, 'new bucket')}${users > 1 ? ` of ${users} profiles` : ''}`] : [];
  const price =
    prices && (count * (prices.requests.classes[classOf(PUT.op, prices)]?.price ?? 0)) / prices.requests.per;
  const cost =
    price === undefined || count === 0 ? '' : `; its requests are ${Number(price.toPrecision(2))} ${prices?.currency}`;
  const by = prepare?.workers === undefined ? '' : `, by ${named(prepare.workers, 'VU')}`;
  return [`  to prepare: ${[...made, ...written].join(', ')}${by}${cost}`];
}

/** Objects that VUs write and delete: how many at a time, and whether that can work. */
function temporaryLines(loads: readonly ShapedLoad[], { duration }: Config): string[] {
  const [load] = loads;
  const { temporary } = ((load?.step as OperationStep | undefined)?.data ?? {}) as Partial<CommandShares>;
  if (temporary === undefined) return [];
  const { create, remove, lifetime, share } = temporary;
  const vus = loads.reduce((sum, { shape }) => sum + shape.vus, 0);
  const doubt = doubtOf(temporary, share, duration);
  return [
    `  temporary: each VU writes ${formatCount(create)} and deletes ${formatCount(remove)} after ${formatDuration(lifetime)}, by ${Number((share * 100).toFixed(1))}% of its operations; up to ${formatCount(create * vus)} at a time`,
    ...(doubt === undefined ? [] : [`  warning: ${doubt}`]),
  ];
}
