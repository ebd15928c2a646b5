/** What logind does with a run when our session ends, by programs that answer as systemd's do. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { works } from '../../test/stage';
import { shellHere } from './local';
import { Remote } from './remote';
import { probe, runFolder, runStatus, startRun, stopRun } from './worker';

const MACHINE = { id: 'w0', host: 'here', slot: 0 };
const ME = userInfo().username;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 's3lt-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What one property is, as busctl prints it; and what logind's files say. */
interface Systemd {
  readonly busctl?: Readonly<Record<string, string>>;
  readonly files?: string;
  readonly lingers?: boolean;
  /** The script of systemd-run; it works where none is named. */
  readonly run?: string;
  /** We are in a session. */
  readonly session?: boolean;
}

/** As systemd-run takes a command: it runs it, and marks it as its own. */
const SCOPE = 'for each; do case $each in --*) shift ;; *) break ;; esac; done; IN_SCOPE=1 exec "$@"';

function machine(shell: string, { busctl, files, lingers = false, run = SCOPE, session = true }: Systemd): Remote {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const program = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = execFileSync('sh', ['-c', `command -v ${shell}`], { encoding: 'utf8' }).trim();
  symlinkSync(path, join(bin, 'sh'));
  const answers = Object.entries(busctl ?? {}).map(
    ([name, told]) => `[ "$5" != ${name} ] || { echo '${told}'; exit 0; }`,
  );
  const right = '[ "$1 $2 $4" = "get-property org.freedesktop.login1 org.freedesktop.login1.Manager" ] || exit 2';
  program('busctl', [right, ...answers, 'exit 1'].join('\n'));
  const path0 = join(bin, 'logind.conf');
  writeFileSync(path0, files ?? '');
  program('systemd-analyze', `[ "$*" = "cat-config systemd/logind.conf" ] && cat ${path0}`);
  program('loginctl', `[ "$*" = "show-user ${ME} --property=Linger" ] && echo Linger=${lingers ? 'yes' : 'no'}`);
  program('systemd-run', run);
  const env = { PATH: [bin, process.env.PATH].join(delimiter), HOME: folder };
  return new Remote(MACHINE, shellHere(MACHINE, session ? { ...env, XDG_SESSION_ID: '7' } : env));
}

const leavesOf = async (remote: Remote) => {
  mkdirSync(join(folder, 'code'), { recursive: true });
  const { leaves, user } = await probe(remote, join(folder, 'code'), mkdtempSync(join(folder, 'logs-')), []);
  return { leaves, user };
};

const ENDS = { KillUserProcesses: 'b true', KillOnlyUsers: 'as 0', KillExcludeUsers: 'as 1 "nobody"' };
const shells = ['dash', 'bash'].filter((shell) => works('sh', '-c', `command -v ${shell}`));

describe.each(shells)('by %s', (shell) => {
  test.concurrent.each<{ of: Systemd; leaves: string; why: string }>([
    { of: { busctl: ENDS, session: false }, leaves: 'kept', why: 'sshd without PAM makes no session' },
    { of: { busctl: { ...ENDS, KillUserProcesses: 'b false' } }, leaves: 'kept', why: "most distributions' default" },
    { of: {}, leaves: 'kept', why: 'nobody says that it is ended' },
    { of: { busctl: ENDS }, leaves: 'killed', why: "systemd's own default" },
    { of: { busctl: ENDS, lingers: true }, leaves: 'scope', why: 'beside the session' },
    { of: { busctl: ENDS, lingers: true, run: 'exit 1' }, leaves: 'killed', why: "no manager of the user's own" },
    {
      of: { busctl: { ...ENDS, KillExcludeUsers: `as 2 "nobody" "${ME}"` } },
      leaves: 'kept',
      why: 'a user that is spared',
    },
    { of: { busctl: { ...ENDS, KillOnlyUsers: 'as 1 "nobody"' } }, leaves: 'kept', why: 'only others are not' },
    { of: { busctl: { ...ENDS, KillOnlyUsers: `as 1 "${ME}"` } }, leaves: 'killed', why: 'only this one is not' },
    {
      of: {
        files:
          '# /etc/systemd/logind.conf\n[Login]\n#KillUserProcesses=no\nKillExcludeUsers=nobody\nKillUserProcesses=yes\n',
      },
      leaves: 'killed',
      why: 'files say it where logind can not be asked',
    },
    {
      of: {
        files:
          'KillExcludeUsers=nobody\nKillUserProcesses=yes\n# /etc/systemd/logind.conf.d/own.conf\nKillUserProcesses=no\n',
      },
      leaves: 'kept',
      why: 'the last of them',
    },
  ])('$leaves: $why', async ({ of, leaves }) => {
    expect(await leavesOf(machine(shell, of))).toEqual({ leaves, user: ME });
  });

  test.each([
    { lingers: true, marked: true },
    { lingers: false, marked: false },
  ])('a run begins beside the session where it can: $lingers', async ({ lingers, marked }) => {
    const remote = machine(shell, { busctl: ENDS, lingers });
    const logs = mkdtempSync(join(folder, 'logs-'));
    const dir = runFolder(logs, 'run', 'w0');
    const pid = await startRun(remote, dir, ['sleep', '30'], { A: 'b' });
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8').includes('IN_SCOPE=1')).toBe(marked);
    expect(await runStatus(remote, logs)).toMatchObject([{ state: 'running', pid }]);
    expect(await stopRun(remote, dir, { int: 200, term: 200 })).toMatchObject({ state: 'ended', left: [] });
  });

  test('a run that systemd-run does not begin has its words as the reason', async () => {
    const once = join(mkdtempSync(join(folder, 'once-')), 'tried');
    // The trial before it goes well.
    const run = `[ ! -e ${once} ] && : > ${once} && exit 0; echo "Failed to start transient scope unit" >&2; exit 1`;
    const remote = machine(shell, { busctl: ENDS, lingers: true, run });
    const dir = runFolder(mkdtempSync(join(folder, 'logs-')), 'run', 'w0');
    await expect(startRun(remote, dir, ['sleep', '30'], {})).rejects.toThrow(
      /it did not start: Failed to start transient scope unit$/,
    );
  });
});
