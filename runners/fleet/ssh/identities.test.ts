import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { notRun, works } from '../../../test/stage';
import type { SshTarget } from './config';
import { identitiesFor } from './identities';

let folder: string;
let agent: { socket: string; pid: number } | undefined;
const file = (name: string) => join(folder, name);

const here = works('sh', '-c', 'command -v ssh-keygen && command -v ssh-agent && command -v ssh-add');
if (!here) notRun('keys and agents', "OpenSSH's client");

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
  if (!here) return;
  const make = (name: string, passphrase: string, ...more: string[]) =>
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', name, ...more, '-f', file(name)]);
  for (const name of ['plain', 'held', 'other']) make(name, '');
  make('locked', 'secret');
  writeFileSync(file('rubbish'), 'no key\n');
  make('certified', '');
  execFileSync('ssh-keygen', ['-q', '-s', file('plain'), '-I', 'id', '-n', 'bench', `${file('certified')}.pub`]);
  writeFileSync(file('token'), 'what a token keeps\n');
  writeFileSync(`${file('token')}.pub`, 'sk-ssh-ed25519@openssh.com AAAA me\n');
  const said = execFileSync('ssh-agent', ['-s', '-a', file('agent')], { encoding: 'utf8' });
  agent = { socket: file('agent'), pid: Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]) };
  const env = { ...process.env, SSH_AUTH_SOCK: agent.socket };
  for (const name of ['other', 'held']) execFileSync('ssh-add', ['-q', file(name)], { env });
  // As of a token: the private half is the agent's alone.
  rmSync(file('held'));
});
afterAll(() => {
  if (agent) process.kill(agent.pid);
  rmSync(folder, { recursive: true, force: true });
});

function target(more: Partial<SshTarget>, ...names: string[]): SshTarget {
  return {
    alias: 'node1',
    hostname: 'node1',
    jumped: false,
    command: 'ssh node1',
    port: 22,
    user: 'bench',
    identityFiles: names.map(file),
    identitiesOnly: false,
    agent: undefined,
    knownAs: [],
    knownHostsFiles: [],
    unknownKeys: 'refuse',
    connectTimeoutMs: undefined,
    keepaliveMs: undefined,
    ...more,
  };
}

describe.runIf(here)('what is tried', () => {
  const by = () => ({ agent: agent?.socket });
  test.each<{ of: () => SshTarget; tried: string[]; problems?: string[]; why: string }>([
    { of: () => target({}, 'none', 'plain'), tried: ['FOLDER/plain'], why: 'files that are there' },
    { of: () => target({}), tried: [], why: 'nothing, where there is nothing' },
    { of: () => target(by()), tried: ['other in the agent', 'held in the agent'], why: "the agent's, as it has them" },
    {
      of: () => target(by(), 'held', 'plain'),
      tried: ['held in the agent', 'other in the agent', 'FOLDER/plain'],
      why: 'of those the one that the configuration names comes first, by its public half',
    },
    {
      of: () => target({ ...by(), identitiesOnly: true }, 'held.pub', 'plain'),
      tried: ['held in the agent', 'FOLDER/plain'],
      why: 'and is the only one where that is asked for',
    },
    {
      of: () => target({ ...by(), identitiesOnly: true }, 'other'),
      tried: ['other in the agent'],
      why: 'a key is not tried twice',
    },
    {
      of: () => target({}, 'locked'),
      tried: [],
      problems: ['FOLDER/locked has a passphrase: run `ssh-add FOLDER/locked`'],
      why: 'no passphrase is asked for',
    },
    {
      of: () => target({}, 'rubbish', 'plain'),
      tried: ['FOLDER/plain'],
      problems: [
        'FOLDER/rubbish is no private key that can be used here (Unsupported key format): give one that ssh-keygen made',
      ],
      why: 'what is no key keeps no other from being tried',
    },
    {
      of: () => target({}, 'certified', 'token'),
      tried: ['FOLDER/certified'],
      problems: [
        "FOLDER/certified-cert.pub is a certificate, which can't be used here: set S3LOADTEST_SSH=system, or make the key itself known there",
        "FOLDER/token is a hardware key, which can't be used here: give IdentityFile another one, or set S3LOADTEST_SSH=system",
      ],
      why: 'what ssh could use and we can not is named',
    },
    {
      of: () => target({ agent: file('nowhere') }, 'plain'),
      tried: ['FOLDER/plain'],
      problems: [
        'the agent at FOLDER/nowhere does not answer (Failed to connect to agent): start it, or unset SSH_AUTH_SOCK',
      ],
      why: 'nor does an agent that is gone',
    },
  ])('$why', async ({ of, tried, problems = [] }) => {
    const identities = await identitiesFor(of());
    const plain = (texts: readonly string[]) => texts.map((text) => text.replaceAll(folder, 'FOLDER'));
    expect(plain(identities.tried)).toEqual(tried);
    expect(plain(identities.problems)).toEqual(problems);
    for (const method of identities.methods) expect(method).toMatchObject({ username: 'bench' });
  });

  test('what an agent has and we can not use is named', async () => {
    const said = execFileSync('ssh-agent', ['-s', '-a', file('agent-2')], { encoding: 'utf8' });
    try {
      execFileSync('ssh-add', ['-q', file('certified')], { env: { ...process.env, SSH_AUTH_SOCK: file('agent-2') } });
      const { tried, problems } = await identitiesFor(target({ agent: file('agent-2') }));
      expect(tried).toEqual(['certified in the agent']);
      expect(problems).toEqual([
        "certified in the agent is a certificate, which can't be used here: set S3LOADTEST_SSH=system, or make the key itself known there",
      ]);
      const only = target({ agent: file('agent-2'), identitiesOnly: true });
      expect((await identitiesFor(only)).problems).toEqual([]);
    } finally {
      process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]));
    }
  });

  test('a key with a passphrase that the agent has', async () => {
    const env = { ...process.env, SSH_AUTH_SOCK: agent?.socket, DISPLAY: ':', SSH_ASKPASS_REQUIRE: 'force' };
    const ask = file('ask');
    writeFileSync(ask, '#!/bin/sh\necho secret\n', { mode: 0o700 });
    execFileSync('ssh-add', ['-q', file('locked')], { env: { ...env, SSH_ASKPASS: ask } });
    expect(readFileSync(file('locked'), 'utf8')).toContain('OPENSSH PRIVATE KEY');
    const { tried, problems } = await identitiesFor(target({ agent: agent?.socket, identitiesOnly: true }, 'locked'));
    expect(tried).toEqual(['locked in the agent']);
    expect(problems).toEqual([]);
  });
});
