/** Tables of what a run was: machines, connections, what failed, what it was to do and to keep to. Pure. */

import type { Worker } from '../../../lib/result/result';
import { optionOf, type Setting, type SettingName, settings, showValue } from '../../../lib/settings/config';
import { formatBytes, formatCount, formatDuration, formatLatency } from '../../../lib/settings/units';
import { differing } from '../../figures/config';
import { cores as coresText, share } from '../../judge/words';
import type { Report } from '../model';
import { perSecond, type Table, tableOf } from './table';

/** A time within the run: `12s`, `1m5s`. */
const at = (ms: number) => formatDuration(Math.max(0, ms));

/** Milliseconds with a sign, as clocks are off. */
const offset = (ms: number) => `${ms > 0 ? '+' : ''}${Number(ms.toFixed(1))}ms`;

/** Of a worker: until it was lost, and without the warm-up. */
function measuredSeconds(run: Report['run'], lost: Worker['lost']): number {
  if (lost === undefined) return run.measuredSeconds;
  return Math.max(0.001, (lost.atMs - (run.warmup?.ms ?? 0)) / 1000);
}

export function workersTable({ workers, run }: Report): Table | undefined {
  return tableOf('workers', 'Workers', workers, [
    { title: 'worker', of: ({ id }) => id },
    { title: 'host', of: ({ host }) => host },
    { title: 'VUs', right: true, optional: true, of: ({ vus }) => (vus === undefined ? '' : formatCount(vus)) },
    { title: 'ops', right: true, optional: true, of: ({ ops }) => (ops === undefined ? '' : formatCount(ops)) },
    {
      title: 'ops/s',
      right: true,
      optional: true,
      of: ({ ops, lost }) => (ops === undefined ? '' : perSecond(ops / measuredSeconds(run, lost))),
    },
    {
      title: 'bytes/s',
      right: true,
      optional: true,
      of: ({ bytes, lost }) => (bytes === undefined ? '' : formatBytes(bytes / measuredSeconds(run, lost))),
    },
    {
      title: 'errors',
      right: true,
      optional: true,
      of: ({ errors = 0 }) => (errors > 0 ? { text: formatCount(errors), tone: 'bad' } : ''),
    },
    {
      title: 'CPU',
      right: true,
      of: ({ cpu, cores }) => {
        if (!cpu) return '';
        return cores ? `${coresText(cpu.cores)} of ${formatCount(cores)}` : coresText(cpu.cores);
      },
    },
    { title: 'memory', right: true, of: ({ memory }) => (memory ? formatBytes(memory.peakBytes) : '') },
    { title: 'start skew', right: true, of: ({ startSkewMs }) => offset(startSkewMs) },
    { title: 'clock offset', right: true, drop: 1, of: ({ clockOffsetMs }) => offset(clockOffsetMs) },
    {
      title: 'state',
      of: ({ exit, lost }) => {
        if (lost !== undefined) return { text: `lost at ${at(lost.atMs)}: ${lost.why}`, tone: 'bad' };
        if (exit === 0) return { text: 'ok', tone: 'good' };
        return exit === 99 ? 'threshold failed' : { text: `exit ${exit}`, tone: 'bad' };
      },
    },
  ]);
}

export function generatorTable({ generator, run }: Report): Table | undefined {
  const { cpu, memory, cores, machine, links = [], vus, iterations, droppedIterations, retries } = generator;
  const rows: [string, string][] = [
    ['VUs', formatCount(vus)],
    ['Iterations', formatCount(iterations)],
    ['Operations due that found no free VU', formatCount(droppedIterations)],
    ['Attempts that were repeats', formatCount(retries)],
    ...(cpu === null
      ? []
      : [
          ['CPU', `${coresText(cpu.cores)} cores${cores === null ? '' : ` of ${formatCount(cores)}`}`] as [
            string,
            string,
          ],
        ]),
    ...(cpu?.waitSeconds === undefined
      ? []
      : [
          ['Waited for a free core', `${Number(cpu.waitSeconds.toFixed(1))}s, all threads together`] as [
            string,
            string,
          ],
        ]),
    ...(machine === undefined
      ? []
      : [
          ['All programs of the machine', `${coresText(machine.busyCores)} of ${formatCount(machine.cores)} cores`] as [
            string,
            string,
          ],
        ]),
    ...(memory === null ? [] : [['Memory at most', formatBytes(memory.peakBytes)] as [string, string]]),
    ...links.map(({ name, bitsPerSecond, receivedBytes, sentBytes }): [string, string] => {
      const part = (bytes: number) => share((bytes * 8) / Math.max(0.001, run.seconds) / bitsPerSecond);
      const speed = `${Number((bitsPerSecond / 1e9).toPrecision(3))} Gbit/s`;
      return [`Network link ${name}`, `${part(receivedBytes)} in, ${part(sentBytes)} out of ${speed}`];
    }),
  ];
  return tableOf('generator', 'Load generator', rows, [
    { title: 'what', of: ([name]) => name },
    { title: 'figure', of: ([, value]) => value },
  ]);
}

