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
  /** Of its own, in place of the file's. */
  readonly objects?: { readonly sizes?: FileSizes };
}

export interface WorkloadFile extends Access, FileShape {
  readonly name: string;
  readonly description?: string;
  readonly objects?: FileObjects;
  readonly bucket?: { readonly mayChange?: boolean; readonly mayLock?: boolean };
  /** Which buckets, where it is not the one of the settings. */
  readonly buckets?: FileBuckets;
  /** Profiles of AWS's files: VUs ask with the credentials of one each. */
  readonly credentials?: readonly string[];
  readonly temporary?: FileTemporary;
  readonly prepare?: {
    /** VUs that write the objects at once. */
    readonly workers?: number;
  };
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

export interface FileObjects {
  readonly sizes?: FileSizes;
  readonly popularity?: string;
  readonly range?: string;
  /** How many `s3loadtest prepare` writes, all buckets together. */
  readonly count?: number;
  /** What stands before and behind the number in their keys. */
  readonly names?: { readonly prefix?: string; readonly postfix?: string };
  /** PUT replaces objects that are there, in place of writing new ones. */
  readonly overwrite?: boolean;
  /** Each VU has an object for its HEADs alone, and one for its PUT_OBJECT_ACLs. */
  readonly dedicated?: boolean;
}

/** Objects that each VU writes and deletes again in the run: numbers, or percentages such as `5%`. */
export interface FileTemporary {
  /** How many at a time; a percentage is of objects.count. */
  readonly create: number | string;
  /** How many of them; all by default. */
  readonly delete?: number | string;
  /** Time from when they are written until they are deleted. */
  readonly lifetime: string;
  /** Percent of a VU's operations that are about them. */
  readonly share?: number;
  /** What is done to them meanwhile. */
  readonly operations?: Percentages;
}

export interface FileBuckets {
  /** Names. */
  readonly existing?: readonly string[];
  /** How many `s3loadtest prepare` creates, for each of the credentials. */
  readonly new?: number;
  readonly prefix?: string;
  readonly postfix?: string;
  /** Their names are like no others: an ID stands before the postfix. */
  readonly unique?: boolean;
  readonly versioning?: boolean;
}

/** One size, several of which each is as often, or sizes with weights. */
export type FileSizes = string | readonly string[] | Readonly<Record<string, number>>;
