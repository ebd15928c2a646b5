/** Waits for something no longer than it makes sense. */

/** Ends what has shown no sign of life for so many milliseconds. */
export class Deadline {
  private timer: NodeJS.Timeout | undefined;
  private late: ((reason: unknown) => void) | undefined;
  private why: (() => Error) | undefined;

  constructor(
    private readonly ms: number,
    private readonly end: () => void,
  ) {
    this.renew();
  }

  renew(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.end();
      if (this.why) this.late?.(this.why());
    }, this.ms);
  }

  /** What `work` resolves with, or rejects with `why` when time is over first. */
  over<T>(work: Promise<T>, why: () => Error): Promise<T> {
    this.why = why;
    return Promise.race([
      work,
      new Promise<never>((_, reject) => {
        this.late = reject;
      }),
    ]);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