export function connectionsTable({ connections }: Report): Table | undefined {
  return tableOf('connections', 'Held connections', connections, [
    { title: 'test', of: ({ test }) => test },
    { title: 'op', of: ({ op }) => op },
    { title: 'endpoint', of: ({ endpoint }) => endpoint },
    { title: 'at most', right: true, of: ({ peakOpen }) => formatCount(peakOpen) },
    { title: 'opened', right: true, of: ({ opened }) => formatCount(opened) },
    { title: 'sent', right: true, of: ({ bytesSent }) => formatBytes(bytesSent) },
    { title: 'received', right: true, of: ({ bytesReceived }) => formatBytes(bytesReceived) },
    {
      title: 'lived, median',
      right: true,
      optional: true,
      of: ({ lifetime }) => (lifetime === undefined ? '' : formatLatency(lifetime.p50)),
    },
    {
      title: 'longest',
      right: true,
      optional: true,
      drop: 1,
      of: ({ lifetime }) => (lifetime === undefined ? '' : formatLatency(lifetime.max)),
    },
    {
      title: 'ended',
      of: ({ ended }) =>
        Object.entries(ended)
          .map(([how, n]) => `${how} ${formatCount(n)}`)
          .join(', '),
    },
  ]);
}

export function errorsTable({ errors, run }: Report): Table | undefined {
  const several = run.tests.length > 1;
  return tableOf('errors', 'Errors', errors, [
    { title: 'class', of: (row) => ({ text: row.class, tone: 'bad' }) },
    { title: 'count', right: true, of: ({ count }) => formatCount(count) },
    { title: 'share', right: true, of: (row) => share(row.share) },
    {
      title: 'code',
      optional: true,
      of: ({ status, code }) => [status, code].filter((part) => part !== undefined).join(' '),
    },
    {
      title: 'operations',
      of: ({ byOperation }) =>
        byOperation.map(({ test, op, count }) => `${several ? `${test} ` : ''}${op} ${formatCount(count)}`).join(', '),
    },
    {
      title: 'first one heard of',
      of: ({ sample, sampleOp }) => (sample === undefined ? '' : `${sampleOp} ${sample}`),
    },
  ]);
}

export function stagesTable({ stages }: Report): Table | undefined {
  return tableOf(
    'stages',
    'Stages',
    stages,
    [
      {
        title: 'load',
        right: true,
        of: ({ target, unit }) => `${formatCount(target)}${unit === 'vus' ? ' VUs' : '/s'}`,
      },
      { title: 'from', right: true, of: ({ startMs }) => at(startMs) },
      { title: 'to', right: true, of: ({ endMs }) => at(endMs) },
      { title: 'ops/s', right: true, of: ({ opsPerSecond }) => perSecond(opsPerSecond) },
      { title: 'bytes/s', right: true, of: ({ bytesPerSecond }) => formatBytes(bytesPerSecond) },
      { title: 'errors', right: true, of: ({ errors }) => formatCount(errors) },
      { title: 'p50', right: true, optional: true, of: ({ p50 }) => (p50 === undefined ? '' : formatLatency(p50)) },
      { title: 'p99', right: true, optional: true, of: ({ p99 }) => (p99 === undefined ? '' : formatLatency(p99)) },
    ],
    ['climbs between stages are left out'],
  );
}

/** More of them say nothing more. */
const MOST_PHASES = 60;

export function scheduleTable({ run }: Report): Table | undefined {
  const rest = run.schedule.length - MOST_PHASES;
  return tableOf(
    'schedule',
    'Schedule',
    run.schedule.slice(0, MOST_PHASES),
    [
      { title: 'load', of: ({ scenario }) => scenario },
      { title: 'phase', of: ({ phase }) => phase },
      { title: 'from', right: true, of: ({ startMs }) => at(startMs) },
      { title: 'to', right: true, of: ({ endMs }) => at(endMs) },
    ],
    rest > 0 ? [`and ${formatCount(rest)} more`] : [],
  );
}

export function loadsTable({ run }: Report): Table | undefined {
  return tableOf('loads', 'Loads', run.loads.length > 1 ? run.loads : [], [
    { title: 'load', of: ({ scenario }) => scenario },
    { title: 'test', of: ({ test }) => test },
    { title: 'VUs', right: true, of: ({ vus }) => formatCount(vus) },
    { title: 'share', right: true, of: ({ share: part }) => share(part) },
  ]);
}

export function thresholdsTable({ thresholds }: Report): Table | undefined {
  const failedFirst = [...thresholds].sort((a, b) => Number(a.ok) - Number(b.ok));
  return tableOf('thresholds', 'Thresholds', failedFirst, [
    { title: 'metric', of: ({ metric }) => metric },
    { title: 'limit', of: ({ expr }) => expr },
    { title: 'kept', of: ({ ok }) => (ok ? { text: 'yes', tone: 'good' } : { text: 'no', tone: 'bad' }) },
  ]);
}

/** Settings by their names. */
export function configurationTable({ run }: Report): Table | undefined {
  const rows = (Object.keys(settings) as SettingName[]).flatMap((name) => {
    const s = settings[name] as Setting<unknown>;
    const value = run.config[name];
    if (value === undefined) return [];
    return [{ variable: s.env[0], option: optionOf(s), value: settingText(name, value) }];
  });
  return tableOf('configuration', 'Configuration', rows, [
    { title: 'variable', of: ({ variable }) => variable },
    { title: 'option', of: ({ option = '' }) => option },
    { title: 'value', of: ({ value }) => value },
  ]);
}

function settingText(name: SettingName, value: unknown): string {
  const several = differing(value) ?? [value];
  return several.map((each) => showValue(settings[name], each)).join(' | ');
}
