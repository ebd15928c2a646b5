/** Examples that say what a pattern does: plan by plan the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { baseload } from '../../../scripts/baseload';
import { checkpoint } from '../../../scripts/checkpoint';
import { firehose } from '../../../scripts/firehose';
import { heavyread } from '../../../scripts/heavyread';
import { metastorm } from '../../../scripts/metastorm';
import { fakeVu } from '../../../test/fake-vu';
import { mixOf } from '../../k6/steps/mix';
import { COMMANDS, type Command } from '../../s3/commands';
import { type Environment, readConfig } from '../../settings/config';
import { beneath } from '../../settings/read';
import { greatestCommonDivisor, type Mix } from '../mix';
import { planOf } from '../plan';
import { opsOf } from '../step';
import type { Workload } from '../workload';
import { readWorkloadFile } from './read';
import { settingsOf, workloadOf } from './workload';

/** Shares of the decks that were made. */
const { dealt } = vi.hoisted(() => ({ dealt: [] as Mix[] }));
vi.mock('k6', () => ({}));
vi.mock('../../k6/script', () => ({ script: () => ({}) }));
vi.mock('../mix', async (original) => {
  const { createDeck, ...others } = await original<typeof import('../mix')>();
  const spied: typeof createDeck = (mix, sizes, random) => {
    dealt.push(mix);
    return createDeck(mix, sizes, random);
  };
  return { ...others, createDeck: spied };
});

beforeEach(() => {
  dealt.length = 0;
});

const SETTINGS: Environment = {
  S3_ENDPOINTS: 'http://10.0.0.1:9000',
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
  S3_BUCKET: 'bucket',
  S3LOADTEST_CONCURRENCY: '12',
  S3LOADTEST_DURATION: '3h',
  S3LOADTEST_RAMP: '1m',
};

/** What a workload is with these settings, as data. */
function planned(workload: Workload, ...own: Environment[]) {
  const plan = planOf([workload], readConfig(SETTINGS, ...own), true);
  return plan.loads.map(({ name, shape, sizes, readSizes, schedule, step }) => {
    dealt.length = 0;
    if (step.kind === 'operation') step.start(fakeVu({ sizes, readSizes }));
    return {
      name,
      shape,
      sizes,
      readSizes,
      schedule: schedule(),
      ops: opsOf(step).sort(),
      mixes: dealt.map(inLeastParts),
    };
  });
}

/** `{ GET: 7, PUT: 3 }` of 70 and 30, and of 700 and 300. */
function inLeastParts(mix: Mix): Mix {
  const shared = Object.values(mix).reduce(greatestCommonDivisor, 0);
  return Object.fromEntries(Object.entries(mix).map(([op, parts]) => [op, parts / shared]));
}

/** The step is made as any-commands.ts makes it, but for commands that no mix may name. */
function ofFile(name: string) {
  const path = join(import.meta.dirname, '../../../data/workloads', `${name}.yaml`);
  const file = readWorkloadFile(path, readFileSync(path, 'utf8'));
  const workload = workloadOf(file, ({ shares }) => {
    const rows = Object.keys(shares).map((op) => COMMANDS.get(op) as Command);
    return mixOf({ '': shares }, rows);
  });
  return planned(workload, beneath(settingsOf(file), [SETTINGS]));
}

test.each([firehose, baseload, metastorm, checkpoint, heavyread])('$name', (pattern) => {
  const own = planned(pattern);
  expect(own[0]?.mixes).toHaveLength(1);
  expect(ofFile(pattern.name)).toEqual(own);
});
