/** kubectl, as far as runs in a cluster are asked for: by the cluster and user that it is set up for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ConfigError } from '../../../lib/settings/config';
import { run } from '../../run/child';

/** A cluster that doesn't answer is not waited for longer. */
const ANSWER_MS = 30_000;

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: ReadonlyArray<{
      readonly name: string;
      readonly state?: { readonly terminated?: { readonly exitCode: number; readonly reason?: string } };
    }>;
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
}

/** What the operator says of a TestRun. */
export interface TestRunState {
  readonly parallelism: number;
  /** initialization, initialized, created, started, stopped, finished or error; '' at first. */
  readonly stage: string;
}

export class Kubectl {
  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly namespace: string | undefined,
  ) {}

  /** @throws ConfigError in kubectl's words */
  async testRun(name: string): Promise<TestRunState> {
    const { spec, status } = (await this.get('testruns.k6.io', name)) as {
      spec?: { parallelism?: number };
      status?: { stage?: string };
    };
    return { parallelism: spec?.parallelism ?? 0, stage: status?.stage ?? '' };
  }

  /** @throws ConfigError in kubectl's words */
  async runners(testRun: string): Promise<RunnerPod[]> {
    const { items } = (await this.get('pods', '--selector', selectorOf(testRun))) as { items: readonly Pod[] };
    return items.map(({ metadata, spec, status }) => {
      const k6 = status?.containerStatuses?.find(({ name }) => name === CONTAINER)?.state?.terminated;
      // `Completed` and `Error` say no more than the exit code.
      const reason = k6?.reason === 'Completed' || k6?.reason === 'Error' ? undefined : k6?.reason;
      const [node, phase] = [spec?.nodeName, status?.phase ?? 'Unknown'];
      return { name: metadata.name, node, phase, exit: k6?.exitCode, reason };
    });
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
    const child = spawn('kubectl', [...this.where(), ...args, '--selector', selectorOf(testRun)], {
      env: this.env,
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    try {
      const [code] = (await once(child, 'close')) as [number | null];
      return code === 0 ? undefined : lastLine(said);
    } catch (e) {
      if (signal.aborted) return undefined;
      throw notFound(e);
    }
  }

  private async get(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await run('kubectl', [...this.where(), 'get', ...args, '--output', 'json'], {
      env: this.env,
      timeoutMs: ANSWER_MS,
    }).catch((e: unknown) => {
      throw notFound(e);
    });
    if (code === 0) return JSON.parse(stdout);
    throw new ConfigError([`kubectl: ${lastLine(stderr)}`]);
  }

  private where(): string[] {
    return this.namespace === undefined ? [] : ['--namespace', this.namespace];
  }
}

const CONTAINER = 'k6';

/** As the operator labels its runners' pods. */
function selectorOf(testRun: string): string {
  return `app=k6,k6_cr=${testRun},runner=true`;
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) || 'it failed, and did not say why';

function notFound(e: unknown): Error {
  const { code, message } = e as NodeJS.ErrnoException;
  if (code !== 'ENOENT') return new ConfigError([`kubectl: ${message}`]);
  return new ConfigError(['kubectl is not on PATH: install it, or save the logs elsewhere and give the files']);
}
