import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { notRun, works } from '../../../test/stage';
import type { SshTarget } from './config';
import { KnownHost } from './known-hosts';

let folder: string;
const keys: Record<string, string> = {};
let file: string;

const here = works('sh', '-c', 'command -v ssh-keygen');
if (!here) notRun('known_hosts', 'ssh-keygen');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
  file = join(folder, 'known_hosts');
  if (!here) return;
  for (const [name, type] of Object.entries({ one: 'ed25519', two: 'ed25519', rsa: 'rsa', ecdsa: 'ecdsa' })) {
    const path = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path]);
    keys[name] = readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const key = (name: string) => keys[name] as string;
const bytes = (name: string) => Buffer.from(key(name).split(' ')[1] as string, 'base64');

const HOST: SshTarget = {
  alias: 'node1',
  hostname: '10.0.0.5',
  jumped: false,
  command: 'ssh node1',
  port: 22,
  user: 'root',
  identityFiles: [],
  identitiesOnly: false,
  agent: undefined,
  knownAs: ['10.0.0.5'],
  knownHostsFiles: [],
  unknownKeys: 'refuse',
  connectTimeoutMs: undefined,
  keepaliveMs: undefined,
};
const ON_2222 = { port: 2222, knownAs: ['[10.0.0.5]:2222', '10.0.0.5'] };

/** What is said of a key where known_hosts has these lines; undefined when it is trusted. */
async function judged(lines: readonly string[], shown: string, more: Partial<SshTarget> = {}, hashed = false) {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  if (hashed) execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
  const known = await KnownHost.lookUp({ ...HOST, knownHostsFiles: [file], ...more }, process.env);
  return (await known.objection(bytes(shown)))?.message;
}

describe.runIf(here)('a key is trusted', () => {
  test.each<{ lines: () => string[]; shown?: string; more?: Partial<SshTarget>; hashed?: boolean; why: string }>([
    { lines: () => [`10.0.0.5 ${key('one')}`], why: 'as it stands' },
    { lines: () => [`10.0.0.5 ${key('one')}`], hashed: true, why: 'with its name hashed' },
    { lines: () => [`[10.0.0.5]:2222 ${key('one')}`], more: ON_2222, why: 'with its port' },
    { lines: () => [`[10.0.0.5]:2222 ${key('one')}`], more: ON_2222, hashed: true, why: 'with its port, hashed' },
    { lines: () => [`10.0.0.5 ${key('one')}`], more: ON_2222, why: 'without its port, as ssh has it' },
    { lines: () => [`10.0.*,!10.0.0.6 ${key('one')} rack 4`], why: 'by a pattern' },
    { lines: () => ['# old', `10.0.0.5 ${key('two')}`, `10.0.0.5 ${key('one')}`], why: 'one of several' },
    { lines: () => [`10.0.0.5 ${key('two')}`, `10.0.0.5 ${key('rsa')}`], shown: 'rsa', why: 'of another type' },
    { lines: () => [`real ${key('one')}`], more: { knownAs: ['real'] }, why: 'under its HostKeyAlias' },
    { lines: () => [], more: { unknownKeys: 'no' }, why: 'unknown, where ssh is told not to ask' },
  ])('$why', async ({ lines, shown = 'one', more, hashed }) => {
    expect(await judged(lines(), shown, more, hashed)).toBeUndefined();
  });

  test('new, where ssh is told to take new ones, and is known from then on', async () => {
    expect(await judged([], 'one', { unknownKeys: 'accept-new', ...ON_2222 })).toBeUndefined();
    expect(readFileSync(file, 'utf8')).toBe(`[10.0.0.5]:2222 ${key('one')}\n`);
    const again = await KnownHost.lookUp({ ...HOST, knownHostsFiles: [file], ...ON_2222 }, process.env);
    expect(await again.objection(bytes('one'))).toBeUndefined();
    expect((await again.objection(bytes('two')))?.message).toContain('is not the one in');
  });
});

