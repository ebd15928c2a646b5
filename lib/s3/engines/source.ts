/** Engines on k6/http as a VU has them, and what k6 has to be told of what they do. */
import exec from 'k6/execution';
import http from 'k6/http';
import type { Connect, Engine, EngineOptions, Recorder } from '../engine';
import { createRecorder, createSilentRecorder, forgetTags } from './recorder';

const FINE = { min: 200, max: 399 };

export function connectOnK6(create: (options: EngineOptions, recorder: Recorder) => Engine): Connect {
  return ({ silent, missesExpected }) => {
    const recorder = silent ? createSilentRecorder() : createRecorder(missesExpected);
    const expected = missesExpected ? http.expectedStatuses(FINE, 404) : http.expectedStatuses(FINE);
    return {
      create: (options) => create(options, recorder),
      begin: () => {
        // Of a VU that comes from another scenario, or back out of a ramp's fall, k6 has taken the tags away.
        if (exec.vu.metrics.tags.name !== undefined) return;
        forgetTags();
        http.setResponseCallback(expected);
      },
      flush: recorder.flush,
    };
  };
}
