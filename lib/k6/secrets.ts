/** Credentials out of k6's secrets: those of `--secret-source`, or of k6 Cloud. k6 gives them while a run goes on, not before. */
import imported from 'k6/secrets';
import { type Config, CREDENTIALS, type CredentialName, leavesSigning, settings } from '../settings/config';

/** What is loaded by `require` gets the whole module for its default. */
const secrets = (imported as { default?: typeof imported }).default ?? imported;

/** What those that are there are called: nothing that setup could not hand to every VU. */
export type SecretNames = Readonly<Partial<Record<CredentialName, string>>>;

/** The variable's own name, and one as stores have it that take no capitals. */
function namesFor(credential: CredentialName): string[] {
  const [variable] = settings[credential].env;
  return [variable, variable.toLowerCase().replaceAll('_', '-')];
}

/** Looks for each credential that the settings lack, or says why one that is needed is not there. */
export async function findSecrets(config: Config): Promise<{ names: SecretNames } | { problem: string }> {
  const names: Partial<Record<CredentialName, string>> = {};
  for (const credential of CREDENTIALS.filter((name) => isLacking(name, config))) {
    const found = await find(credential);
    if ('name' in found) names[credential] = found.name;
    else if (credential !== 'sessionToken') return found;
  }
  return { names };
}

/** Settings have '' for one that is to come. A token comes with the keys that it belongs to. */
function isLacking(name: CredentialName, config: Config): boolean {
  const { accessKeyId, secretAccessKey, sseCKey } = config;
  if (name === 'sseCKey') return sseCKey === '';
  return !leavesSigning(config) && (accessKeyId === '' || secretAccessKey === '');
}

async function find(credential: CredentialName): Promise<{ name: string } | { problem: string }> {
  let problem = '';
  for (const name of namesFor(credential)) {
    try {
      await secrets.get(name);
      return { name };
    } catch (e) {
      problem ||= String(e).replace(/^(?:Go)?Error: /, '');
    }
  }
  return { problem };
}

/** The secrets of those names. k6 asks their source once, however many VUs ask. @throws Error when one is no credential */
export async function readSecrets(names: SecretNames): Promise<Partial<Pick<Config, CredentialName>>> {
  const credentials: Partial<Record<CredentialName, string>> = {};
  for (const credential of CREDENTIALS) {
    const name = names[credential];
    if (name === undefined) continue;
    const value = settings[credential].parse((await secrets.get(name)).trim());
    if (value === undefined)
      throw new Error(`the secret ${name} is (not shown): give ${settings[credential].expected}`);
    credentials[credential] = value;
  }
  return credentials;
}
