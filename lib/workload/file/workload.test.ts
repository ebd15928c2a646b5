import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { operations } from '../../../test/fake-step';
import { type Config, ConfigError, type Environment, readConfig } from '../../settings/config';
import { beneath } from '../../settings/read';
import type { CommandShares } from '../command-shares';
import type { OperationStep } from '../step';
import { withSettings } from '../with-settings';
import { readWorkloadFile } from './read';
import { settingsOf, workloadOf } from './workload';

const STORE: Environment = {
  S3_ENDPOINTS: 'http://10.0.0.1:9000',
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
  S3_BUCKET: 'bucket',
};

/** A file's loads, completed by settings that come before its own. */
function loadsOf(text: string, more: Environment = {}) {
  const file = readWorkloadFile('w.yaml', text);
  const above = [{ ...STORE, ...more }];
  const own = beneath(settingsOf(file), above);
  const config: Config = readConfig(...above, own);
  const stepOf = (data: CommandShares): OperationStep => ({ ...(operations('GET') as OperationStep), data });
  const setsConcurrency = 'S3LOADTEST_CONCURRENCY' in { ...own, ...more };
  return withSettings([workloadOf(file, stepOf)], config, setsConcurrency);
}

/** Percentages by command, as they are dealt. */
function sharesOf(text: string): Record<string, number> {
  const steps = loadsOf(text).loads.map(({ step }) => step as OperationStep);
  const { shares = {} } = (steps[0]?.data ?? {}) as Partial<CommandShares>;
  return Object.fromEntries(Object.entries(shares).map(([op, parts]) => [op, parts / 10]));
}

describe('what is done', () => {
  test("the seed's example: reads, writes, and metadata spread over its commands", () => {
    const shares = sharesOf('name: web\naccess: {read: 50, data: 83}\nbucket: {mayChange: true}\n');
    const { GET, PUT, ...metadata } = shares;
    expect([GET, PUT]).toEqual([41.5, 41.5]);
    expect(Object.keys(metadata)).toHaveLength(11);
    expect(Object.values(metadata).reduce((sum, n) => sum + n, 0)).toBeCloseTo(17);
    for (const share of Object.values(metadata)) expect(Math.abs(share - 17 / 11)).toBeLessThan(0.1);
  });

  test('commands that change the bucket are left out where it may not be changed', () => {
    const ops = Object.keys(sharesOf('name: web\naccess: {read: 50, data: 83}\n'));
    expect(ops).toContain('GET_BUCKET_ACL');
    expect(ops.filter((op) => op.startsWith('PUT_BUCKET'))).toEqual([]);
  });

  test('shares of a tenth of a percent are met, and their sum is whole', () => {
    const shares = sharesOf('name: web\noperations: {GET: 33.33, PUT: 33.33, HEAD: 33.34}\n');
    expect(Object.values(shares).reduce((sum, n) => sum + n, 0)).toBeCloseTo(100);
    for (const share of Object.values(shares)) expect(Math.abs(share - 33.3)).toBeLessThan(0.11);
  });

  test('a part of the reads is of older versions', () => {
    expect(sharesOf('name: web\noperations: {GET: 80, PUT: 20}\nolderVersions: 25\n')).toEqual({
      GET: 60,
      GET_OLDER: 20,
      PUT: 20,
    });
  });
});

