import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
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
    expect(problems).toThrow(/^S3_BUCKET is missing.*\nS3_ENDPOINTS is "x".*\nS3LOADTEST_PREFIX is "a": give/);
  });

  test('only their options are taken', () => {
    const command = addSettingOptions(new Command('x'), ['prefix', 'bucket']);
    expect(command.options.map((option) => option.long)).toEqual(['--prefix']);
    expect(addSettingOptions(new Command('x')).options.length).toBeGreaterThan(10);
  });
});
