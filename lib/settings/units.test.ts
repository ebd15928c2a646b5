import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatLatency,
  parseDuration,
  parseRate,
  parseSize,
  sizeLabel,
} from './units';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

describe('durations', () => {
  test.each([
    { text: '0s', ms: 0, why: 'nothing' },
    { text: '1.5s', ms: 1500, why: 'a tenth below 10 s' },
    { text: '9.9s', ms: 9900, why: 'up to the last' },
    { text: '45s', ms: 45 * SECOND, why: 'whole seconds from there' },
    { text: '1m30s', ms: 90 * SECOND, why: 'the largest unit first' },
    { text: '5m', ms: 5 * MINUTE, why: 'no 0s' },
    { text: '1h30m', ms: 90 * MINUTE, why: 'a sum' },
    { text: '1h30s', ms: HOUR + 30 * SECOND, why: 'nor 0m between' },
    { text: '1d', ms: DAY, why: 'a day is not 24h' },
    { text: '6d23h', ms: WEEK - HOUR, why: 'a week not begun' },
    { text: '1w', ms: WEEK, why: 'a week' },
    { text: '3w2d', ms: 3 * WEEK + 2 * DAY, why: 'there is no longer unit' },
  ])('$text both ways: $why', ({ text, ms }) => {
    expect(parseDuration(text)).toBe(ms);
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    { ms: 40, text: '0s', why: 'tenths are the least that is shown' },
    { ms: 960, text: '1s', why: 'no 1.0' },
    { ms: 9_949, text: '9.9s', why: 'the last with a tenth' },
    { ms: 9_960, text: '10s', why: 'not 10.0s' },
    { ms: 59_960, text: '1m', why: 'not 60s' },
    { ms: 3_599_600, text: '1h', why: 'nor 59m60s' },
    { ms: WEEK - 1, text: '1w', why: 'nor 6d24h' },
    { ms: HOUR + 2 * MINUTE + 3 * SECOND, text: '1h2m', why: 'two units, the third is cut' },
    { ms: 2 * HOUR - SECOND, text: '1h59m', why: 'cut, not rounded: no time that was not reached' },
  ])('$ms ms is shown as $text: $why', ({ ms, text }) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    { text: '30s', ms: 30 * SECOND, why: 'seconds' },
    { text: '90s', ms: 90 * SECOND, why: 'more of them than a minute has' },
    { text: ' 5m ', ms: 5 * MINUTE, why: 'spaces around' },
    { text: '2h', ms: 2 * HOUR, why: 'hours' },
    { text: '1w2d3h4m5s', ms: WEEK + 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND, why: 'all of them' },
    { text: '30m1h', ms: 90 * MINUTE, why: 'in any order' },
    { text: '1.5h', ms: 90 * MINUTE, why: 'a fraction' },
    { text: '500ms', ms: 500, why: 'ms is not 500 minutes and a stray s' },
    { text: '1m500ms', ms: MINUTE + 500, why: 'nor after an m' },
    { text: '1.001s', ms: 1001, why: 'not 1000.9999999999999' },
    { text: '0.5ms', ms: 0.5, why: 'half a millisecond' },
    { text: '', ms: undefined, why: 'nothing' },
    { text: '30', ms: undefined, why: 'no unit: seconds and minutes are both meant at times' },
    { text: 's', ms: undefined, why: 'no amount' },
    { text: '-5s', ms: undefined, why: 'negative' },
    { text: '1h 30m', ms: undefined, why: 'a space within' },
    { text: '1h30', ms: undefined, why: 'a sum whose last has no unit' },
    { text: '5M', ms: undefined, why: 'upper-case: months elsewhere' },
    { text: '1.2.3s', ms: undefined, why: 'no number' },
    { text: '1e3s', ms: undefined, why: 'no exponents' },
    { text: '.5s', ms: undefined, why: 'nothing before the point' },
    { text: '5min', ms: undefined, why: 'a longer name' },
    { text: '5m!', ms: undefined, why: 'what follows' },
    { text: '!5m', ms: undefined, why: 'or comes before' },
  ])('"$text" is $ms ms: $why', ({ text, ms }) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test('every whole second to two minutes, minute to two hours and hour to two days comes back', () => {
    for (let s = 0; s <= 120; s++) expect(parseDuration(formatDuration(s * SECOND))).toBe(s * SECOND);
    for (let m = 0; m <= 120; m++) expect(parseDuration(formatDuration(m * MINUTE))).toBe(m * MINUTE);
    for (let h = 0; h <= 48; h++) expect(parseDuration(formatDuration(h * HOUR))).toBe(h * HOUR);
  });
});

