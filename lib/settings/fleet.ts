/** Settings of runs on many machines. Pure; runs in k6 and in Node. */
import { anyText, oneOf, text } from './parse';
import type { Setting, Values } from './setting';

const REMOTE_FOLDER = /^(?:~\/|\/)[^\s~]+$/;
const REMOTE_FOLDER_EXPECTED = "a path without spaces from / or, for the worker's own home, from ~/";

export const fleet = {
  workersFile: {
    env: ['S3LOADTEST_WORKERS_FILE'],
    help: 'File with the machines to run on, one per line (CLI)',
    fallback: './workers',
    parse: anyText,
    expected: 'a file',
  } satisfies Setting<string>,
  remoteCodeDir: {
    env: ['S3LOADTEST_REMOTE_CODE_DIR'],
    help: 'Folder on each worker that keeps k6 and scripts between runs (CLI)',
    fallback: '~/.s3loadtest/code',
    parse: text(REMOTE_FOLDER),
    expected: REMOTE_FOLDER_EXPECTED,
  } satisfies Setting<string>,
  remoteLogDir: {
    env: ['S3LOADTEST_REMOTE_LOG_DIR'],
    help: 'Folder on each worker that holds a folder for each run (CLI)',
    fallback: '~/.s3loadtest/runs',
    parse: text(REMOTE_FOLDER),
    expected: REMOTE_FOLDER_EXPECTED,
  } satisfies Setting<string>,
  ssh: {
    env: ['S3LOADTEST_SSH'],
    help: "What connects to workers: built-in, or system for this machine's own ssh, with certificates and hardware keys (CLI)",
    fallback: 'built-in',
    parse: oneOf('built-in', 'system'),
    expected: 'built-in or system',
  } satisfies Setting<'built-in' | 'system'>,
  sshConfig: {
    env: ['S3LOADTEST_SSH_CONFIG'],
    help: 'SSH configuration for connections to workers, as `ssh -F` takes it (CLI)',
    fallbackText: '~/.ssh/config and /etc/ssh/ssh_config',
    parse: anyText,
    expected: 'a file',
  } satisfies Setting<string>,
};

export type FleetSettings = Values<typeof fleet>;
