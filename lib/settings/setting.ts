/** What a setting is, and where its value can come from. Types only, but for two symbols and the error. */

/** One row of a table of settings. Its type says whether it always has a value: `required` or `fallback` is there. */
export interface Setting<T> {
  /** The environment variable, and further names for it. Within one source the first name that is set wins. */
  readonly env: readonly [string, ...string[]];
  /** Variables of other tools with the same meaning, in order: read where no source has one of `env`. */
  readonly others?: readonly string[];
  /** The CLI's option as commander writes it, without the dashes: `duration <time>`. */
  readonly option?: string;
  /** The option may be repeated; the variable separates its values by semicolons. */
  readonly repeats?: true;
  readonly help: string;
  /** The value where nothing sets it. */
  readonly fallback?: T;
  /** What help and docs show as the default, where the value itself would not do. */
  readonly fallbackText?: string;
  readonly required?: true;
  /** Kept out of Results, reports and logs. */
  readonly secret?: true;
  /** The value that a text stands for, or undefined when the text is not valid. */
  readonly parse: (text: string) => T | undefined;
  /** What a valid text looks like; completes the message "give …". */
  readonly expected: string;
  /** A value as a user would type it, where String() does not do that. */
  show?(value: T): string;
}

type ValueOf<S> = S extends { readonly parse: (text: string) => infer T } ? Exclude<T, undefined> : never;
type AlwaysSet = { readonly required: true } | { readonly fallback: unknown };

/** The values of a table of settings, by name. Durations in milliseconds, sizes in bytes, rates in operations a second. */
export type Values<Rows> = {
  readonly [K in keyof Rows as Rows[K] extends AlwaysSet ? K : never]: ValueOf<Rows[K]>;
} & {
  readonly [K in keyof Rows as Rows[K] extends AlwaysSet ? never : K]?: ValueOf<Rows[K]>;
};

/** Texts by variable: of a process, of a file, or of options. */
export interface Environment {
  readonly [variable: string]: string | undefined;
  /** Where they come from, when they are not variables of this process. */
  readonly [ORIGIN]?: Origin;
}

export const ORIGIN = Symbol('origin');

/** A file, or those of the variables that a user typed as options. */
export type Origin = { readonly file: string } | { readonly options: readonly string[] };

/** `--duration` of a setting that has an option. */
export function optionOf({ option }: { readonly option?: string }): string | undefined {
  return option === undefined ? undefined : `--${option.split(' ')[0]}`;
}

/** What is wrong with the settings, all of it at once: `message` has one line a problem. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}
