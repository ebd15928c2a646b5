/** What went wrong while a connection was made, for people: which setting or command puts it right. */
import { loginOf, type SshTarget } from './config';
import type { Identities } from './identities';
import { BY_SYSTEM, SshProblem } from './problem';

/** The connection was closed before the server had said who it is: try again, and if it stays so, that is the problem. */
export class TurnedAway extends Error {
  constructor(readonly problem: SshProblem) {
    super(problem.message);
  }
}

/** How far a connection had come when it failed. */
export interface Progress {
  readonly target: SshTarget;
  readonly identities: Identities;
  /** The server and we agree on how to talk. */
  readonly shook: boolean;
  /** Ways to log in that the server has named. */
  readonly allowed: readonly string[];
}

/** What an error of ssh2's, of the system or of the server comes to. */
export function diagnose(
  error: Error & { level?: string; code?: unknown },
  progress: Progress,
): SshProblem | TurnedAway {
  const { target, shook } = progress;
  const { message } = error;
  const where = loginOf(target);
  const code = String(error.code ?? '');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const why = code === 'ENOTFOUND' ? 'is not known' : 'can not be looked up, as no name server answers';
    return new SshProblem('resolve', `the name ${target.hostname} ${why}: correct it, or write its address before it`);
  }
  if (code === 'ECONNREFUSED') {
    return new SshProblem('refused', `${where} refuses connections: start sshd there, or give its port as host:port`);
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ETIMEDOUT') {
    return new SshProblem('unreachable', `there is no way to ${where} (${code}): see that it is up, and the network`);
  }
  if (error.level === 'client-timeout') {
    const limit = `in ${(target.connectTimeoutMs ?? 0) / 1000} s, its ConnectTimeout in ssh's configuration`;
    return new SshProblem('timeout', `${where} did not answer ${limit}: see that it is up, or raise that`);
  }
  if (error.level === 'client-authentication' || /too many authentication failures/i.test(message)) {
    return new SshProblem('auth', whyNotLetIn(progress, message));
  }
  if (!shook && (code === 'ECONNRESET' || /before handshake|connection was closed/.test(message))) {
    const full = 'raise MaxStartups in its sshd_config, if it is that';
    return new TurnedAway(new SshProblem('refused', `${where} closes every connection at once: ${full}`));
  }
  if (/no matching|malformed|invalid identification|Protocol/i.test(message)) {
    return new SshProblem(
      'config',
      `${where} can't be talked to (${message}): see that it is an SSH 2 server of this decade`,
    );
  }
  return new SshProblem('lost', `the connection to ${where} broke off (${message}): try \`${target.command}\``);
}

function whyNotLetIn({ target, identities, allowed }: Progress, message: string): string {
  const { tried, problems } = identities;
  const where = loginOf(target);
  if (/too many/i.test(message)) {
    const fewer = 'set IdentityFile and IdentitiesOnly for it in your ssh configuration';
    return `${where} hung up before all of ${tried.join(', ')} were tried: ${fewer}`;
  }
  if (problems.length > 0) {
    const others = tried.length > 0 ? `, and ${tried.join(', ')} did not let us in` : '';
    return `not let in at ${where}: ${problems.join('; ')}${others}`;
  }
  if (tried.length === 0) {
    const files = target.identityFiles.length > 0 ? `, nor is there ${target.identityFiles.join(', ')}` : '';
    return `there is no key to log in at ${where} with: no agent has one${files}: give IdentityFile in your ssh configuration`;
  }
  if (allowed.length > 0 && !allowed.includes('publickey')) {
    return `${where} takes no keys, only ${allowed.join(', ')}: allow PubkeyAuthentication in its sshd_config, or ${BY_SYSTEM}`;
  }
  const [file] = target.identityFiles.filter((path) => tried.includes(path));
  const how = file === undefined ? '' : `, ssh-copy-id -i ${file} ${target.command.slice(4)}`;
  return `${where} let us in with none of ${tried.join(', ')}: make the public key known there${how}`;
}
