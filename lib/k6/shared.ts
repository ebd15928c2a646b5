/**
 * What VU 0 works out once and all VUs go by. k6 evaluates a script anew in every VU, so what each of them would make for
 * itself is there as often as there are VUs. A SharedArray is filled by the first that asks for it, and k6 makes VU 0 before
 * all others: that one says how, the others find it done.
 */
import { SharedArray } from 'k6/data';
import type { ObjectSize, VuConfig } from '../settings/config';
import type { Home } from '../workload/home';
import type { Schedule, Window } from '../workload/schedule';
import type { Shape } from '../workload/shape';
import type { StepData } from '../workload/step';

/** A plan as far as VUs need it, as data. */
export interface VuPlan {
  readonly config: VuConfig;
  readonly loads: readonly VuLoad[];
  /** As of Plan. */
  readonly homes?: readonly Home[] | undefined;
  /** Path of the file that bodies are cut from; random bytes where it is left out. */
  readonly content?: string | undefined;
  /** Labels of the sizes that keys out of key files are held of. */
  readonly listed: readonly string[];
  /** Credentials are not in the settings: setup is to find them. */
  readonly lacksCredentials: boolean;
}

/** The VUs of one k6 scenario. */
export interface VuLoad {
  /** The scenario's. */
  readonly name: string;
  readonly test: string;
  readonly shape: Shape;
  readonly sizes: readonly ObjectSize[];
  /** Sizes that it reads, where they are not those. */
  readonly readSizes?: readonly ObjectSize[];
  /** Where several phases are counted apart. */
  readonly phased: boolean;
  /** That an object is not there is a miss, and no error. */
  readonly missesExpected: boolean;
  /** What its step is made of, where the script does not say. */
  readonly data?: StepData;
}

type Make<T> = () => T;

const made = (): never => {
  throw new Error('VU 0 was to make this');
};

/** The plan of a script, by what tells it from others in the same bundle; undefined when nothing is to run. */
export function sharedPlan(script: string, make: Make<VuPlan | undefined> = made): VuPlan | undefined {
  // As text: an object out of a SharedArray is frozen through and through, which doubles what it takes.
  const [text] = new SharedArray<string>(`plan of ${script}`, () => [JSON.stringify(make() ?? null)]);
  return JSON.parse(text ?? 'null') ?? undefined;
}

/** When a load is on. Each look into it costs 130 µs. */
export function sharedSchedule(load: string, make: Make<Schedule> = made): Schedule {
  return new SharedArray<Window>(`schedule of ${load}`, () => [...make()]);
}

/** Keys of a size out of key files. */
export function sharedKeys(size: string, make: Make<string[]> = made): readonly string[] {
  return new SharedArray<string>(`keys of ${size}`, make);
}
