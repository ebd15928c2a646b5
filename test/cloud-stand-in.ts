/**
 * Stands in for k6 Cloud's API on loopback, as far as k6 asks it: takes archives and metrics, hands out secrets, and says that
 * every run goes on, or that one on this machine may begin. It runs nothing. What it answers is made to what k6 v2.2.0 reads; the real one may say more.
 */
import { createServer } from 'node:http';
import { listen } from './stage';

export interface CloudStandIn {
  /** What k6 must have in its environment to take this for the cloud. */
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that was sent: `POST /path`, and the body. */
  readonly received: ReadonlyArray<{ readonly what: string; readonly body: string }>;
  stop(): void;
}

const TIME = '2026-01-01T00:00:00Z';
const LOAD_TEST = { id: 7, project_id: 1, name: 'test', baseline_test_run_id: null, created: TIME, updated: TIME };

/** `secrets` are those of its stack, by name. */
export async function startCloud(secrets: Readonly<Record<string, string>>): Promise<CloudStandIn> {
  const received: Array<{ what: string; body: string }> = [];
  let origin = '';
  let status = '';
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = (request.url ?? '').replace(/\?.*/, '');
      received.push({ what: `${request.method} ${path}`, body: Buffer.concat(chunks).toString('latin1') });
      if (path.endsWith('/start')) status = 'running';
      if (path.endsWith('/start_local_execution')) status = 'initializing';
      const answer = answerTo(path, origin, status, secrets);
      response.setHeader('content-type', 'application/json');
      response.statusCode = answer === undefined ? 404 : 200;
      response.end(JSON.stringify(answer ?? {}));
    });
  });
  origin = `http://127.0.0.1:${await listen(server)}`;
  const [host, v6] = ['K6_CLOUD_HOST', 'K6_CLOUD_HOST_V6'];
  return {
    environment: {
      [host]: origin,
      [v6]: origin,
      K6_CLOUD_TOKEN: 'token',
      K6_CLOUD_STACK_ID: '1',
      K6_CLOUD_PROJECT_ID: '1',
    },
    received,
    stop: () => server.close(),
  };
}

function answerTo(path: string, origin: string, status: string, secrets: Readonly<Record<string, string>>): unknown {
  const secret = /^\/secrets\/(.+)$/.exec(path)?.[1];
  if (secret !== undefined) return secret in secrets ? { plaintext: secrets[secret] } : undefined;
  if (/\/load_tests\/\d+\/start_local_execution$/.test(path)) return localExecution(origin);
  if (/\/(?:load_tests\/\d+\/start|test_runs\/\d+)$/.test(path)) return testRun(origin, status);
  if (/\/load_tests$/.test(path)) return LOAD_TEST;
  if (path === '/v1/tests') return { reference_id: '42' };
  return {};
}

function testRun(origin: string, status: string) {
  const details = { type: status, entered: TIME };
  return {
    ...{ id: 42, test_id: LOAD_TEST.id, project_id: 1, started_by: null, created: TIME, ended: null, note: '' },
    ...{ retention_expiry: null, cost: null, status, status_details: details, status_history: [details] },
    ...{ distribution: [], result: null, result_details: null, options: {}, k6_dependencies: {}, k6_versions: {} },
    ...{ max_vus: null, max_browser_vus: null, estimated_duration: 10, execution_duration: 0, is_starred: false },
    test_run_details_page_url: `${origin}/a/run/42`,
  };
}

function localExecution(origin: string) {
  const [none, push_url] = [null, `${origin}/push`];
  return {
    test_run_id: 42,
    archive_upload_url: `${origin}/archive`,
    test_run_details_page_url: `${origin}/a/run/42`,
    runtime_config: {
      metrics: {
        ...{ push_url, push_interval: '1s', push_concurrency: none, aggregation_period: '1s' },
        ...{ aggregation_wait_period: none, aggregation_min_samples: none, max_samples_per_package: none },
      },
      traces: { push_url, traces_metadata: {}, proto: 'http' },
      files: { push_url, screenshots_base_path: '', headers: {}, method: 'put' },
      logs: {
        ...{ push_url: `${origin}/logs`, tail_url: '', limit: 100, push_period_seconds: '1s', level: 'info' },
        ...{ message_max_size: 10_000, allowed_labels: [] },
      },
      secrets: { endpoint: `${origin}/secrets/{key}`, response_path: 'plaintext' },
      test_run_token: 'token of the run',
    },
  };
}
