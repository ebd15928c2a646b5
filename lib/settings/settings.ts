/**
 * All settings: the tables by audience as one, and the values of a run. The scripts, the CLI's help and docs/settings.md read
 * these tables; a new setting is a row in one of them. Pure; runs in k6 and in Node.
 */
import { type FleetSettings, fleet } from './fleet';
import { type LoadSettings, load } from './load';
import { type ReportSettings, report } from './report';
import { type RunSettings, run } from './run';
import type { Setting } from './setting';
import { type CredentialName, type StoreSettings, store } from './store';

export const settings = { ...store, ...load, ...run, ...report, ...fleet };
export type SettingName = keyof typeof settings;

/** The settings by whom they concern, as docs/settings.md shows them. */
export const AUDIENCES = { store, load, run, report, fleet } as const;

/** What the user typed for a setting, where it was not left to its default: `--duration`, `AWS_REGION in ./.env`. */
export type TypedNames = Readonly<Partial<Record<SettingName, string>>>;
export const TYPED = Symbol('typed');

/** The settings of one run, checked. Durations in milliseconds, sizes in bytes, rate in operations a second. */
export type Config = StoreSettings &
  LoadSettings &
  RunSettings &
  ReportSettings &
  FleetSettings & { readonly [TYPED]?: TypedNames };

/** What VUs go by: the rest is with VU 0 alone, since each setting is there as often as there are VUs. */
export type VuConfig = Pick<
  Config,
  | CredentialName
  | 'addressing'
  | 'backend'
  | 'bucket'
  | 'bytesPerSecond'
  | 'checksum'
  | 'checksumTrailer'
  | 'concurrency'
  | 'duration'
  | 'endpoints'
  | 'headers'
  | 'jslibUrl'
  | 'partConcurrency'
  | 'partSize'
  | 'popularity'
  | 'prefix'
  | 'range'
  | 'region'
  | 'requestTimeout'
  | 'retries'
  | 'retryDelay'
  | 'seed'
  | 'signPayload'
  | 'sizes'
  | 'sseC'
  | 'storageClass'
  | 'timeout'
  | 'verify'
  | 'verifySsl'
  | 'workerId'
>;

/** A setting as a message names it: as the user typed it, else by its variable. */
export function nameOf(config: { readonly [TYPED]?: TypedNames }, name: SettingName): string {
  return config[TYPED]?.[name] ?? settings[name].env[0];
}

/** What a Result may hold of the settings: all but the secret ones. */
export function publicConfig(config: Config): Record<string, unknown> {
  const secret = (name: string) => (settings[name as SettingName] as Setting<unknown>).secret;
  return Object.fromEntries(Object.entries(config).filter(([name]) => !secret(name)));
}

/** A value as a user would type it. */
export function showValue(s: Setting<unknown>, value: unknown): string {
  if (s.show !== undefined) return s.show(value);
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** The default of a setting as help and docs show it. */
export function defaultText(s: Setting<unknown>): string {
  if (s.required) return 'required';
  return s.fallbackText ?? (s.fallback === undefined ? 'none' : showValue(s, s.fallback));
}
