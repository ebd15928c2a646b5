/** What a load out of a workload file does, as data: VUs make their step of it. */
export interface CommandShares {
  /** Whole parts by op. */
  readonly shares: Readonly<Record<string, number>>;
  /** Milliseconds that a VU waits after each operation, where it has a time of its own. */
  readonly think?: number;
  /** A VU that gets a status of 400 or more does nothing more. */
  readonly endsAtErrors?: boolean;
  /** Objects of one batch, at the most. */
  readonly batch?: number;
  /** How many different ones are set in turn. */
  readonly unique?: { readonly acls?: number; readonly policies?: number; readonly lifecycles?: number };
}
