/** The http backend as a VU has it: its clients, and what k6 has to be told of what they do. */
import exec from 'k6/execution';
import http from 'k6/http';
import { createRecorder, createSilentRecorder, forgetTags } from '../recorder';
import type { Counting } from './api';
import type { Clients } from './backends';
import { createHttpS3 } from './client';

const FINE = { min: 200, max: 399 };

export function connectHttp({ silent, missesExpected }: Counting): Clients {
  const recorder = silent ? createSilentRecorder() : createRecorder(missesExpected);
  const expected = missesExpected ? http.expectedStatuses(FINE, 404) : http.expectedStatuses(FINE);
  return {
    create: (options) => createHttpS3(options, recorder),
    begin: () => {
      // Of a VU that comes from another scenario, or back out of a ramp's fall, k6 has taken the tags away.
      if (exec.vu.metrics.tags.name !== undefined) return;
      forgetTags();
      http.setResponseCallback(expected);
    },
    flush: recorder.flush,
  };
}
