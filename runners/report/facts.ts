/** What a run was, in a few words each. Pure. */
import { warmupText } from '../../lib/result/final';
import { formatBytes, formatCount, formatDuration } from '../../lib/settings/units';
import { configOf } from '../figures/config';
import { count, share } from '../judge/words';
import type { Report } from './model';
import { perSecond } from './tables/table';

/** `spiky, delete`. */
export const title = ({ run }: Report) => run.tests.join(', ');

/** `2026-11-21 13:32:33 UTC`. */
export const startText = ({ run }: Report) => `${run.startedAt.slice(0, 19).replace('T', ' ')} UTC`;

/** How a run ended before its time, or without all its figures; empty for one that is whole. */
export function stateText({ interrupted, partial }: Report): string {
  if (partial) return 'partial: some of its figures are lost';
  return interrupted ? 'interrupted before its time' : '';
}

/** `16 VUs (closed loop)`, `500/s on 64 VUs (open loop)`, `16 VUs (closed loop) and 1,000 connections`. */
export function loadText(report: Report): string {
  const connections = report.run.loads.reduce((sum, load) => sum + (load.connections ?? 0), 0);
  const held = connections === 0 ? [] : [count(connections, 'connection')];
  const working = report.run.loads.filter((load) => load.connections === undefined);
  return [...(working.length === 0 ? [] : [vusText(report)]), ...held].join(' and ');
}

function vusText({ run }: Report): string {
  const { rate, stages } = configOf(run);
  const vus = count(
    run.loads.reduce((sum, load) => sum + (load.connections === undefined ? load.vus : 0), 0),
    'VU',
  );
  if (stages !== undefined) {
    const unit = stages.unit === 'rate' ? '/s' : '';
    const list = stages.list.map(({ target, ms }) => `${target}${unit} for ${formatDuration(ms)}`);
    return `${stages.unit === 'rate' ? `${vus}, open loop` : 'closed loop'}, stages ${list.join(', ')}`;
  }
  return rate === undefined ? `${vus} (closed loop)` : `${perSecond(rate)}/s on ${vus} (open loop)`;
}

/** What stands under the title, as names and values. */
export function facts(report: Report): [name: string, value: string][] {
  const { run, workers } = report;
  const { endpoints = [], bucket, prefix } = configOf(run);
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  const known: [string, string | undefined][] = [
    ['Run', run.id],
    ['Started', startText(report)],
    [
      'Lasted',
      `${formatDuration(run.seconds * 1000)}${run.endedBy === 'steady' ? ', until its throughput was steady' : ''}`,
    ],
    ['Warm-up', run.warmup && warmupText(run.warmup)],
    ['Load', loadText(report)],
    ['Workers', workers.length > 1 ? formatCount(workers.length) : undefined],
    ['Endpoints', endpoints.join(', ')],
    ['HTTP proxy', run.httpProxies?.join(', ')],
    ['Bucket', bucket === undefined ? undefined : `${bucket}, prefix ${prefix}`],
    ['Client', [`${run.backend} backend`, ...versions].join(', ')],
    ['Seed', String(run.seed)],
  ];
  return known.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== '');
}

/** The figures that sum a run up. */
export function headline({ total, run, connections }: Report): string {
  const attempts = total.ops + total.errors + total.misses;
  const held = connections.reduce((sum, { peakOpen }) => sum + peakOpen, 0);
  const holding = held === 0 ? [] : [`${count(held, 'connection')} held at most`];
  if (attempts === 0 && held > 0) return `${holding} in ${formatDuration(run.seconds * 1000)}`;
  const parts = [
    `${formatCount(total.ops)} operations in ${formatDuration(run.measuredSeconds * 1000)}`,
    `${perSecond(total.opsPerSecond)} ops/s`,
    `${formatBytes(total.bytesPerSecond)}/s`,
    total.errors === 0
      ? 'no errors'
      : `${count(total.errors, 'error')} (${share(total.errors / Math.max(1, attempts))})`,
    ...(total.misses > 0 ? [`${formatCount(total.misses)} misses`] : []),
    ...holding,
  ];
  return parts.join(', ');
}

/** Without what a terminal would take for orders: servers say what they like. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what these are
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
