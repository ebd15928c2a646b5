/** What texts of a workload file are valid: as the options that say the same. Pure. */
import { settings } from '../../settings/config';
import { parseDuration } from '../../settings/units';
import { amountOf } from '../temporary';

type IsValid = (text: string) => boolean;

export const FORMATS: Readonly<Record<string, IsValid>> = {
  time: (text) => parseDuration(text) !== undefined,
  duration: (text) => settings.duration.parse(text) !== undefined,
  delay: (text) => settings.retryDelay.parse(text) !== undefined,
  rate: (text) => settings.rate.parse(text) !== undefined,
  stages: (text) => settings.stages.parse(text) !== undefined,
  size: (text) => !text.includes(',') && settings.sizes.parse(text) !== undefined,
  popularity: (text) => settings.popularity.parse(text) !== undefined,
  range: (text) => settings.range.parse(text) !== undefined,
  amount: (text) => amountOf(text) !== undefined,
  bucket: (text) => settings.bucket.parse(text) !== undefined,
  threshold: (text) => settings.thresholds.parse(text) !== undefined,
};