describe('how much', () => {
  const TWO = `name: web
duration: 20s
loads:
  - {name: writers, operations: {PUT: 100}, vus: 6, duration: 5s}
  - {name: readers, operations: {GET: 100}, rate: 50/s, vus: 4, after: writers}
`;

  test('each load has its own, one after the other', () => {
    const { loads, config } = loadsOf(TWO);
    expect(loads.map(({ name }) => name)).toEqual(['web-writers', 'web-readers']);
    expect(loads.map(({ shape }) => shape)).toEqual([
      { unit: 'vus', vus: 6, ramp: 0, stages: [{ target: 6, ms: 5_000 }] },
      {
        unit: 'rate',
        vus: 4,
        ramp: 0,
        stages: [
          { target: 0, ms: 5_000 },
          { target: 50, ms: 15_000 },
        ],
      },
    ]);
    expect(config.concurrency).toBe(10);
  });

  test('their figures are counted apart, by their names', () => {
    expect(loadsOf(TWO).loads.flatMap(({ schedule }) => schedule().map(({ phase }) => phase))).toEqual([
      'writers',
      'readers',
    ]);
  });

  test('an option gives the run another length, and what lasts as long as the run follows', () => {
    const { loads } = loadsOf(TWO, { S3LOADTEST_DURATION: '30s' });
    expect(loads[1]?.shape.stages[1]).toEqual({ target: 50, ms: 25_000 });
  });

  test.each(['S3LOADTEST_RATE', 'S3LOADTEST_CONCURRENCY'])('%s can not say it for all of them', (variable) => {
    expect(() => loadsOf(TWO, { [variable]: '5' })).toThrow(ConfigError);
    expect(() => loadsOf(TWO, { [variable]: '5' })).toThrow(`${variable} is set, and each load`);
  });

  test('a load that would begin when the run is over is refused', () => {
    expect(() => loadsOf(TWO, { S3LOADTEST_DURATION: '5s' })).toThrow(
      '"readers" begins after 5s, and the run takes 5s',
    );
  });

  test('a load that would still climb when the run is over is refused', () => {
    const text =
      'name: web\noperations: {PUT: 100}\nloads: [{name: a, vus: 4, ramp: 20s}, {name: b, vus: 1, duration: 9s}]\n';
    expect(loadsOf(text).loads[0]?.shape.ramp).toBe(20_000);
    expect(() => loadsOf(text, { S3LOADTEST_DURATION: '10s' })).toThrow(
      'load "a" climbs for 20s, and lasts 10s: run longer, or give a shorter ramp',
    );
  });

  test('loads without their own share what the file has', () => {
    const text = 'name: web\nvus: 12\noperations: {GET: 100}\nloads: [{name: a, share: 3}, {name: b}]\n';
    expect(loadsOf(text).loads.map(({ shape }) => shape.vus)).toEqual([9, 3]);
  });

  test('the run is as long as its loads, where all of them say it', () => {
    const text =
      'name: web\noperations: {GET: 100}\nloads: [{name: a, vus: 1, duration: 7s}, {name: b, stages: "1:4s,2:4s"}]\n';
    expect(loadsOf(text).config.duration).toBe(8_000);
  });

  describe('sizes of one load', () => {
    const OWN = `name: web
operations: {PUT: 100}
objects: {sizes: [1KB, 2KB]}
loads:
  - {name: own, objects: {sizes: {4KB: 3, 1MB: 1}}}
  - {name: common}
`;
    const sizesOf = (text: string, more?: Environment) =>
      loadsOf(text, more).loads.map(({ sizes }) => sizes.map(({ label, weight }) => [label, weight]));
    const own = [
      ['4KB', 3],
      ['1MB', 1],
    ];

    test('are in place of those of the file', () => {
      const common = [
        ['1KB', undefined],
        ['2KB', undefined],
      ];
      expect(sizesOf(OWN)).toEqual([own, common]);
      const { loads, config } = loadsOf(OWN);
      expect(loads.map(({ readSizes }) => readSizes.length)).toEqual([2, 2]);
      expect(config.sizes).toBeUndefined();
    });

    test('where the file has none, the others have those of a file without', () => {
      expect(sizesOf(OWN.replace(/objects: .*\n/, ''))).toEqual([own, [['1MB', undefined]]]);
    });

    test('an option is for all loads', () => {
      expect(sizesOf(OWN, { S3LOADTEST_SIZE: '8KB' })).toEqual([[['8KB', undefined]], [['8KB', undefined]]]);
    });
  });

  test('settings come before the file: one of rate, stages and VUs replaces the others', () => {
    const text = 'name: web\noperations: {GET: 100}\nstages: 10:5m,20:5m\n';
    const { config } = loadsOf(text, { S3LOADTEST_RATE: '70', S3LOADTEST_DURATION: '9s' });
    expect([config.rate, config.stages, config.duration]).toEqual([70, undefined, 9_000]);
  });
});

const FOLDER = join(import.meta.dirname, '../../../data/workloads');

describe('examples', () => {
  test.each(readdirSync(FOLDER))('%s is right, and named as its file', (file) => {
    const { name } = readWorkloadFile(file, readFileSync(join(FOLDER, file), 'utf8'));
    expect(`${name}.yaml`).toBe(file);
  });
});
