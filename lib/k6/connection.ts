/** What a VU speaks to the store by: an engine of the backend that the settings name, and connections that it holds. */
import { sleep } from 'k6';
import crypto from 'k6/crypto';
import { FROM_CLI } from '../result/protocol';
import type { Demands } from '../s3/demands';
import type { Connect, Counting, Engine, EngineOptions, EngineSource } from '../s3/engine';
import { holdConnections } from '../s3/engines/held';
import type { HeldConnections, Holding } from '../s3/held';
import type { VuConfig } from '../settings/config';
import { createKeyFrame } from '../workload/keys';
import { pause } from './pause';

/** Loaded when it is needed: most VUs never do. */
declare function require(module: './seldom'): typeof import('./seldom');

/** k6 keeps attempts at a failed operation within what the original did. */
const ATTEMPTS = 5;

/** What is done beside the load. */
export const SILENT: Counting = { silent: true, missesExpected: false };

/** An engine for one VU. */
export interface Connection extends Omit<EngineSource, 'create'> {
  readonly engine: Engine;
}

/** `first` is the endpoint that the engine begins with, by number. */
export function connect(
  by: Connect,
  config: VuConfig,
  counting: Counting,
  first: number,
  how: Partial<Pick<EngineOptions, 'plainKeys' | 'brakes' | 'timeout' | 'attempts'>> = {},
): Connection {
  const { create, begin, flush } = by(counting);
  const engine = create({ ...optionsOf(config, first), ...how });
  if (!isDemanding(config)) return { engine, begin, flush };
  const { demanding } = require('./seldom');
  return { engine: demanding(engine, demandsOf(config)), begin, flush };
}

/** Connections of one VU for a test, none at first. */
export function hold(
  config: VuConfig,
  counting: Counting,
  vu: number,
  test: string,
  holding: Holding,
): HeldConnections {
  const options = { ...optionsOf(config, vu), attempts: 1 };
  const keys = createKeyFrame(config.prefix, config.workerId, test, vu);
  if (!isDemanding(config)) return holdConnections(options, counting, holding, keys);
  const { demanded } = require('./seldom');
  const demands = demandsOf(config);
  return holdConnections(options, counting, holding, keys, (row) => demanded(row, demands));
}

/** Whether requests are to have more than S3 asks for. */
function isDemanding({ headers, storageClass, checksum, signPayload, sseC }: VuConfig): boolean {
  return (headers ?? storageClass ?? checksum) !== undefined || signPayload || sseC;
}

function demandsOf(config: VuConfig): Demands {
  if (!config.sseC) return config;
  const { customerKey } = require('./seldom');
  return { ...config, customerKey: customerKey(config.sseCKey ?? '', crypto.md5) };
}

function optionsOf(config: VuConfig, firstEndpoint: number): EngineOptions {
  const credentialsFile = __ENV[FROM_CLI.credentials];
  const attempts = config.retries === undefined ? ATTEMPTS : config.retries + 1;
  const own = { credentials: config, credentialsFile, firstEndpoint, attempts };
  return { ...config, ...own, sleep, pause: (seconds) => pause(seconds * 1000) };
}
