/** `s3loadtest export k8s <patterns>`: a run as manifests for k6-operator. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { newRunId } from '../../lib/result/protocol';
import { type Config, ConfigError, settings } from '../../lib/settings/config';
import { LONGEST_NAME, manifestsOf } from '../fleet/kubernetes/manifests';
import { needsIntervals } from '../run/backend';
import { EXIT } from '../run/exit';
import { writeAtomically } from '../run/folder';
import { startsNone, startsProxy } from '../run/proxy';
import { addSettingOptions, collect, loadOpenSettings, loadSettings, loadSome, type Options } from '../run/settings';
import { patterns, ROOT, scriptText } from '../tools/project';
import { pinnedK6 } from '../tools/tools';
import { wantedOf } from './wanted';

/** More runners than that would be another tool's business. */
const MOST_WORKERS = 1_000;
/** Only who wrote it may read it. */
const SECRET_MODE = 0o600;

export function addExport(program: Command): void {
  addSettingOptions(
    program
      .command('export')
      .description('write files to run a pattern in another system')
      .command('k8s')
      .argument('<patterns...>', patterns().join(', '))
      .description('write manifests for k6-operator that run one pattern, or several at once')
      .requiredOption('--workers <n>', 'number of runners: --concurrency is for each, --rate for all together')
      .option('--output <folder>', 'folder for the manifests (default: k8s/NAME in the data folder)')
      .option('--name <name>', 'name of the TestRun and its parts (default: s3loadtest-PATTERNS)')
      .option('--namespace <name>', "namespace to run in (default: kubectl's current one)")
      .option('--image <image>', "an image with the project's k6 (see docs/kubernetes.md; default: stock k6)")
      .option('--stock', "the image has stock k6, without the project's extension")
      .option('--secret-name <name>', 'existing Secret with the credentials; no Secret is written then')
      .option('--out <uri>', "k6's --out (repeatable)", collect),
  ).action(async (names: string[], options: Options) => {
    process.exitCode = await exportK8s(names, options, process.env);
  });
}

async function exportK8s(names: readonly string[], typed: Options, environment: NodeJS.ProcessEnv): Promise<number> {
  const { name: own, script, tests, options, profiles } = wantedOf(names, typed);
  checkProfiles(profiles);
  const secretName = text(options, 'secretName');
  if (secretName === undefined) checkCredentials(loadSome(['credentials'], options, environment));
  const { config, environment: values } =
    secretName === undefined ? loadSettings(options, environment) : loadOpenSettings(options, environment);
  const workers = readWorkers(text(options, 'workers') ?? '');
  checkNames(options);
  checkProxy(config);
  if (config.untilSteady) {
    throw new ConfigError([
      `${settings.untilSteady.env[0]} is true: runners in a cluster have nobody to end them: leave it out`,
    ]);
  }
  const { image, extension } = await imageOf(options);
  if (!extension) needsIntervals(config);
  const name = text(options, 'name') ?? `s3loadtest-${own}`;
  const manifests = manifestsOf({
    name,
    namespace: text(options, 'namespace'),
    workers,
    image,
    extension,
    script: { file: basename(script), text: scriptText(script) },
    tests,
    runId: newRunId(Date.now(), name),
    settings: { ...values, [settings.backend.env[0]]: backendOf(config, values, extension) },
    outs: (options.out as string[] | undefined) ?? [],
    durationMs: config.duration,
    secretName,
  });

  const folder = text(options, 'output') ?? join(config.dataDir, 'k8s', name);
  const secretFile = join(folder, 'secret.yaml');
  const hadSecret = existsSync(secretFile);
  try {
    writeAtomically(join(folder, 'configmap.yaml'), yaml(manifests.configMap));
    writeAtomically(join(folder, 'testrun.yaml'), yaml(manifests.testRun));
    if (manifests.secret !== undefined) writeAtomically(secretFile, yaml(manifests.secret), SECRET_MODE);
  } catch (e) {
    console.error(`error: manifests can't be written to ${folder}: ${(e as Error).message}`);
    return EXIT.failed;
  }
  console.log(`${folder}: ${workers} runner${workers > 1 ? 's' : ''} of ${image}`);
  if (manifests.secret !== undefined) console.log(`${secretFile} holds the credentials: keep it to yourself`);
  else if (hadSecret) console.error(`warning: ${secretFile} of an earlier export is still there, with credentials`);
  for (const endpoint of config.endpoints.filter((each) => /\/\/(?:localhost|127\.|\[::1\])/.test(each))) {
    console.error(`warning: ${settings.endpoints.env[0]} has ${endpoint}, which in a pod is that pod`);
  }
  // Else kubectl would keep a copy in an annotation, which takes no script, and is no place for credentials.
  console.log(`  kubectl apply --server-side -f ${folder}`);
  return EXIT.ok;
}

