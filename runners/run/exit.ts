/** The CLI's exit codes; 99 is k6's own. */
export const EXIT = { ok: 0, failed: 1, usage: 2, regression: 3, threshold: 99 } as const;