describe('sizes', () => {
  test.each([
    { text: '1B', bytes: 1, why: 'the least' },
    { text: '512B', bytes: 512, why: 'bytes' },
    { text: '1KB', bytes: 1024, why: 'a power of 1024 under a decimal name' },
    { text: '1000B', bytes: 1000, why: 'and not of 1000' },
    { text: '1025B', bytes: 1025, why: 'no fraction of a unit: keys name a size exactly' },
    { text: '10KB', bytes: 10 * 1024, why: 'a standard size' },
    { text: '100MB', bytes: 100 * 1024 ** 2, why: 'another' },
    { text: '1536MB', bytes: 1.5 * 1024 ** 3, why: 'the largest unit that divides' },
    { text: '100GB', bytes: 100 * 1024 ** 3, why: 'the largest object' },
    { text: '2TB', bytes: 2 * 1024 ** 4, why: 'more than any object has' },
  ])('$text both ways: $why', ({ text, bytes }) => {
    expect(parseSize(text)).toBe(bytes);
    expect(sizeLabel(bytes)).toBe(text);
  });

  test.each([
    { text: '512', bytes: 512, why: 'bytes without a unit' },
    { text: '1kb', bytes: 1024, why: 'any case' },
    { text: '1KiB', bytes: 1024, why: 'the name that says what is meant' },
    { text: ' 8 MB ', bytes: 8 * 1024 ** 2, why: 'spaces' },
    { text: '1.5GB', bytes: 1.5 * 1024 ** 3, why: 'a fraction' },
    { text: '0.3KB', bytes: 307, why: 'whole bytes' },
    { text: '0', bytes: 0, why: 'none; whether that will do is for the setting to say' },
    { text: '', bytes: undefined, why: 'nothing' },
    { text: 'KB', bytes: undefined, why: 'no amount' },
    { text: '1K', bytes: undefined, why: 'not a whole unit' },
    { text: '1i', bytes: undefined, why: 'nor this' },
    { text: '1iB', bytes: undefined, why: 'a binary prefix without the prefix' },
    { text: '1PB', bytes: undefined, why: 'no such unit' },
    { text: '-1KB', bytes: undefined, why: 'negative' },
    { text: '1KB!', bytes: undefined, why: 'what follows' },
    { text: '1,5KB', bytes: undefined, why: 'a comma parts sizes' },
    { text: '1e3', bytes: undefined, why: 'no exponents' },
  ])('"$text" is $bytes bytes: $why', ({ text, bytes }) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test('any number of bytes comes back from its label', () => {
    for (const unit of [1, 1024, 1024 ** 2, 1024 ** 3]) {
      for (const bytes of [0, 1, 3, 999, 1000, 1023, 1024, 1025].flatMap((n) => [n * unit, n * unit + 1])) {
        expect(parseSize(sizeLabel(bytes))).toBe(bytes);
      }
    }
  });

  test.each([
    { bytes: 0, text: '0B', why: 'none' },
    { bytes: 512, text: '512B', why: 'whole bytes' },
    { bytes: 1023, text: '1023B', why: 'to the last' },
    { bytes: 1023.6, text: '1.0KB', why: 'a rate may have fractions, and 1024B is none' },
    { bytes: 1024, text: '1.0KB', why: 'one decimal from here' },
    { bytes: 1024 ** 2 - 1, text: '1.0MB', why: 'not 1024.0KB' },
    { bytes: 71.24 * 1024 ** 2, text: '71.2MB', why: 'as the original shows it' },
    { bytes: 14.2 * 1024 ** 3, text: '14.2GB', why: 'likewise' },
    { bytes: 5000 * 1024 ** 4, text: '5000.0TB', why: 'there is no larger unit' },
  ])('$bytes bytes are shown as $text: $why', ({ bytes, text }) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('no shown amount reaches 1,024 of a unit that has one above it', () => {
    for (let bytes = 1; bytes < 1024 ** 4; bytes *= 1.0007) {
      const [, amount = '', unit = ''] = /^([\d.]+)(\D+)$/.exec(formatBytes(bytes)) ?? [];
      expect(Number(amount), `${bytes} bytes as ${amount}${unit}`).toBeLessThan(1024);
    }
  });
});

test.each([
  { n: 0, text: '0', why: 'none' },
  { n: 999, text: '999', why: 'no separator' },
  { n: 1000, text: '1,000', why: 'the first' },
  { n: 284_512, text: '284,512', why: 'one' },
  { n: 1_234_567, text: '1,234,567', why: 'two' },
  { n: 999.6, text: '1,000', why: 'a rate is rounded first' },
])('a count of $n is $text: $why', ({ n, text }) => {
  expect(formatCount(n)).toBe(text);
});

describe('latencies', () => {
  test.each([
    { ms: 0, text: '0.00ms', why: 'what was given as 0 is 0' },
    { ms: 0.0012, text: '<0.01ms', why: 'what is not, is not shown as 0' },
    { ms: 0.42, text: '0.42ms', why: 'hundredths' },
    { ms: 0.996, text: '1.0ms', why: 'not 1.00ms' },
    { ms: 3.14, text: '3.1ms', why: 'tenths' },
    { ms: 9.96, text: '10ms', why: 'not 10.0ms' },
    { ms: 42.4, text: '42ms', why: 'whole milliseconds' },
    { ms: 999.4, text: '999ms', why: 'to the last' },
    { ms: 999.6, text: '1.00s', why: 'not 1000ms' },
    { ms: 1250, text: '1.25s', why: 'hundredths of a second' },
    { ms: 9996, text: '10.0s', why: 'not 10.00s' },
    { ms: 12_345, text: '12.3s', why: 'tenths of one' },
    { ms: 99_960, text: '100s', why: 'not 100.0s' },
    { ms: 123_456, text: '123s', why: 'whole seconds' },
    { ms: 999_600, text: '16m40s', why: 'a PUT of 100 GB may take its time' },
  ])('$ms ms is shown as $text: $why', ({ ms, text }) => {
    expect(formatLatency(ms)).toBe(text);
  });

  test('three digits at most below a quarter of an hour, and off by 5% at most', () => {
    for (let ms = 0.005; ms < 999_500; ms *= 1.003) {
      const text = formatLatency(ms);
      expect(text.replace(/\D/g, '').replace(/^0+/, '').length, text).toBeLessThanOrEqual(3);
      const [, amount, unit] = /^([\d.]+)(ms|s)$/.exec(text) ?? [];
      const shown = Number(amount) * (unit === 's' ? SECOND : 1);
      expect(Math.abs(shown - ms), text).toBeLessThanOrEqual(Math.max(0.005, ms * 0.05));
    }
  });
});

test.each([
  { text: '500', rate: 500, why: 'a second, if nothing is said' },
  { text: '500/s', rate: 500, why: 'or if it is' },
  { text: '30000/m', rate: 500, why: 'a minute' },
  { text: '3600/h', rate: 1, why: 'an hour' },
  { text: '2.5/s', rate: 2.5, why: 'a fraction' },
  { text: ' 10 ', rate: 10, why: 'spaces around' },
  { text: '0', rate: 0, why: 'none; whether that will do is for the setting to say' },
  { text: '', rate: undefined, why: 'nothing' },
  { text: '/s', rate: undefined, why: 'no number' },
  { text: '10/d', rate: undefined, why: 'not a day' },
  { text: '10 / s', rate: undefined, why: 'spaces within' },
  { text: '10/', rate: undefined, why: 'half of it' },
  { text: '-1', rate: undefined, why: 'negative' },
  { text: '1e3', rate: undefined, why: 'no exponents' },
])('a rate of "$text" is $rate a second: $why', ({ text, rate }) => {
  expect(parseRate(text)).toBe(rate);
});