const text = (options: Options, name: string) => options[name] as string | undefined;

// Lines are never folded: scripts stay as they are, and differences of two exports readable.
const yaml = (manifest: object) => stringify(manifest, { lineWidth: 0, blockQuote: 'literal' });

function readWorkers(value: string): number {
  const workers = Number(value);
  if (/^\d+$/.test(value) && workers >= 1 && workers <= MOST_WORKERS) return workers;
  throw new ConfigError([`--workers is "${value}": give a whole number from 1 to ${MOST_WORKERS}`]);
}

/** Names that Kubernetes takes, but for the TestRun's, which has more to satisfy; and what has no sense with runners. */
function checkNames(options: Options): void {
  const problems: string[] = [];
  for (const option of ['namespace', 'secretName'] as const) {
    const name = text(options, option);
    if (name === undefined || (/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= LONGEST_NAME)) continue;
    const flag = option === 'namespace' ? '--namespace' : '--secret-name';
    problems.push(`${flag} is "${name}": give small letters, digits and dashes, ${LONGEST_NAME} characters at most`);
  }
  if (options.workerId !== undefined) {
    problems.push(`--worker-id is "${options.workerId}": runners are called by their numbers, leave it out`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

/** @throws ConfigError when the run is to go through a proxy that the CLI would start */
function checkProxy(config: Config): void {
  if (!startsProxy(config)) return;
  const where = `and name one that runs by ${settings.endpoints.env[0]}`;
  throw new ConfigError([startsNone(config, 'runners start no proxy', where)]);
}

/** @throws ConfigError when credentials are to be found, which is for the one who runs */
function checkCredentials({ credentials }: Pick<Config, 'credentials'>): void {
  const [variable] = settings.credentials.env;
  if (credentials === 'worker') {
    throw new ConfigError([`${variable} is worker: only dist and start have workers: give env, or --secret-name`]);
  }
  if (credentials !== 'aws') return;
  throw new ConfigError([
    `${variable} is aws: keys of AWS's provider chain may expire in the cluster, where nothing renews them: give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --secret-name`,
  ]);
}

/** @throws ConfigError when VUs are to ask as profiles of this machine */
function checkProfiles(profiles: readonly string[] = []): void {
  if (profiles.length === 0) return;
  throw new ConfigError([
    `credentials of the file names profiles (${profiles.join(', ')}), whose keys would be in the cluster: leave it out, and give one set`,
  ]);
}

async function imageOf(options: Options): Promise<{ image: string; extension: boolean }> {
  const image = text(options, 'image');
  if (image === undefined) return { image: `grafana/k6:${await pinnedK6(ROOT)}`, extension: false };
  if (/^[\w./:@-]+$/.test(image)) return { image, extension: options.stock !== true };
  throw new ConfigError([`--image is "${image}": give an image's name, such as registry.example/s3loadtest:1`]);
}

/** The native backend where k6 has it, unless another is asked for. @throws ConfigError when it has not */
function backendOf({ backend }: Config, values: Readonly<Record<string, string>>, extension: boolean): string {
  const [variable] = settings.backend.env;
  if (extension && values[variable] === undefined) return 'native';
  if (extension || backend !== 'native') return backend;
  throw new ConfigError([
    `${variable} is "native": stock k6 has not the project's extension: leave it out, or give an --image with the project's k6`,
  ]);
}
