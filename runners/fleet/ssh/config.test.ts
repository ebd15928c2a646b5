import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { notRun, works } from '../../../test/stage';
import { parseEndpoint } from '../workers-file';
import { routeTo, type SshTarget } from './config';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = `
Host node1
  HostName 10.0.0.5
  Port 2222
  User bench
  IdentityFile ~/.ssh/bench
  IdentityFile %d/keys/%h-%r
  IdentitiesOnly yes
  ConnectTimeout 3
  ServerAliveInterval 7
  UserKnownHostsFile /k/one /k/two
  GlobalKnownHostsFile /dev/null
Host alias
  HostName 10.0.0.6
  HostKeyAlias the-real-one
  StrictHostKeyChecking accept-new
  IdentityAgent none
Host lax
  StrictHostKeyChecking no
  IdentityAgent ~/agent.sock
Host far
  ProxyJump outer@gate:2200,inner
Host gate
  HostName gate.example
  ProxyJump hidden
Host command
  ProxyCommand nc %h %p %r %%
Host circle
  ProxyJump other
Host other
  ProxyJump circle
Host *
  User everyone
`;

/** Resolves a host by a configuration. Without PATH there is no ssh, and the file is read here. */
async function routeBy(config: string, host: string, more: object = {}, environment: NodeJS.ProcessEnv = process.env) {
  const file = join(folder, 'config');
  writeFileSync(file, config);
  const endpoint = parseEndpoint(host);
  if (endpoint === undefined) throw new Error(`no host: ${host}`);
  return routeTo({ ...endpoint, ...more }, { file, environment });
}

async function targetBy(
  config: string,
  host: string,
  more: object = {},
  environment?: NodeJS.ProcessEnv,
): Promise<SshTarget> {
  const target = (await routeBy(config, host, more, environment)).at(-1);
  if (target === undefined) throw new Error('no route');
  return target;
}

const { homedir: home } = userInfo();
const NO_SSH = { PATH: '/nonexistent' };
const ways: Array<{ way: string; environment: NodeJS.ProcessEnv }> = [{ way: 'without ssh', environment: NO_SSH }];
if (works('ssh', '-V')) ways.push({ way: 'by ssh -G', environment: process.env });
else notRun('ssh -G', 'ssh');

describe.each(ways)('$way', ({ environment }) => {
  test('all that a host has', async () => {
    expect(await targetBy(CONFIG, 'node1', {}, environment)).toMatchObject({
      alias: 'node1',
      hostname: '10.0.0.5',
      port: 2222,
      user: 'bench',
      identityFiles: [`${home}/.ssh/bench`, `${home}/keys/10.0.0.5-bench`],
      identitiesOnly: true,
      knownAs: ['[10.0.0.5]:2222', '10.0.0.5'],
      knownHostsFiles: ['/k/one', '/k/two', '/dev/null'],
      unknownKeys: 'refuse',
      connectTimeoutMs: 3000,
      keepaliveMs: 7000,
      jumped: false,
      command: `ssh -F ${join(folder, 'config')} node1`,
    });
  });

  test('the workers file wins over it', async () => {
    const target = await targetBy(CONFIG, 'root@node1:2022', { address: '10.9.9.9' }, environment);
    expect(target).toMatchObject({ hostname: '10.9.9.9', port: 2022, user: 'root', identitiesOnly: true });
    // A host of which the file has both may be known by either.
    expect(target.knownAs).toEqual(['[10.9.9.9]:2022', '[node1]:2022', '10.9.9.9', 'node1']);
    expect(target.command).toBe(`ssh -F ${join(folder, 'config')} -p 2022 -l root -o HostName=10.9.9.9 node1`);
  });

  test('a host that it does not name', async () => {
    const target = await targetBy('', 'Node9', {}, { ...environment, SSH_AUTH_SOCK: '/run/agent' });
    expect(target).toMatchObject({ port: 22, user: userInfo().username, unknownKeys: 'refuse', identitiesOnly: false });
    expect(target.hostname.toLowerCase()).toBe('node9');
    expect(target.knownAs).toEqual(['node9']);
    expect(target.agent).toBe('/run/agent');
    expect(target.identityFiles).toContain(`${home}/.ssh/id_ed25519`);
    expect(target.knownHostsFiles).toContain(`${home}/.ssh/known_hosts`);
    expect(target.knownHostsFiles).toContain('/etc/ssh/ssh_known_hosts');
  });

  test('names and policies of host keys, and agents', async () => {
    const agent = { ...environment, SSH_AUTH_SOCK: '/run/agent' };
    expect(await targetBy(CONFIG, 'alias', {}, agent)).toMatchObject({
      knownAs: ['the-real-one'],
      unknownKeys: 'accept-new',
      agent: undefined,
    });
    expect(await targetBy(CONFIG, 'lax', {}, agent)).toMatchObject({ unknownKeys: 'no', agent: `${home}/agent.sock` });
  });

  test('jump hosts in their order, the first of them by its own configuration', async () => {
    const route = await routeBy(CONFIG, 'far', {}, environment);
    expect(route.map(({ user, hostname, port, jumped }) => [`${user}@${hostname}:${port}`, jumped])).toEqual([
      ['everyone@hidden:22', false],
      ['outer@gate.example:2200', true],
      ['everyone@inner:22', true],
      ['everyone@far:22', true],
    ]);
  });

  test('through a program, with what stands for the machine', async () => {
    const [only, ...rest] = await routeBy(CONFIG, 'command', {}, environment);
    expect([only?.proxyCommand, only?.jumped, rest]).toEqual(['nc command 22 everyone %', true, []]);
  });

  test.each([
    {
      host: 'circle',
      says: "ssh's configuration leads in a circle (everyone@circle → everyone@other → everyone@circle): take ProxyJump from the jump host",
    },
  ])('$host is refused', async ({ host, says }) => {
    await expect(routeBy(CONFIG, host, {}, environment)).rejects.toMatchObject({ trouble: 'config', message: says });
  });

  test('a file that is not there', async () => {
    const options = { file: join(folder, 'none'), environment };
    await expect(routeTo({ name: 'node1' }, options)).rejects.toThrow(
      /^ssh's configuration can't be read \(.*No such file|ENOENT/i,
    );
  });
});

if (works('ssh', '-V')) {
  test('what ssh does not understand, it says itself', async () => {
    await expect(routeBy('Host *\n  Nonsense yes\n', 'node1')).rejects.toThrow(
      /^ssh's configuration can't be read \(.*config: line 2: Bad configuration option: nonsense\): see `ssh -G node1`$/,
    );
  });

  test('a configuration that hangs is not waited for', async () => {
    const began = Date.now();
    await expect(routeBy('Match exec "sleep 30"\n  User x\n', 'node1')).rejects.toMatchObject({ trouble: 'config' });
    expect(Date.now() - began).toBeLessThan(8_000);
  });
}
