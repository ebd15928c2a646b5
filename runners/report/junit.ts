/** Thresholds as test cases, in the XML that CI systems take from JUnit. Pure: returns text. */
import { plain, startText, stateText, title } from './facts';
import type { Report } from './model';

/** A suite a run. */
export function reportJunit(reports: readonly Report[]): string {
  const suites = reports.map(suiteOf);
  const count = (of: keyof Counts) => suites.reduce((n, { counts }) => n + counts[of], 0);
  const seconds = reports.reduce((n, { run }) => n + run.seconds, 0);
  const totals = `tests="${count('tests')}" failures="${count('failures')}" errors="${count('errors')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="s3loadtest" ${totals} time="${time(seconds)}">`,
    ...suites.map(({ xml }) => xml),
    '</testsuites>',
  ].join('\n');
}

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
}

/** What a run has to keep to, and how it was broken. */
interface Case {
  readonly group: string;
  readonly name: string;
  readonly broken?: { readonly as: 'failure' | 'error'; readonly type: string; readonly message: string };
}

function suiteOf(report: Report): { xml: string; counts: Counts } {
  const { run, workers, verdict, warnings } = report;
  const cases = casesOf(report);
  const of = (kind: 'failure' | 'error') => cases.filter(({ broken }) => broken?.as === kind).length;
  const counts = { tests: cases.length, failures: of('failure'), errors: of('error') };
  const host = workers[0]?.host ?? 'localhost';
  const properties = [
    ['run', run.id],
    ['operations', String(report.total.ops)],
    ['operations_per_s', String(Number(report.total.opsPerSecond.toPrecision(6)))],
    ['payload_bytes_per_s', String(Math.round(report.total.bytesPerSecond))],
    ['errors', String(report.total.errors)],
    ['limit', verdict.limit],
  ];
  const said = [verdict.message, ...verdict.evidence, ...warnings.map(({ code, message }) => `${code}: ${message}`)];
  const xml = [
    `  <testsuite name="${text(title(report))}" tests="${counts.tests}" failures="${counts.failures}" errors="${counts.errors}" skipped="0"` +
      ` time="${time(run.seconds)}" timestamp="${text(run.startedAt.slice(0, 19))}" hostname="${text(host)}">`,
    '    <properties>',
    ...properties.map(([name = '', value = '']) => `      <property name="${name}" value="${text(value)}"/>`),
    '    </properties>',
    ...cases.map(caseXml),
    `    <system-out>${text([`${run.id}, started ${startText(report)}`, ...said].join('\n'))}</system-out>`,
    '  </testsuite>',
  ].join('\n');
  return { xml, counts };
}

function casesOf(report: Report): Case[] {
  const { run, thresholds, total, connections, partial, interrupted, workers, errors } = report;
  const achieved = total.ops > 0 || connections.some(({ opened, ended }) => opened > (ended.rejected ?? 0));
  const why = errors
    .map(({ class: name, count, sample }) => `${name} ${count}${sample ? ` (${sample})` : ''}`)
    .join('; ');
  const lost = workers.flatMap(({ id, host, lost: how }) =>
    how === undefined ? [] : [`${id} on ${host}: ${how.why}`],
  );
  const ofRun = (name: string, holds: boolean, type: string, message: string): Case => ({
    group: 'run',
    name,
    ...(holds ? {} : { broken: { as: 'error', type, message } }),
  });
  return [
    ofRun('ran to its end', !partial && !interrupted, partial ? 'partial' : 'interrupted', stateText(report)),
    ofRun('operations succeeded', achieved, 'nothing', `none did: ${why || 'none began'}`),
    ...(workers.length > 1 ? [ofRun('all workers to the end', lost.length === 0, 'worker-lost', lost.join('; '))] : []),
    ...thresholds.map(({ metric, expr, ok }): Case => {
      const message = `${metric} ${expr} did not hold${why === '' ? '' : `; errors: ${why}`}`;
      return {
        group: `thresholds.${run.tests.join('+')}`,
        name: `${metric} ${expr}`,
        ...(ok ? {} : { broken: { as: 'failure', type: 'threshold', message } }),
      };
    }),
  ];
}

function caseXml({ group, name, broken }: Case): string {
  const attributes = `classname="${text(`s3loadtest.${group}`)}" name="${text(name)}" time="0"`;
  if (broken === undefined) return `    <testcase ${attributes}/>`;
  const { as, type, message } = broken;
  return `    <testcase ${attributes}>\n      <${as} type="${type}" message="${text(message)}"/>\n    </testcase>`;
}

const time = (seconds: number) => seconds.toFixed(3);

function text(value: string): string {
  return (
    value
      .split('\n')
      .map(plain)
      .join('\n')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      // XML has no such characters, however written.
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\ufffe\uffff]/g, '\ufffd')
  );
}
