/** What a workload file says, once it is checked: data only, so that it goes to k6 and to workers as JSON. */

/** Commands in percent of all operations. */
export type Percentages = Readonly<Record<string, number>>;

/** Reads against writes, and both against metadata: in percent. */
export interface SimpleAccess {
  /** GET, of data operations. The rest of them is PUT. */
  readonly read: number;
  /** Data operations, of all. The rest is spread over commands for metadata. */
  readonly data: number;
}

/** What an iteration does: one of both. */
export interface Access {
  readonly access?: SimpleAccess;
  readonly operations?: Percentages;
  /** Percent of GETs that read the newest version that is not the current one. */
  readonly olderVersions?: number;
  /** Objects of one DELETE_OBJECTS, at the most. */
  readonly batch?: number;
  /** How many different ones are set in turn. */
  readonly unique?: { readonly acls?: number; readonly policies?: number; readonly lifecycles?: number };
}

/** How much load, and when: texts as options take them. */
export interface FileShape {
  readonly vus?: number;
  readonly rate?: string;
  readonly stages?: string;
  readonly ramp?: string;
  readonly duration?: string;
  readonly bursts?: { readonly on: string; readonly off: string };
  /** Time that a VU waits after each operation. */
  readonly think?: string;
}

export interface FileLoad extends Access, FileShape {
  readonly name: string;
  /** Its weight, where the workload's VUs and rate are divided among its loads. */
  readonly share?: number;
  /** The load that must have ended before it begins. */
  readonly after?: string;
}

export interface WorkloadFile extends Access, FileShape {
  readonly name: string;
  readonly description?: string;
  readonly objects?: { readonly sizes?: FileSizes; readonly popularity?: string; readonly range?: string };
  readonly bucket?: { readonly mayChange?: boolean; readonly mayLock?: boolean };
  readonly responses?: {
    /** A VU that gets a status of 400 or more does nothing more, where this is false. */
    readonly ignoreErrors?: boolean;
    readonly retries?: number;
    readonly retryDelay?: string;
  };
  readonly loads?: readonly FileLoad[];
  /** k6 thresholds, as --threshold takes them. */
  readonly criteria?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  /** Other settings, by their options' names without dashes: `part-size: 16MB`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** One size, several of which each is as often, or sizes with weights. */
export type FileSizes = string | readonly string[] | Readonly<Record<string, number>>;
