/**
 * A place for many k6: a Kubernetes cluster with k6-operator. Nothing is started from here, as the operator does that by the
 * manifests of `export k8s`; nor is anything stopped or removed, as the TestRun is its owner's. What there is to do is to follow
 * runners, and to gather what they measured out of their logs: the operator itself leaves each one's figures in its pod.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../../../lib/settings/config';
import { formatDuration } from '../../../lib/settings/units';
import type { Terminal } from '../../terminal/terminal';
import type { Member, MemberEvents, PlaceToFollow } from '../place';
import type { Kubectl } from './kubectl';
import { checkTogether, missingRunners, Runners, runIdOf } from './runner';

/** How often the cluster is asked how far things are. */
const LOOK_MS = 2_000;

/** Runners' logs are all that is read, and nothing is held. */
abstract class Logs implements PlaceToFollow {
  abstract follow(on: MemberEvents, terminal: Terminal, signal: AbortSignal): Promise<readonly Member[]>;
  abstract readonly run: string | undefined;
  readonly isQuiet = true;
  async collect(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Runners whose logs were saved: one a file, or in a file those that say by a prefix which pod each line is of. */
export class SavedLogs extends Logs {
  run: string | undefined;

  constructor(private readonly files: readonly string[]) {
    super();
  }

  /** @throws ConfigError when a file is no log of a runner, or they are not of one run */
  async follow(on: MemberEvents): Promise<readonly Member[]> {
    const all = [];
    for (const file of this.files) all.push(...(await readLog(file, on)));
    checkTogether(all);
    for (const runner of all) runner.end();
    this.run = runIdOf(all);
    return [...all, ...missingRunners(all, on)];
  }
}

async function readLog(file: string, on: MemberEvents) {
  const runners = new Runners(file, on);
  try {
    for await (const line of createInterface({ input: createReadStream(file) })) runners.add(line);
  } catch (e) {
    throw new ConfigError([`${file} can't be read: ${(e as Error).message}`]);
  }
  const own = runners.list.filter(({ isOfK6 }) => isOfK6);
  if (own.length > 0) return own;
  throw new ConfigError([`${file} is no log of a runner: give what \`kubectl logs POD\` says`]);
}

/** A TestRun in the cluster that kubectl is set up for. */
export class Cluster extends Logs {
  run: string | undefined;

  constructor(
    private readonly testRun: string,
    private readonly kubectl: Kubectl,
    /** How long pods that can't start are waited for, milliseconds. */
    private readonly patienceMs: number,
  ) {
    super();
  }

  /** @throws ConfigError in kubectl's words, and when the run never starts or its pods are gone */
  async follow(on: MemberEvents, terminal: Terminal, signal: AbortSignal): Promise<readonly Member[]> {
    const { testRun, kubectl } = this;
    const specRun = await this.awaitStart(terminal, signal);
    const isOwn = ({ transcript: { begin } }: Member) => specRun === undefined || begin?.facts.run.id === specRun;
    const runners = new Runners(testRun, {
      ...on,
      begin: (member) => isOwn(member) && on.begin(member),
      interval: (interval, member) => isOwn(member) && on.interval(interval, member),
    });
    const pods = await kubectl.runners(testRun, signal);
    if (pods.length === 0) throw this.gone();
    for (const { name } of pods) runners.of(name);
    // Those that come up later, or of which nothing is ever known, join these.
    const members: Member[] = [...runners.list];
    const reading = this.readLogs(runners, pods.length, terminal, signal).then(() => {
      this.check(runners, specRun);
      this.run = runIdOf(runners.list);
      const later = runners.list.filter((runner) => !members.includes(runner));
      members.push(...later, ...missingRunners(runners.list, on));
    });
    // All of them are over when all logs are read, or that went wrong.
    for (const runner of runners.list) runner.over = reading;
    return members;
  }

  /** Reads logs to their ends. One that is read once more loses nothing, and counts nothing twice. */
  private async readLogs(runners: Runners, atFirst: number, terminal: Terminal, signal: AbortSignal): Promise<void> {
    const { testRun, kubectl } = this;
    for (let count = atFirst; ; ) {
      terminal.say(`following ${count} runner${count > 1 ? 's' : ''} of ${testRun}`);
      const problem = await kubectl.follow(testRun, count, (line) => runners.add(line), signal);
      signal.throwIfAborted();
      const pods = await kubectl.runners(testRun, signal);
      const open = pods.filter(({ name, phase }) => phase === 'Running' && !runners.of(name).transcript.isComplete);
      if (open.length === 0) {
        for (const pod of pods) runners.of(pod.name).end(pod);
        const gone = runners.list.filter(({ source }) => !pods.some(({ name }) => name === source));
        for (const runner of gone) runner.end({ deleted: true });
        return;
      }
      const why = problem ?? 'the logs ended before the runners';
      terminal.log({ level: 'warning', message: `kubectl: ${why}; asking again` });
      await pause(signal);
      count = pods.length;
    }
  }

  /**
   * Waits until the operator has started all runners, and returns the run that the TestRun's spec names.
   * @throws ConfigError when it never will
   */
  private async awaitStart(terminal: Terminal, signal: AbortSignal): Promise<string | undefined> {
    const { testRun, kubectl, patienceMs } = this;
    let shown: string | undefined;
    let troubleSince: number | undefined;
    for (;;) {
      const { stage, run } = await kubectl.testRun(testRun, signal);
      if (stage === 'started' || stage === 'stopped' || stage === 'finished') return run;
      if (stage === 'error') {
        throw new ConfigError([
          `TestRun ${testRun} is in error: \`kubectl logs job/${testRun}-initializer${kubectl.flag}\` and the operator's own log say why`,
        ]);
      }
      const trouble = await kubectl.trouble(testRun, signal);
      const text = `waiting for ${testRun} to start: ${trouble ?? (stage || 'the operator has not seen it yet')}`;
      if (text !== shown) terminal.say(text);
      shown = text;
      troubleSince = trouble === undefined ? undefined : (troubleSince ?? Date.now());
      if (troubleSince !== undefined && Date.now() - troubleSince >= patienceMs) {
        const time = formatDuration(patienceMs);
        throw new ConfigError([
          `TestRun ${testRun} did not start in ${time}: ${trouble}: see \`kubectl describe pods -l k6_cr=${testRun}${kubectl.flag}\``,
        ]);
      }
      await pause(signal);
    }
  }

  /** @throws ConfigError when runners are not those of the TestRun as it is now */
  private check({ list }: Runners, specRun: string | undefined): void {
    checkTogether(list);
    const old = list.flatMap(({ transcript: { begin } }) => begin?.facts.run.id ?? []).find((id) => id !== specRun);
    if (specRun === undefined || old === undefined) return;
    throw new ConfigError([
      `TestRun ${this.testRun} has the runners of another run, ${old}, and was changed since, to ${specRun}, which the operator ` +
        `does not start: \`kubectl delete testrun ${this.testRun}${this.kubectl.flag}\`, and apply it again`,
    ]);
  }

  private gone(): ConfigError {
    const { testRun } = this;
    return new ConfigError([`TestRun ${testRun} has no runners any more, nor their logs`]);
  }
}

/** @throws the signal's reason when that comes first */
async function pause(signal: AbortSignal): Promise<void> {
  await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}
