/** What the system's ssh said when it did not connect, for people: which setting or command puts it right. */
import { lastLine } from '../../process/last-line';
import { quote } from '../../process/quote';
import type { Trouble } from '../shell';
import type { Endpoint } from '../workers-file';
import { SshProblem } from './problem';

type Remedy = (of: { readonly endpoint: Endpoint; readonly command: string; readonly said: string }) => string;

const UP: Remedy = () => 'see that it is up, and the network';
const HOST_KEY: Remedy = ({ endpoint: { name, port }, command, said }) => {
  const known = port === undefined || port === 22 ? name : `[${name}]:${port}`;
  if (!/has changed|HAS CHANGED/.test(said)) return `see by \`${command}\` that it is the host's, and accept it`;
  const [, file] = /^Offending .* in (.+):\d+\s*$/m.exec(said) ?? [];
  const where = file === undefined ? '' : ` -f ${quote(file)}`;
  return `if it was meant to change, ssh-keygen -R ${quote(known)}${where}, then \`${command}\` shows the new one`;
};

/** OpenSSH's words. The first line that has any of them is what is wrong: those after it are what came of it. */
const KNOWN: ReadonlyArray<readonly [words: RegExp, trouble: Trouble, remedy: Remedy]> = [
  [/Could not resolve hostname/, 'resolve', () => 'correct the name, or write its address before it'],
  [/Connection refused/, 'refused', () => 'start sshd there, or give its port as host:port'],
  [/No route to host|Network is (?:unreachable|down)/, 'unreachable', UP],
  [/timed out/, 'timeout', UP],
  [/host key is known for|has changed and you have requested|Host key verification failed/, 'hostKey', HOST_KEY],
  [
    /Permission denied \(|Too many authentication failures|No more authentication methods|sign_and_send_pubkey/,
    'auth',
    ({ command }) => `see that \`${command} true\` logs in and asks for nothing`,
  ],
  [/administratively prohibited/, 'unreachable', () => 'set AllowTcpForwarding in the sshd_config of the jump host'],
  [/[Bb]ad configuration option|terminating,|no argument after keyword/, 'config', () => 'correct it'],
  [/no matching|Unable to negotiate/, 'config', ({ command }) => `see \`${command} -v\``],
];

/** As ssh says it when the other side hung up at once; the other side of a ProxyCommand or a jump host has no name. */
const HUNG_UP =
  /^(?:kex_exchange_identification:|ssh_exchange_identification:|banner exchange:|Connection (?:closed|reset) by)/;
const BY_SERVER = /^Connection (?:closed|reset) by (?!UNKNOWN)/;

export interface Failed {
  readonly problem: SshProblem;
  /** The server hung up before it had said who it is. */
  readonly turnedAway: boolean;
}

/** What `said` comes to. `command` is how a user connects to it. */
export function whatSystemSaid(said: string, endpoint: Endpoint, command: string): Failed {
  const lines = said.split('\n').flatMap((line) => line.trim() || []);
  const others = lines.filter((line) => !HUNG_UP.test(line));
  const telling = lines.find((line) => KNOWN.some(([words]) => words.test(line)));
  const [, trouble, remedy] = KNOWN.find(([words]) => words.test(telling ?? '')) ?? [undefined, 'lost' as const];
  const why = telling ?? others.at(-1) ?? lastLine(said);
  const then = remedy?.({ endpoint, command, said }) ?? `try \`${command}\``;
  return {
    problem: new SshProblem(trouble, `the system's ssh does not connect us to ${endpoint.name} (${why}): ${then}`),
    turnedAway: others.length === 0 && lines.some((line) => BY_SERVER.test(line)),
  };
}
