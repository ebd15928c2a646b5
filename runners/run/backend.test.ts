import { expect, test } from 'vitest';
import { type Backend, type Config, ConfigError } from '../../lib/settings/config';
import { withBackend } from './backend';

function choose(extension: boolean | undefined, asked?: Backend) {
  const said: string[] = [];
  const config = { backend: asked ?? 'http' } as Config;
  const environment: Record<string, string> = asked === undefined ? {} : { S3LOADTEST_BACKEND: asked };
  const { config: chosen, environment: told } = withBackend({ config, environment }, extension, (line) =>
    said.push(line),
  );
  expect(told.S3LOADTEST_BACKEND).toBe(chosen.backend);
  return { backend: chosen.backend, extension: told.S3LOADTEST_EXTENSION, said: said.length };
}

test.each([
  { extension: true, asked: undefined, backend: 'native', told: '1', said: 0, why: 'the default where k6 has it' },
  { extension: true, asked: 'http', backend: 'http', told: '1', said: 0, why: 'another may be asked for' },
  { extension: true, asked: 'native', backend: 'native', told: '1', said: 0, why: 'or the same' },
  { extension: false, asked: undefined, backend: 'http', told: '', said: 1, why: 'and what is missing is told' },
  { extension: false, asked: 'http', backend: 'http', told: '', said: 0, why: 'but not to who does not want it' },
  { extension: true, asked: 'jslib', backend: 'jslib', told: '1', said: 0, why: 'or a third' },
  { extension: false, asked: 'proxy', backend: 'proxy', told: '', said: 0, why: 'which any k6 has' },
  { extension: undefined, asked: undefined, backend: 'http', told: '', said: 0, why: 'no k6: a dry run tells so' },
] as const)('extension $extension, asked for $asked: $backend ($why)', ({ extension, asked, backend, told, said }) => {
  expect(choose(extension, asked)).toEqual({ backend, extension: told, said });
});

test.each([false, undefined])('native of a k6 without the extension is refused (%s)', (extension) => {
  expect(() => choose(extension, 'native')).toThrow(ConfigError);
  expect(() => choose(extension, 'native')).toThrow(/^S3LOADTEST_BACKEND is "native": this k6 has not/);
});
