import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../lib/settings/config';
import { addSettingOptions, loadSome } from './settings';

describe('settings of a command that needs a few', () => {
  test('the others are neither missed nor looked at', () => {
    expect(loadSome(['dataDir', 'prefix'], {}, { S3LOADTEST_DATA_DIR: '/d', S3LOADTEST_SIZE: 'nonsense' })).toEqual({
      dataDir: '/d',
      prefix: 'loadtest/',
    });
  });

  test('options come before the environment', () => {
    expect(loadSome(['prefix'], { prefix: 'a/' }, { S3LOADTEST_PREFIX: 'b/' })).toEqual({ prefix: 'a/' });
  });

  test('those named are checked and missed, all at once', () => {
    const problems = () => loadSome(['bucket', 'endpoints', 'prefix'], { prefix: 'a' }, { S3_ENDPOINTS: 'x' });
    expect(problems).toThrow(ConfigError);
    expect(problems).toThrow(/^S3_BUCKET is missing.*\nS3_ENDPOINTS is "x".*\n--prefix is "a": give/);
  });

  test('a message names what the user typed: the option, the variable, or the variable and its file', () => {
    const folder = mkdtempSync(join(tmpdir(), 's3loadtest-settings-'));
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    writeFileSync(join(folder, '.env'), 'S3LOADTEST_SEED=x\n');
    try {
      const load = () =>
        loadSome(
          ['duration', 'seed', 'timeout'],
          { duration: '-5' },
          { S3LOADTEST_DURATION: '1m', S3LOADTEST_TIMEOUT: '0' },
        );
      expect(load).toThrow(
        new RegExp(
          `^--duration is "-5": .*\nS3LOADTEST_SEED in ${folder}/\\.env is "x": .*\nS3LOADTEST_TIMEOUT is "0": `,
        ),
      );
    } finally {
      rmSync(folder, { recursive: true });
      vi.restoreAllMocks();
    }
  });

  test('only their options are taken', () => {
    const command = addSettingOptions(new Command('x'), ['prefix', 'bucket']);
    expect(command.options.map((option) => option.long)).toEqual(['--prefix']);
    expect(addSettingOptions(new Command('x')).options.length).toBeGreaterThan(10);
  });
});
