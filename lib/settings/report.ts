/** Settings of reports. Pure; runs in k6 and in Node. */
import { anyText } from './parse';
import type { Setting, Values } from './setting';

export const report = {
  prices: {
    env: ['S3LOADTEST_PRICES'],
    option: 'prices <file>',
    help: 'Price table to calculate costs from, or none to leave costs out (CLI)',
    fallbackText: 'data/prices.json, AWS list prices as an example',
    parse: anyText,
    expected: 'a file such as data/prices.json, or none',
  } satisfies Setting<string>,
};

export type ReportSettings = Values<typeof report>;
