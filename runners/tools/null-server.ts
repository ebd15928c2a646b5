/** The null S3 server, tools/nulls3: what a client costs shows where the server costs next to nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { $ } from 'zx';
import { ConfigError } from '../../lib/settings/config';
import { freePort } from '../process/free-port';
import { ROOT } from './project';

/** Builds tools/nulls3 and starts it. It ends with us: it watches its standard input. */
export async function startNullServer(folder: string): Promise<{ server: ChildProcess; endpoint: string }> {
  const binary = join(folder, 'nulls3');
  const built = await $({
    cwd: join(ROOT, 'tools', 'nulls3'),
    nothrow: true,
    quiet: true,
  })`go build -mod=readonly -o ${binary} .`;
  if (built.exitCode !== 0) {
    throw new ConfigError([
      `the null server can't be built: Go is needed for it (${built.stderr.trim().split('\n')[0]})`,
    ]);
  }
  const endpoint = `127.0.0.1:${await freePort()}`;
  const server = spawn(binary, ['-addr', endpoint], { stdio: ['pipe', 'pipe', 'inherit'] });
  await Promise.race([
    once(createInterface({ input: server.stdout }), 'line'),
    once(server, 'exit').then(() => Promise.reject(new Error('the null server did not start'))),
  ]);
  return { server, endpoint };
}
