/** kubectl, as far as runs in a cluster need it, for the cluster and user that it is set up for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FROM_CLI } from '../../../lib/result/protocol';
import { ConfigError } from '../../../lib/settings/config';
import { run, StepFailure } from '../../process/child';
import { lastLine } from '../../process/last-line';

/** A cluster that doesn't answer is not waited for longer. */
const ANSWER_MS = 30_000;
/** An API server that is away, as while it is upgraded, is asked again for so long. */
const AWAY_MS = 60_000;
const ASK_AGAIN_MS = 2_000;
/** As kubectl tells that there is nobody to answer, or nobody who can now. */
const AWAY =
  /connection (?:to the server .* was )?refused|connection reset|i\/o timeout|timed? ?out|unexpected EOF|no route to host|unable to connect|handshake|ServiceUnavailable|InternalError|etcdserver|no answer/i;

interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly terminated?: { readonly exitCode: number; readonly reason?: string };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
  };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    /** Of a pod that Kubernetes ended: Evicted. */
    readonly reason?: string;
    readonly conditions?: ReadonlyArray<{
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }>;
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** A runner's pod. */
export interface RunnerPod {
  readonly name: string;
  readonly node: string | undefined;
  /** Kubernetes's word: Pending, Running, Succeeded, Failed, Unknown. */
  readonly phase: string;
  /** How k6 ended, when it has. */
  readonly exit: number | undefined;
  readonly reason: string | undefined;
  /** Whether it is being deleted. */
  readonly deleted: boolean;
}

/** What the operator says of a TestRun. */
export interface TestRunState {
  /** initialization, initialized, created, started, stopped, finished or error; '' at first. */
  readonly stage: string;
  /** The run that its spec is of, as `export k8s` has called it. */
  readonly run: string | undefined;
}

export class Kubectl {
  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly namespace: string | undefined,
    /** Takes a line of what goes wrong, and is tried again. */
    private readonly warn: (message: string) => void,
  ) {}

  /** What a command for people needs to name the namespace; '' where it is kubectl's own. */
  get flag(): string {
    return this.namespace === undefined ? '' : ` -n ${this.namespace}`;
  }

  /** @throws ConfigError in kubectl's words */
  async testRun(name: string, signal: AbortSignal): Promise<TestRunState> {
    const { spec, status } = (await this.get(signal, 'testruns.k6.io', name)) as {
      spec?: { runner?: { env?: ReadonlyArray<{ name: string; value?: string }> } };
      status?: { stage?: string };
    };
    const run = spec?.runner?.env?.find((variable) => variable.name === FROM_CLI.runId)?.value;
    return { stage: status?.stage ?? '', run };
  }

  /** @throws ConfigError in kubectl's words */
  async runners(testRun: string, signal: AbortSignal): Promise<RunnerPod[]> {
    const { items } = (await this.get(signal, 'pods', '--selector', runnersOf(testRun))) as { items: readonly Pod[] };
    return items.map(({ metadata, spec, status }) => {
      const k6 = status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state?.terminated;
      // `Completed` and `Error` say no more than the exit code.
      const ended = k6?.reason === 'Completed' || k6?.reason === 'Error' ? undefined : k6?.reason;
      const [node, phase] = [spec?.nodeName, status?.phase ?? 'Unknown'];
      const deleted = metadata.deletionTimestamp !== undefined;
      return { name: metadata.name, node, phase, exit: k6?.exitCode, reason: ended ?? status?.reason, deleted };
    });
  }

  /** Why a pod of the run, the initializer's among them, can't start; undefined when nothing keeps it from that. */
  async trouble(testRun: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.get(signal, 'pods', '--selector', podsOf(testRun)).catch((e: unknown) => {
      if (e instanceof ConfigError) return { items: [] }; // the TestRun itself is asked next
      throw e;
    });
    for (const pod of (answer as { items: readonly Pod[] }).items) {
      const why = troubleOf(pod);
      if (why !== undefined) return `${pod.metadata.name} can't start: ${why}`;
    }
    return undefined;
  }

  /**
   * Follows the logs of all runners, from their beginnings to their ends, with one kubectl whatever their number. Returns what
   * kubectl said when that ends otherwise. Lines begin with their pods.
   */
  async follow(
    testRun: string,
    runners: number,
    onLine: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const args = [
      'logs',
      '--follow',
      '--prefix',
      '--tail=-1',
      `--max-log-requests=${runners}`,
      '--container',
      CONTAINER,
    ];
    const child = spawn('kubectl', [...this.where(), ...args, '--selector', runnersOf(testRun)], {
      env: this.env,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    try {
      const [code] = (await once(child, 'close')) as [number | null];
      return code === 0 ? undefined : lastLine(errors);
    } catch (e) {
      if (signal.aborted) return undefined;
      throw notFound(e);
    }
  }

  /** @throws ConfigError in kubectl's words, when that is no matter of time, or the time is over */
  private async get(signal: AbortSignal, ...args: string[]): Promise<unknown> {
    for (const began = Date.now(); ; ) {
      const answer = await this.ask(...args);
      if ('json' in answer) return JSON.parse(answer.json);
      const away = AWAY.test(answer.problem);
      if (!away || Date.now() - began > AWAY_MS) throw new ConfigError([`kubectl: ${answer.problem}`]);
      this.warn(`kubectl: ${answer.problem}; asking again`);
      await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }

  private async ask(...args: string[]): Promise<{ json: string } | { problem: string }> {
    try {
      const command = [...this.where(), 'get', ...args, '--output', 'json'];
      const { code, stdout, stderr } = await run('kubectl', command, { env: this.env, timeoutMs: ANSWER_MS });
      return code === 0 ? { json: stdout } : { problem: lastLine(stderr) };
    } catch (e) {
      if (e instanceof StepFailure) return { problem: e.message };
      throw notFound(e);
    }
  }

  private where(): string[] {
    return this.namespace === undefined ? [] : ['--namespace', this.namespace];
  }
}

const CONTAINER = 'k6';

/** As the operator labels pods. */
const podsOf = (testRun: string) => `app=k6,k6_cr=${testRun}`;
const runnersOf = (testRun: string) => `${podsOf(testRun)},runner=true`;

/** Reasons to wait that pass by themselves. */
const ON_ITS_WAY: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** In Kubernetes's words. */
function troubleOf({ status }: Pod): string | undefined {
  const unscheduled = status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled) return `${unscheduled.reason ?? 'not scheduled'}: ${unscheduled.message ?? ''}`;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = containers.flatMap(({ state }) => state?.waiting ?? []);
  const stuck = waiting.find(({ reason = '' }) => reason !== '' && !ON_ITS_WAY.has(reason));
  return stuck && [stuck.reason, stuck.message].filter((part) => part !== undefined).join(': ');
}

function notFound(e: unknown): Error {
  const { code, message } = e as NodeJS.ErrnoException;
  if (code !== 'ENOENT') return new ConfigError([`kubectl: ${message}`]);
  return new ConfigError(['kubectl is not on PATH: install it, or save the logs elsewhere and give the files']);
}