describe.runIf(here)('a key is refused in one line that says what to do', () => {
  const FINGERPRINT = 'host key SHA256:[\\w+/]{43}';
  test.each<{ lines: () => string[]; shown?: string; more?: Partial<SshTarget>; says: string; why: string }>([
    {
      lines: () => [`10.0.0.6 ${key('one')}`],
      says: "FP (ssh-ed25519) is not in FILE: see that it is the host's, then ssh-keyscan -t ed25519 10.0.0.5 >> FILE",
      why: 'unknown',
    },
    {
      lines: () => [],
      shown: 'ecdsa',
      more: ON_2222,
      says: "FP (ecdsa-sha2-nistp256) is not in FILE: see that it is the host's, then ssh-keyscan -t ecdsa -p 2222 10.0.0.5 >> FILE",
      why: 'unknown, on a port',
    },
    {
      lines: () => [],
      more: { jumped: true },
      says: "FP (ssh-ed25519) is not in FILE: see that it is the host's, then ssh node1 true",
      why: 'unknown, where ssh-keyscan does not reach',
    },
    {
      lines: () => [`10.0.0.5 ${key('two')}`],
      says: 'FP (ssh-ed25519) is not the one in FILE: if it was meant to change, ssh-keygen -R 10.0.0.5 -f FILE && ssh-keyscan -t ed25519 10.0.0.5 >> FILE',
      why: 'changed',
    },
    {
      lines: () => [`[10.0.0.5]:2222 ${key('two')}`],
      more: { ...ON_2222, unknownKeys: 'no' },
      says: "FP (ssh-ed25519) is not the one in FILE: if it was meant to change, ssh-keygen -R '[10.0.0.5]:2222' -f FILE && ssh-keyscan -t ed25519 -p 2222 10.0.0.5 >> FILE",
      why: 'changed, also where ssh would let it pass: credentials go there',
    },
    {
      lines: () => [`10.0.0.5 ${key('two')}`],
      more: { unknownKeys: 'accept-new' },
      says: 'FP (ssh-ed25519) is not the one in FILE: if it was meant to change, ssh-keygen -R 10.0.0.5 -f FILE && ssh-keyscan -t ed25519 10.0.0.5 >> FILE',
      why: 'changed, where new ones are taken',
    },
    {
      lines: () => [`10.0.0.5 ${key('one')}`],
      shown: 'rsa',
      says: 'FP (ssh-rsa) is shown, but FILE has it by ssh-ed25519: if it was meant to change, ssh-keygen -R 10.0.0.5 -f FILE && ssh-keyscan -t rsa 10.0.0.5 >> FILE',
      why: 'of a type that was not known, where one is',
    },
    {
      lines: () => [`10.0.0.5 ${key('two')}`],
      more: ON_2222,
      says: "FP (ssh-ed25519) is not in FILE: see that it is the host's, then ssh-keyscan -t ed25519 -p 2222 10.0.0.5 >> FILE",
      why: 'that of another server on the same host is no contradiction',
    },
    {
      lines: () => [`10.0.0.5 ${key('one')}`, `@revoked * ${key('one')}`],
      says: 'FP (ssh-ed25519) is marked @revoked in FILE: give the host a new one',
      why: 'revoked, whatever else stands there',
    },
    {
      lines: () => [`@cert-authority *.0.0.5 ${key('two')}`],
      says: 'known_hosts has only a @cert-authority for 10.0.0.5, and host certificates are not supported here: set S3LOADTEST_SSH=system, or add its own key, ssh-keyscan -t ed25519 10.0.0.5 >> FILE',
      why: 'certificates',
    },
    {
      lines: () => [`@cert-authority 10.0.0.5 ${key('one')}`],
      says: 'known_hosts has only a @cert-authority for 10.0.0.5, and host certificates are not supported here: set S3LOADTEST_SSH=system, or add its own key, ssh-keyscan -t ed25519 10.0.0.5 >> FILE',
      why: "an authority's key is no host's",
    },
  ])('$why', async ({ lines, shown = 'one', more, says }) => {
    const message = (await judged(lines(), shown, more)) ?? '';
    expect(message.replaceAll(file, 'FILE').replace(new RegExp(FINGERPRINT), 'FP')).toBe(says);
  });

  test('a folder for a file', async () => {
    const target = { ...HOST, knownHostsFiles: [folder] };
    expect((await (await KnownHost.lookUp(target, process.env)).objection(bytes('one')))?.trouble).toBe('hostKey');
  });

  test('without ssh-keygen', async () => {
    writeFileSync(file, '');
    const target = { ...HOST, knownHostsFiles: [file] };
    await expect(KnownHost.lookUp(target, { PATH: '/nonexistent' })).rejects.toMatchObject({
      trouble: 'hostKey',
      message: "ssh-keygen is not installed, so host keys can't be verified: install OpenSSH's client",
    });
  });
});

test.runIf(here)('the types that are known are asked for first', async () => {
  writeFileSync(file, `10.0.0.5 ${key('rsa')}\n@revoked 10.0.0.5 ${key('ecdsa')}\n`);
  const known = await KnownHost.lookUp({ ...HOST, knownHostsFiles: [file] }, process.env);
  expect(known.algorithms()).toEqual([
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-rsa',
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
  ]);
});
