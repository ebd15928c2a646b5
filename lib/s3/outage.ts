/** Which endpoint is next, and which are left out because they do not answer: what extension/request/outage.go is to all VUs of a process. */
import type { Outcome } from './outcome';

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

/** Endpoints in turn. */
export interface Turns<Host> {
  /**
   * The one whose turn it is. Where that is left out the others take its turns by turns of their own, so that each gets as many;
   * where all are left out, it is the one.
   */
  next(): Host;
  /** Takes note of whether an endpoint answered. */
  learn(outcome: Pick<Outcome, 'endpoint' | 'status' | 'failure'>): void;
}

/**
 * `first` is the number of the one to begin with, `passedOver` hears whose turn was another's. Of a single one there is nothing to
 * learn.
 */
export function takeTurns<Host extends { readonly endpoint: string }>(
  hosts: readonly Host[],
  first: number,
  passedOver: (endpoint: string) => void = () => {},
): Turns<Host> {
  const outages = hosts.length > 1 ? createOutages() : undefined;
  let at = first % hosts.length;
  let instead = at;
  const after = (n: number) => (n + 1 === hosts.length ? 0 : n + 1);

  const another = (meant: Host, { mayTry }: Outages): Host => {
    for (const _ of hosts) {
      const other = hosts[instead] as Host;
      instead = after(instead);
      if (other === meant || !mayTry(other.endpoint)) continue;
      passedOver(meant.endpoint);
      return other;
    }
    return meant;
  };

  return {
    next: () => {
      const host = hosts[at] as Host;
      at = after(at);
      return outages === undefined || outages.mayTry(host.endpoint) ? host : another(host, outages);
    },
    learn: ({ endpoint, status, failure }) => {
      if (outages === undefined) return;
      if (status === 0) outages.notAnswered(endpoint, failure?.message ?? '');
      else outages.answered(endpoint);
    },
  };
}
