/** How far another machine's clock is off from this one's. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Remote } from './remote';

/** One request for the time, all in milliseconds since 1970. */
export interface ClockSample {
  /** This clock, before and after. It shows whole milliseconds, cut off. */
  readonly sentAt: number;
  readonly receivedAt: number;
  /** The other clock, somewhere between; it may have shown up to `resolution` more. */
  readonly shown: number;
  readonly resolution: number;
}

export interface ClockOffset {
  /** The other clock minus this one, milliseconds: add it to a time of ours to have theirs. */
  readonly offsetMs: number;
  /** By how much that may be wrong, at the very most, unless a clock was set meanwhile. */
  readonly errorMs: number;
  /** The quickest answer. */
  readonly rttMs: number;
}

/** Of a clock that shows milliseconds so many questions are enough. */
const QUESTIONS = 12;
/** One that shows seconds only is sentAt until it has gone on to the next, at which it can be read. */
const SECOND_MS = 1_200;
/** And it goes on late, by a tick of the kernel: time(2) reads a clock that is set at every tick, 100 of them a second or more. */
const TICK_MS = 10;
const PAUSE_MS = 10;
const SHORT_PAUSE_MS = 1;

/**
 * Each sample says between what the offset is: the clock was read at some time between question and answer. All of them
 * together say it best: the offset lies where their intervals overlap, which is no wider than that of the quickest answer.
 */
export function estimateOffset(samples: readonly ClockSample[]): ClockOffset {
  const intervals = samples.map(({ sentAt, receivedAt, shown, resolution }) => ({
    low: shown - (receivedAt + 1),
    high: shown + resolution - sentAt,
    rtt: receivedAt - sentAt,
  }));
  const rttMs = Math.min(...intervals.map(({ rtt }) => rtt));
  let low = Math.max(...intervals.map((interval) => interval.low));
  let high = Math.min(...intervals.map((interval) => interval.high));
  if (low > high) {
    // A clock was set meanwhile: the quickest of the latest says how it is now.
    const last = intervals.slice(-Math.ceil(intervals.length / 2)).sort((a, b) => a.rtt - b.rtt)[0];
    [low, high] = [last?.low ?? low, last?.high ?? high];
  }
  return { offsetMs: (low + high) / 2, errorMs: (high - low) / 2, rttMs };
}

/** Asks a machine for its time, over and over on one channel. @throws RemoteError */
export async function measureClock(remote: Remote): Promise<ClockOffset> {
  const samples: ClockSample[] = [];
  let hear: (line: string) => void = () => {};
  // Nanoseconds where date has them; others leave the letters as they are.
  const loop = 'while read -r _; do date +%s.%N; done';
  const stream = await remote.stream(loop, (line) => hear(line), { stdin: '' });
  const over = stream.ended.then(({ stderr }) => {
    throw remote.failure('command', `its clock can't be read (${stderr.trim()})`);
  });
  over.catch(() => {});
  const ask = async () => {
    const answer = new Promise<string>((resolve) => {
      hear = resolve;
    });
    const sentAt = Date.now();
    stream.write('\n');
    const line = await Promise.race([answer, over]);
    const receivedAt = Date.now();
    const [, seconds = '', nanos] = /^(\d+)\.(?:(\d{9})$)?/.exec(line) ?? [];
    if (seconds === '') throw remote.failure('command', `its clock can't be read (date says "${line}")`);
    const resolution = nanos === undefined ? 1000 + TICK_MS : 0;
    samples.push({ sentAt, receivedAt, shown: Number(seconds) * 1000 + Number(nanos ?? 0) / 1e6, resolution });
    return nanos === undefined;
  };
  try {
    const began = Date.now();
    for (;;) {
      const coarse = await ask();
      if (coarse ? Date.now() - began >= SECOND_MS : samples.length >= QUESTIONS) break;
      await sleep(coarse ? SHORT_PAUSE_MS : PAUSE_MS);
    }
  } finally {
    stream.stop();
  }
  return estimateOffset(samples);
}
