/** The settings inside k6: from the environment, then `./.env`, then `~/.s3loadtest/.env`. */
import { type Config, ConfigError, type Environment, readConfig } from './config';
import { parseEnvFile } from './env-file';
import { FROM_CLI } from './protocol';

/** @throws ConfigError naming every missing and every bad setting. */
export function loadConfig(): Config {
  return readConfig(__ENV, ...envFiles());
}

function envFiles(): Environment[] {
  // The CLI has read the files already. And k6 puts every file that a script opens into an archive: `k6 archive` and
  // `k6 cloud run` pass no system variables on, so where there is no PATH there is to be no secret either.
  if (__ENV[FROM_CLI.present] !== undefined || __ENV.PATH === undefined) return [];
  const folders = [__ENV.PWD, __ENV.HOME && `${__ENV.HOME}/.s3loadtest`];
  return folders.flatMap((folder) => (folder ? readIfThere(`${folder}/.env`) : []));
}

function readIfThere(path: string): Environment[] {
  let text: string;
  try {
    text = open(path);
  } catch (e) {
    // k6 has no other way to ask whether a file is there.
    if (/no such file/.test(String(e))) return [];
    throw new ConfigError([`${path} can't be read (${String(e)}): make it readable, or move it away`]);
  }
  return [parseEnvFile(text)];
}
