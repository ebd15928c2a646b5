/**
 * What k6-operator is to be given for a run: a TestRun, the ConfigMap of its script, and the Secret of its credentials. Pure.
 * What the operator makes of them, as far as this relies on it, was read in its v1.6.0:
 * https://github.com/grafana/k6-operator/blob/v1.6.0/pkg/resources/jobs
 */

import { FROM_CLI } from '../../../lib/result/protocol';
import { ConfigError, CREDENTIALS, NO_PROXY_STARTED, type SettingName, settings } from '../../../lib/settings/config';
import { formatCount } from '../../../lib/settings/units';
import { outputs } from '../../run/plan';

export interface Wishes {
  /** Of the TestRun and all that belongs to it. */
  readonly name: string;
  readonly namespace: string | undefined;
  /** Of the run: what its runners report, and the TestRun can be compared with. */
  readonly runId: string;
  readonly workers: number;
  readonly image: string;
  /** Whether that image's k6 is the project's own. */
  readonly extension: boolean;
  /** The bundle: its file's name and content. */
  readonly script: { readonly file: string; readonly text: string };
  /** Which of its patterns run, where not all do. */
  readonly tests: readonly string[] | undefined;
  /** Values by variable, credentials among them. */
  readonly settings: Readonly<Record<string, string>>;
  readonly outs: readonly string[];
  readonly durationMs: number;
  /** A Secret that is there already; one is made where this is left out. */
  readonly secretName: string | undefined;
}

export interface Manifests {
  readonly configMap: object;
  /** Holds the credentials. */
  readonly secret: object | undefined;
  readonly testRun: object;
}

/** What a ConfigMap takes: https://kubernetes.io/docs/concepts/configuration/configmap/ */
const CONFIG_MAP_BYTES = 1024 ** 2;
/** Names of Services: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names */
const NAME = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;
export const LONGEST_NAME = 63;

/** Settings that the CLI alone has a use for, or that name folders here. */
const NOT_FOR_RUNNERS: readonly SettingName[] = [
  ...(['dataDir', 'keyDir', 'workerId', 'tests', 'statsInterval', 'logLevel'] as const),
  ...(['workersFile', 'remoteCodeDir', 'remoteLogDir', 'ssh', 'sshConfig', 's3poolBinary', 'prices'] as const),
  ...(['s3poolUrl', 's3poolSha256'] as const),
];

const variables = (names: readonly SettingName[]) => new Set<string>(names.flatMap((name) => settings[name].env));

/** @throws ConfigError when Kubernetes would not take a name, or the script */
export function manifestsOf(wishes: Wishes): Manifests {
  const { name, namespace, secretName } = wishes;
  checkName(name, wishes.workers);
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return {
    configMap: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: scriptData(wishes.script) },
    secret:
      secretName === undefined
        ? { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: credentialsOf(wishes.settings) }
        : undefined,
    testRun: { apiVersion: 'k6.io/v1alpha1', kind: 'TestRun', metadata, spec: specOf(wishes) },
  };
}

/** The operator makes a Service of it for each runner, and a Job for the initializer. */
function checkName(name: string, workers: number): void {
  const longest = LONGEST_NAME - Math.max(`-service-${workers}`.length, '-initializer'.length);
  if (NAME.test(name) && name.length <= longest) return;
  throw new ConfigError([
    `--name is "${name}": give small letters, digits and dashes, a letter first and no dash last, ${longest} characters at most`,
  ]);
}

function scriptData({ file, text }: Wishes['script']): Record<string, string> {
  const bytes = Buffer.byteLength(text);
  if (bytes <= CONFIG_MAP_BYTES) return { [file]: text };
  throw new ConfigError([
    `${file} has ${formatCount(bytes)} bytes: a ConfigMap takes ${formatCount(CONFIG_MAP_BYTES)}: put it into an image, and ` +
      'name it by script.localFile in a TestRun',
  ]);
}

function credentialsOf(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    CREDENTIALS.flatMap((credential) => {
      const [variable] = settings[credential].env;
      const value = values[variable];
      return value === undefined ? [] : [[variable, Buffer.from(value).toString('base64')]];
    }),
  );
}

function specOf(wishes: Wishes) {
  const { name, workers, image, script, secretName } = wishes;
  return {
    parallelism: workers,
    script: { configMap: { name, file: script.file } },
    arguments: argumentsOf(wishes).join(' '),
    runner: {
      image,
      env: environmentOf(wishes),
      // Not in env: the operator's initializer puts all that is there on a command line.
      envFrom: [{ secretRef: { name: secretName ?? name } }],
    },
  };
}

/**
 * All on standard output: of one stream `kubectl logs` keeps the order, and lines whole however long they are. The operator
 * adds --quiet, the script, the execution segment, --address and --paused, and leaves out of what it gives to `k6 archive` what
 * that does not take: of --out this goes by its being an argument apart from its value.
 */
function argumentsOf({ extension, durationMs, outs }: Wishes): string[] {
  const interval = `${Math.max(1, Math.ceil(durationMs / 1000 / MOST_LINES))}s`;
  const histograms = ['--summary-mode=disabled', '--no-thresholds', '--out', `s3loadtest=-,interval=${interval}`];
  const all = [
    ...['--no-usage-report', '--log-format=json', '--log-output=stdout'],
    ...(extension ? histograms : []),
    ...outputs(outs),
  ];
  const split = outs.find((out) => !/^[\w@%+=:,./-]+$/.test(out));
  if (split === undefined) return all;
  throw new ConfigError([
    `--out is "${split}": k6-operator splits arguments at spaces: give it without any, nor quotes`,
  ]);
}

/** Of statistics in a log: a kubelet keeps 10 MiB of that at least, and a line may have 100 KB. */
const MOST_LINES = 60;

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

/** The operator's initializer asks k6 for the load by these alone, so that all but the credentials is here. */
function environmentOf({ runId, workers, extension, tests, settings: values }: Wishes): EnvVar[] {
  const left = new Set([...variables(CREDENTIALS), ...variables(NOT_FOR_RUNNERS)]);
  // That no proxy is started is for runners to know, too.
  const goes = (variable: string, value: string | undefined) =>
    !left.has(variable) ||
    (variable === settings.s3poolBinary.env[0] && value?.trim().toLowerCase() === NO_PROXY_STARTED);
  const plain = Object.entries(values).filter(([variable, value]) => goes(variable, value));
  const set = {
    ...Object.fromEntries(plain),
    ...(tests === undefined ? {} : { [settings.tests.env[0]]: tests.join(',') }),
    [FROM_CLI.present]: '1',
    [FROM_CLI.runId]: runId,
    [FROM_CLI.workers]: String(workers),
    [FROM_CLI.extension]: extension ? '1' : '',
    [FROM_CLI.keys]: '',
    // Stock k6 would ask Grafana's build service for a binary with the extension.
    K6_AUTO_EXTENSION_RESOLUTION: 'false',
  };
  return [
    // Kubernetes takes $(NAME) for a reference.
    ...Object.entries(set).map(([variable, value]) => ({ name: variable, value: value.replaceAll('$(', '$$$$(') })),
    // A runner's job is called as the TestRun, with its number: the name that its keys have.
    { name: settings.workerId.env[0], valueFrom: { fieldRef: { fieldPath: "metadata.labels['job-name']" } } },
  ];
}
