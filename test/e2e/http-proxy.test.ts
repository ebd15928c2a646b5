/** HTTP_PROXY, HTTPS_PROXY, NO_PROXY: every part goes by them alike, or by none. The store's name exists at the proxy only. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseResult, sum } from '../../lib/result/result';
import { startHttpProxy } from '../http-proxy';
import { freePort, makeCertificates, missing } from '../servers';
import {
  CLI,
  environment,
  keysIn,
  newBucket,
  openStage,
  Program,
  programKnowing,
  type Site,
  type Stage,
} from '../stage';

const noOpenssl = (await missing(['openssl'])).length > 0;

let stage: Stage;
let secure: Site | undefined;
beforeAll(async () => {
  stage = await openStage();
  if (!noOpenssl) secure = await stage.another({ tls: await makeCertificates(stage.folder) });
});
afterAll(() => stage?.stop());

async function place(site: Site) {
  const home = await stage.home();
  const bucket = await newBucket(site);
  const env = environment(stage, home, site.server, bucket);
  const run = (args: readonly string[], more: NodeJS.ProcessEnv) =>
    new Program(process.execPath, [CLI, ...args], { ...env, ...more }, home.path).ended;
  return { home, bucket, env, run };
}

const LOAD = ['run', 'firehose', '--size', '1KB', '--concurrency', '4', '--duration', '1s'];

describe.each(['native', 'http'])('backend %s', (S3LOADTEST_BACKEND) => {
  test.each(['http', 'https'])('%s: load, cleanup and figures', async (scheme) => {
    const site = scheme === 'http' ? stage.site : secure;
    if (site === undefined) return;
    const proxy = await startHttpProxy(site.server.endpoints[0], 'me:hush');
    const { bucket, run } = await place(site);
    const by = {
      S3LOADTEST_BACKEND,
      S3_ENDPOINTS: `${scheme}://s3.test:9000`,
      [`${scheme.toUpperCase()}_PROXY`]: proxy.url,
    };
    const { code, stdout, stderr } = await run([...LOAD, '--json'], by);
    expect(code, stderr).toBe(0);
    const result = parseResult(stdout);
    expect(sum(result.totals).errors).toBe(0);
    expect(result.run.httpProxies).toEqual([proxy.host]);
    expect(stderr).toContain(`on ${by.S3_ENDPOINTS} through the proxy ${proxy.host}`);
    expect(stdout + stderr).not.toContain('hush');
    const pattern = scheme === 'http' ? /^[A-Z]+ http:\/\/s3\.test:9000\// : /^CONNECT s3\.test:9000$/;
    const loaded = proxy.asked.length;
    expect(loaded).toBeGreaterThan(0);
    for (const one of proxy.asked) expect(one).toMatch(pattern);
    const cleaned = await run(['cleanup', '--yes'], by);
    proxy.stop();
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(keysIn(site, bucket)).toEqual([]);
    expect(proxy.asked.length).toBeGreaterThan(loaded);
    expect(proxy.asked.at(-1)).toMatch(pattern);
  });

  test.each([
    { how: 'NO_PROXY', args: [], more: { NO_PROXY: '127.0.0.0/8,.test' } },
    { how: '--http-proxy none', args: ['--http-proxy', 'none'], more: {} },
  ])('$how: past it', async ({ args, more }) => {
    const proxy = await startHttpProxy(stage.server.endpoints[0]);
    const { home, env } = await place(stage.site);
    const hosts = join(home.path, 'hosts');
    await writeFile(hosts, '127.0.0.1 s3.test\n');
    const S3_ENDPOINTS = stage.server.endpoints[0].replace('127.0.0.1', 's3.test');
    const by = { ...env, S3LOADTEST_BACKEND, S3_ENDPOINTS, HTTP_PROXY: proxy.url, ...more };
    const run = (...all: string[]) => programKnowing(hosts, [...all, ...args], by, home.path).ended;
    const { code, stdout, stderr } = await run(...LOAD, '--json');
    const cleaned = await run('cleanup', '--yes');
    proxy.stop();
    expect(code, stderr).toBe(0);
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(parseResult(stdout).run.httpProxies).toBeUndefined();
    expect(proxy.asked).toEqual([]);
  });

  test('a proxy that wants a password, or is not there, is told in a line', async () => {
    const proxy = await startHttpProxy(stage.server.endpoints[0], 'me:hush');
    const { run } = await place(stage.site);
    for (const HTTP_PROXY of [`http://${proxy.host}`, `http://127.0.0.1:${await freePort()}`]) {
      const by = { S3LOADTEST_BACKEND, S3_ENDPOINTS: 'http://s3.test', HTTP_PROXY };
      for (const command of [LOAD, ['cleanup', '--yes']]) {
        const { code, stderr } = await run(command, by);
        expect({ code, stderr }).toEqual({
          code: 2,
          stderr: expect.stringMatching(
            /HTTP_PROXY or HTTPS_PROXY: the proxy does not pass requests on \(.*\): set it right/,
          ),
        });
      }
    }
    proxy.stop();
  });
});

test('a proxy of another kind is refused, without its password', async () => {
  const { run } = await place(stage.site);
  const by = { S3_ENDPOINTS: 'http://s3.test', HTTP_PROXY: 'socks5://me:hush@127.0.0.1:1' };
  for (const command of [LOAD, ['cleanup', '--yes']]) {
    const { code, stderr } = await run(command, by);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/HTTP_PROXY is a proxy of socks5:\/\/: give http:\/\/host:port/),
    });
    expect(stderr).not.toContain('hush');
  }
});

test('the report has it', async () => {
  const proxy = await startHttpProxy(stage.server.endpoints[0]);
  const { home, run } = await place(stage.site);
  const by = { S3_ENDPOINTS: 'http://s3.test', HTTP_PROXY: proxy.url };
  const { code, stdout, stderr } = await run([...LOAD, '--json'], by);
  proxy.stop();
  expect(code, stderr).toBe(0);
  const report = await run(['report', '--format', 'text', join(home.data, 'results', parseResult(stdout).run.id)], {});
  expect(report.stdout + report.stderr).toContain(proxy.host);
});
