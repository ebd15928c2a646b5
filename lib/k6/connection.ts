/** What a VU speaks to the store by: an engine of the backend that the settings name, and connections that it holds. */
import { sleep } from 'k6';
import type { Connect, Counting, Engine, EngineOptions, EngineSource } from '../s3/engine';
import { holdConnections } from '../s3/engines/held';
import type { HeldConnections, Holding } from '../s3/held';
import type { VuConfig } from '../settings/config';
import { createKeyFrame } from '../workload/keys';
import { pause } from './pause';

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
  how: Partial<Pick<EngineOptions, 'plainKeys' | 'timeout' | 'attempts'>> = {},
): Connection {
  const { create, begin, flush } = by(counting);
  return { engine: create({ ...optionsOf(config, first), ...how }), begin, flush };
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
  return holdConnections(options, counting, holding, createKeyFrame(config.prefix, config.workerId, test, vu));
}

function optionsOf(config: VuConfig, firstEndpoint: number): EngineOptions {
  const own = { credentials: config, firstEndpoint, attempts: ATTEMPTS };
  return { ...config, ...own, sleep, pause: (seconds) => pause(seconds * 1000) };
}
