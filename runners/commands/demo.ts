/** `npm start`: firehose against a real S3 server that is made for it, and gone afterwards. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Options } from '../run/settings';
import { ROOT } from '../tools/project';
import { startServer } from '../tools/server';
import { getTools } from '../tools/tools';
import { addRunOptions, run } from './run';

const DURATION = '30s';
const STATS_INTERVAL = '5s';

export function addDemo(program: Command): void {
  addRunOptions(program.command('demo'))
    .description(`run firehose for ${DURATION} against a versitygw that it starts and removes (npm start does this)`)
    .option('--keep', 'keep the server running after the run until Ctrl-C, to look at the bucket')
    .action(async (options: Options) => {
      process.exitCode = await demo(options);
    });
}

async function demo(options: Options): Promise<number> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const tools = await getTools(['k6', 'versitygw'], { env: process.env, root: ROOT, log });
  // A signal must not end us before the server is stopped: the run stops at it, and we go on to the end.
  let stopAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    stopAsked = resolve;
  });
  let signalled = false;
  const onSignal = () => {
    signalled = true;
    stopAsked();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  const server = await startServer(tools.versitygw.path, process.env);
  try {
    if (signalled) return 1;
    log(
      `versitygw ${tools.versitygw.version} at ${server.environment.S3_ENDPOINTS}, bucket ${server.environment.S3_BUCKET}`,
    );
    // The demo's server is the one to load, whatever .env or the environment name: its settings come first.
    const environment = {
      // Stages have their own times.
      ...(options.stages === undefined && !process.env.S3LOADTEST_STAGES ? { S3LOADTEST_DURATION: DURATION } : {}),
      S3LOADTEST_STATS_INTERVAL: STATS_INTERVAL,
      ...process.env,
      ...server.environment,
      S3_POOL: '',
      AWS_SESSION_TOKEN: '',
      S3_ADDRESSING: 'path',
      S3LOADTEST_K6: tools.k6.path,
    };
    const exit = await run(['firehose'], options, environment);
    if (options.keep === true && !signalled) {
      const file = join(server.folder, 'demo.env');
      const lines = Object.entries(server.environment).map(([name, value]) => `export ${name}=${value}\n`);
      writeFileSync(file, lines.join(''), { mode: 0o600 });
      log(`The server stays up until Ctrl-C. For another client: . ${file}`);
      await Promise.race([asked, server.ended]);
    }
    return exit;
  } finally {
    await server.stop();
    log('versitygw and its folder are gone');
  }
}
