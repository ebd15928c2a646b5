import { putInParts } from '../lib/s3/multipart';
import { type Environment, readConfig, settings } from '../lib/settings/config';
import { createKeyMaker, createTrackedKeys, type FoundKeys, type ListedKeys } from '../lib/workload/keys';
import { createPayload } from '../lib/workload/payload';
import { seeded } from '../lib/workload/random';
import type { VirtualUser } from '../lib/workload/step';
import { shapeOf } from '../lib/workload/with-settings';
import { writer } from '../lib/workload/write';
import { fakeS3 } from './fake-s3';

export interface VuParts extends Partial<VirtualUser> {
  /** VUs that it has, and its part of the whole load, where it has not all of it. */
  readonly vus?: number;
  readonly share?: number;
  readonly found?: FoundKeys;
  readonly listed?: ListedKeys;
}

/** A VU of a test named `tide`, that has what a real one has, but for an engine. */
export function fakeVu(
  { found = {}, listed, vus, share = 1, ...more }: VuParts = {},
  environment: Environment = {},
): VirtualUser {
  const config = readConfig({
    S3_ENDPOINTS: 'http://10.0.0.1:9000',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    S3_BUCKET: 'bucket',
    S3LOADTEST_CONCURRENCY: '4',
    ...environment,
  });
  const sizes = more.sizes ?? config.sizes ?? settings.sizes.parse('1KB,10KB') ?? [];
  const readSizes = more.readSizes ?? sizes;
  const labels = [...new Set([...sizes, ...readSizes].map(({ label }) => label))];
  const bytes = sizes.map((size) => size.bytes);
  const { engine = fakeS3({}) } = more;
  const payload = () => createPayload(bytes, config.partSize, (n) => new ArrayBuffer(n));
  return {
    engine,
    config,
    sizes,
    readSizes,
    keys: createTrackedKeys(labels, config.concurrency, found, listed),
    beside: () => {
      throw new Error('nothing was to be written beside the load');
    },
    payload,
    writer: () => writer(engine, config.partSize, payload(), putInParts),
    random: seeded(1),
    shape: shapeOf(config, vus ?? config.concurrency, share),
    makeKey: createKeyMaker(config.prefix, config.workerId, 'tide', 1),
    at: () => {
      throw new Error('there was to be one home only');
    },
    homes: 0,
    among: config.concurrency,
    number: 0,
    numberHere: 1,
    test: 'tide',
    keyEnd: '',
    startedAt: 0,
    home: 0,
    silent: () => engine,
    findKeys: () => {
      throw new Error('keys were not to be looked for');
    },
    supply: () => {
      throw new Error('no object was to be looked for');
    },
    oneByOne: false,
    hold: () => {
      throw new Error('no connection was to be held');
    },
    flush: () => {},
    dropped: () => {},
    part: () => ({ index: 0, of: 1 }),
    reportsDeleted: false,
    ...more,
  };
}
