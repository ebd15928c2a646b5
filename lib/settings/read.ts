/** Reads settings from environments: the first that has a variable wins. Reports every problem at once. Pure. */
import { contradictions } from './contradictions';
import { ConfigError, type Environment, ORIGIN, optionOf, type Setting } from './setting';
import { type Config, type SettingName, settings, TYPED } from './settings';
import { CREDENTIALS, leavesSigning } from './store';

const IN_THE_ENVIRONMENT = 'set it in the environment or in .env';

/**
 * All settings. An empty text counts as none.
 * @throws ConfigError naming every missing and every bad setting.
 */
export function readConfig(...environments: readonly Environment[]): Config {
  const { config, lacking } = readWithoutCredentials(environments);
  if (lacking !== undefined) throw lacking;
  return config;
}

/**
 * All settings, where credentials may come later. Missing ones are '', and `lacking` is the error if they never come.
 * `elsewhere` says that they come from another place, `remedy` how to set what else is missing.
 * @throws ConfigError when anything else is missing or bad; it then names missing credentials, too, unless `elsewhere`.
 */
export function readWithoutCredentials(
  environments: readonly Environment[],
  { elsewhere = false, remedy = IN_THE_ENVIRONMENT }: { elsewhere?: boolean; remedy?: string } = {},
): { config: Config; lacking: ConfigError | undefined } {
  const names = Object.keys(settings) as SettingName[];
  const { values, typed, problems } = readValues(names, environments, remedy);
  const lacking = problems.filter(({ name, missing }) => missing && CREDENTIALS.some((each) => each === name));
  for (const { name } of lacking) values[name] = '';
  const others = problems.filter((problem) => !lacking.includes(problem));
  if (others.length > 0) throw configError(elsewhere ? others : problems);
  const config = { ...values, [TYPED]: typed } as unknown as Config;
  const wrong = contradictions(config, typed);
  if (wrong.length > 0) throw new ConfigError(wrong);
  return { config: withStages(config), lacking: lacking.length > 0 ? configError(lacking) : undefined };
}

/** Stages set the duration, and those of VUs the concurrency. */
export function withStages(config: Config): Config {
  const { stages } = config;
  if (stages === undefined) return config;
  const duration = stages.list.reduce((sum, { ms }) => sum + ms, 0);
  if (stages.unit === 'rate') return { ...config, duration };
  return { ...config, duration, concurrency: Math.max(...stages.list.map(({ target }) => target)) };
}

/**
 * Only some settings, for commands that need no others.
 * @throws ConfigError naming every missing and every bad one of them.
 */
export function readSome<K extends SettingName>(
  names: readonly K[],
  ...environments: readonly Environment[]
): Pick<Config, K> {
  const { values, problems } = readValues(names, environments, IN_THE_ENVIRONMENT);
  if (problems.length > 0) throw configError(problems);
  return values as unknown as Pick<Config, K>;
}

/** The texts of all settings that are set, each under its first name: what a child process gets. */
export function settingTexts(...environments: readonly Environment[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of Object.keys(settings) as SettingName[]) {
    const found = lookUp(settings[name], sourcesOf(name, environments));
    if (found) texts[settings[name].env[0]] = found.text;
  }
  return texts;
}

/** How much load there is: what says one of them says nothing of the others. */
const AMOUNTS = ['rate', 'stages', 'concurrency'] as const;

/** The settings of a file that others are above of: without those that would contradict what is set there. */
export function beneath(file: Environment, above: readonly Environment[]): Environment {
  const isAbove = (name: SettingName) => lookUp(settings[name], above) !== undefined;
  const given = AMOUNTS.filter(isAbove);
  const out: SettingName[] = given.length > 0 ? [...AMOUNTS] : [];
  if (given.includes('stages')) out.push('duration');
  const left = { ...file };
  for (const name of out) for (const variable of settings[name].env) delete left[variable];
  return left;
}

/** What is wrong with one setting. */
interface Problem {
  readonly name: SettingName;
  readonly missing: boolean;
  readonly line: string;
}

const configError = (problems: readonly Problem[]) => new ConfigError(problems.map(({ line }) => line));

function readValues(names: readonly SettingName[], environments: readonly Environment[], remedy: string) {
  const signsElsewhere = leavesSigning({
    backend: settings.backend.parse(lookUp(settings.backend, environments)?.text ?? '') ?? 'http',
    s3poolBinary: lookUp(settings.s3poolBinary, environments)?.text,
  });
  // Workers have their own.
  const keyless =
    signsElsewhere || settings.credentials.parse(lookUp(settings.credentials, environments)?.text ?? '') === 'worker';
  const values: Record<string, unknown> = {};
  const typed: Partial<Record<SettingName, string>> = {};
  const problems: Problem[] = [];
  for (const name of names) {
    const s = settings[name] as Setting<unknown>;
    const found = lookUp(s, sourcesOf(name, environments));
    if (!found) {
      if (keyless && (name === 'accessKeyId' || name === 'secretAccessKey')) values[name] = '';
      else if (s.required)
        problems.push({ name, missing: true, line: `${s.env[0]} is missing (${s.help}): ${remedy}` });
      else if (s.fallback !== undefined) values[name] = s.fallback;
      continue;
    }
    const value = s.parse(found.text);
    if (value === undefined) {
      problems.push({ name, missing: false, line: `${found.typed} is ${shown(s, found.text)}: give ${s.expected}` });
    } else {
      values[name] = value;
      typed[name] = found.typed;
    }
  }
  if (values.sseC === true && values.sseCKey === undefined && !problems.some(({ name }) => name === 'sseCKey')) {
    const { env, expected } = settings.sseCKey;
    problems.push({
      name: 'sseCKey',
      missing: true,
      line: `${typed.sseC} is true, and ${env[0]} is missing: give ${expected}`,
    });
  }
  return { values, typed, problems };
}

/** Endpoints may carry user:password@, and headers a key of SSE-C; hide that as well. */
function shown({ secret }: Setting<unknown>, text: string): string {
  if (secret) return '(not shown)';
  return JSON.stringify(text.replace(/\/\/[^/@,]*@/g, '//…@').replace(/(customer-key\s*:\s*)[^;]+/gi, '$1…'));
}

/**
 * Credentials are one set. A secret of the access key's own source comes before any other, and a session token of another source
 * than theirs belongs to other credentials.
 */
function sourcesOf(name: SettingName, environments: readonly Environment[]): readonly Environment[] {
  if (name !== 'secretAccessKey' && name !== 'sessionToken') return environments;
  const has = (key: SettingName) => (source: Environment) => lookUp(settings[key], [source]) !== undefined;
  const own = environments.filter(has('accessKeyId')).slice(0, 1);
  if (own.length === 0) return environments;
  const secrets = [...own, ...environments];
  if (name === 'secretAccessKey') return secrets;
  return [...own, ...secrets.filter(has('secretAccessKey')).slice(0, 1)];
}

/** The text of a setting, and what the user typed to set it. */
function lookUp(s: Pick<Setting<unknown>, 'env' | 'others' | 'option'>, environments: readonly Environment[]) {
  for (const variables of [s.env, s.others ?? []]) {
    for (const environment of environments) {
      for (const variable of variables) {
        const text = environment[variable]?.trim();
        if (text) return { text, typed: typedName(s, variable, environment) };
      }
    }
  }
  return undefined;
}

function typedName(s: { readonly option?: string }, variable: string, { [ORIGIN]: origin }: Environment): string {
  if (origin === undefined) return variable;
  if ('file' in origin) return `${variable} in ${origin.file}`;
  return (origin.options.includes(variable) && optionOf(s)) || variable;
}
