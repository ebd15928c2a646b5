/** Which endpoints a VU leaves out because they do not answer: what extension/request/outage.go is to all VUs of a process. */

/** An endpoint that answers none of so many requests in a row is left out for a while. */
export const OUT_AFTER = 3;
/** How long it is left out before one request tries it again: doubling. Milliseconds. */
const FIRST_OUTAGE_MS = 1_000;
const LONGEST_OUTAGE_MS = 30_000;

/** What is wrong with this machine, and with no endpoint. */
const OWN_FAULT = /too many open files|cannot assign requested address/i;

export interface Outages {
  /** Whether a request may go there now: of an endpoint that is left out, one when its time has come. */
  mayTry(endpoint: string): boolean;
  answered(endpoint: string): void;
  notAnswered(endpoint: string, why: string): void;
}

export function createOutages(clock: () => number = Date.now): Outages {
  const known = new Map<string, { unanswered: number; until: number; pause: number }>();
  return {
    mayTry: (endpoint) => {
      const one = known.get(endpoint);
      if (one === undefined || one.unanswered < OUT_AFTER) return true;
      if (clock() < one.until) return false;
      one.until = clock() + LONGEST_OUTAGE_MS;
      return true;
    },
    answered: (endpoint) => {
      known.delete(endpoint);
    },
    notAnswered: (endpoint, why) => {
      if (OWN_FAULT.test(why)) return;
      const one = known.get(endpoint) ?? { unanswered: 0, until: 0, pause: FIRST_OUTAGE_MS / 2 };
      known.set(endpoint, one);
      if (++one.unanswered < OUT_AFTER) return;
      one.pause = Math.min(2 * one.pause, LONGEST_OUTAGE_MS);
      one.until = clock() + one.pause;
    },
  };
}
