/** What a load out of a workload file does, as data: VUs make their step of it. */
export interface Distribution {
  /** Whole parts by op. */
  readonly shares: Readonly<Record<string, number>>;
  /** Percent of GETs that read the newest version that is not the current one. */
  readonly olderVersions?: number;
  /** How many different ones are set in turn. */
  readonly unique?: { readonly acls?: number; readonly policies?: number; readonly lifecycles?: number };
}
