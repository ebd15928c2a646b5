/** A line that k6 or the CLI has to say. */
export interface LogLine {
  /** debug, info, warning or error. */
  readonly level: string;
  readonly message: string;
}
