/** Credentials that end before a run does: whoever started it renews them here, and hands each set to its workers. */
import { fileOf, type Identity, type Lease, renew, textsOf } from '../run/credentials';
import { sayWhy } from './each';

/** A worker whose k6 takes sets while it runs. */
interface Taker {
  /** @throws RemoteError */
  renew(credentials: string): Promise<void>;
}

export class FreshCredentials {
  private readonly members = new Set<Taker>();
  private latest: Identity | undefined;
  private readonly renewal: { stop(): void };

  constructor(
    lease: Lease,
    private readonly warn: (line: string) => void,
  ) {
    this.renewal = renew(lease, (set) => this.take(set), warn);
  }

  /** Variables of the latest set, for a k6 that is yet to start; none where it is the first. */
  get variables(): Readonly<Record<string, string>> {
    return this.latest === undefined ? {} : textsOf(this.latest);
  }

  /** This worker gets all sets from now on, and the latest. */
  add(member: Taker): void {
    this.members.add(member);
    if (this.latest !== undefined) void this.hand(this.latest, member);
  }

  stop(): void {
    this.renewal.stop();
  }

  private async take(set: Identity): Promise<void> {
    this.latest = set;
    await Promise.all([...this.members].map((member) => this.hand(set, member)));
  }

  private async hand(set: Identity, member: Taker): Promise<void> {
    try {
      await member.renew(fileOf(set));
    } catch (e) {
      this.warn(`new credentials were not taken: ${sayWhy(e)}`);
    }
  }
}
