/** The S3 clients there are, by the names that S3LOADTEST_BACKEND has for them. */
import type { Backend } from '../config';
import type { Recorder, S3, S3Options } from './api';
import { createHttpS3 } from './client';
import { createNativeS3 } from './native';

export const backends: Readonly<Record<Backend, (options: S3Options, recorder: Recorder) => S3>> = {
  native: createNativeS3,
  http: createHttpS3,
};
