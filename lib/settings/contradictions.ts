/** Settings that are valid alone and wrong together. Pure. */
import { aliases, basePathOf } from './endpoint';
import { STEADY_MS } from './run';
import { type Config, nameOf, type SettingName, type TypedNames } from './settings';
import { leavesSigning } from './store';
import { formatDuration } from './units';

/** A line for each. `typed` has the settings that are not left to their defaults. */
export function contradictions(config: Config, typed: TypedNames): string[] {
  return [
    ...loadProblems(config, typed),
    ...timeProblems(config, typed),
    ...checksumProblems(config),
    ...backendProblems(config),
  ];
}

const bothSet = (a: string | undefined, b: string | undefined, why: string) =>
  `${a} and ${b} are both set: ${why}, leave one of them out`;

function loadProblems({ stages, ramp, duration }: Config, typed: TypedNames): string[] {
  const problems: string[] = [];
  if (stages !== undefined && typed.duration !== undefined) {
    problems.push(bothSet(typed.stages, typed.duration, 'stages have their own times'));
  }
  if (stages !== undefined && typed.rate !== undefined) {
    problems.push(bothSet(typed.stages, typed.rate, 'rates of stages are written 100/s:5m'));
  }
  const shortest = stages ? Math.min(...stages.list.map(({ ms }) => ms)) : duration;
  if (ramp > shortest) {
    const what = stages ? 'the shortest of the stages' : 'the run';
    problems.push(
      `${typed.ramp} is ${formatDuration(ramp)}: ${what} takes ${formatDuration(shortest)}, give no more than that`,
    );
  }
  return problems;
}

/** A warm-up and a wait for steady throughput need time, and the wait needs a constant load. */
function timeProblems(config: Config, typed: TypedNames): string[] {
  const { stages, warmup, untilSteady, ramp } = config;
  const duration = stages?.list.reduce((sum, { ms }) => sum + ms, 0) ?? config.duration;
  const problems: string[] = [];
  const runTime = `the run takes ${formatDuration(duration)}`;
  // The warm-up ends with a whole second.
  const most = duration - 1000;
  if (warmup > Math.max(0, most)) {
    const remedy = most > 0 ? `give ${formatDuration(most)} or less` : 'leave it out, or run longer';
    problems.push(`${typed.warmup} is ${formatDuration(warmup)}: ${runTime}, ${remedy}`);
  }
  if (!untilSteady) return problems;
  if (typed.stages !== undefined) {
    problems.push(bothSet(typed.untilSteady, typed.stages, 'stages change the load'));
  }
  if (typed.rate !== undefined) {
    problems.push(bothSet(typed.untilSteady, typed.rate, 'a rate sets the throughput'));
  }
  const least = Math.max(warmup, ramp) + STEADY_MS;
  if (stages === undefined && duration <= least) {
    problems.push(
      `${typed.untilSteady} is true: that takes ${formatDuration(least)} at least, and ${runTime}: give a longer --duration`,
    );
  }
  return problems;
}

function checksumProblems(config: Config): string[] {
  const { checksum, checksumTrailer } = config;
  if (!checksumTrailer || (checksum !== undefined && checksum !== 'md5')) return [];
  const [name, others] = [nameOf(config, 'checksumTrailer'), 'crc64nvme, crc32c, crc32, sha1 or sha256'];
  if (checksum === undefined) return [`${name} is true, and no checksum is to be sent: give --checksum ${others}`];
  return [
    `${nameOf(config, 'checksum')} is md5, which S3 takes in a header only: give ${others}, or leave ${name} out`,
  ];
}

/** What some backends can't do. */
function backendProblems(config: Config): string[] {
  const { backend, addressing, accessKeyId, endpoints, bucket } = config;
  const name = (setting: SettingName) => nameOf(config, setting);
  const own = `${name('backend')} is "${backend}"`;
  const problems: string[] = [];
  if ((backend === 'jslib' || backend === 'proxy') && addressing === 'virtual') {
    problems.push(
      `${name('addressing')} is "virtual", and ${own}, which supports path addressing only: give path, or another backend`,
    );
  }
  if (basePathOf(endpoints[0] ?? '') === `/${bucket}`) {
    problems.push(`${name('endpoints')} has the bucket at its end: leave it out there, ${name('bucket')} says it`);
  }
  if (addressing === 'virtual' && !/^[a-z0-9.-]+$/.test(bucket)) {
    problems.push(
      `${name('bucket')} is "${bucket}", which no host name can begin with: give ${name('addressing')}=path`,
    );
  }
  const resolved = endpoints.filter((endpoint) => endpoint.includes('#'));
  if (resolved.length > 0 && (backend === 'jslib' || (backend === 'proxy' && !leavesSigning(config)))) {
    problems.push(
      `${name('endpoints')} has "${resolved[0]}", and ${own}, which looks names up by itself: give another backend`,
    );
  }
  if (backend !== 'native' && Object.keys(aliases(resolved, '')).length < resolved.length) {
    problems.push(
      `${name('endpoints')} has two addresses that ${own} can't tell apart: leave one out, or give the native backend`,
    );
  }
  if (backend !== 'jslib') return problems;
  if (config.credentials === 'worker') {
    problems.push(
      `${name('credentials')} is worker, and ${own}, which takes no keys but those it is given: give another backend`,
    );
  }
  const withPath = endpoints.find((endpoint) => basePathOf(endpoint) !== '');
  if (withPath !== undefined) {
    problems.push(`${name('endpoints')} has "${withPath}", and ${own}, which knows no path: give another backend`);
  }
  // The AWSConfig of jslib throws at shorter keys, and at longer ones with a session token. A key that comes later is '' here.
  if (accessKeyId !== '' && (accessKeyId.length < 16 || accessKeyId.length > 128)) {
    problems.push(
      `${name('accessKeyId')} has ${accessKeyId.length} characters, and ${own}, which takes 16 to 128: give such a key, or another backend`,
    );
  }
  const ipv6 = endpoints.find((endpoint) => endpoint.includes('['));
  if (ipv6 !== undefined) {
    problems.push(`${name('endpoints')} has "${ipv6}", and ${own}, which reads no IPv6 address: give a host name`);
  }
  return problems;
}
