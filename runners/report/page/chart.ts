/**
 * Line charts as SVG, drawn twice by the same code: into the file, for readers without scripts and for paper, and again in the
 * browser, as wide as there is room, for hover and zoom. Pure: returns text.
 */

/** How values are written, at an axis and in a legend. */
export type Unit = 'ops/s' | 'MB/s' | 'ms' | 'cores' | 'MB';

export interface ChartSeries {
  readonly name: string;
  /** Number of a colour of the page, from 1 on. */
  readonly color: number;
  readonly dashed?: boolean;
  /** Values from this index on rest on few operations. */
  readonly fewFrom?: number;
}

/** All of a chart but its values, which stand in its table. */
export interface ChartFrame {
  /** Seconds of a run, or percentiles on a scale that gives each further nine as much room. */
  readonly x: 'time' | 'percentile';
  readonly unit: Unit;
  readonly log?: boolean;
  readonly series: readonly ChartSeries[];
  /** The last column of the table counts errors. */
  readonly errors?: boolean;
  /** Times that are shaded, in seconds. */
  readonly bands?: readonly Band[];
}

export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export interface ChartData {
  readonly xs: readonly number[];
  /** A list for each series; undefined where there is none. */
  readonly values: ReadonlyArray<ReadonlyArray<number | undefined>>;
  readonly errors?: readonly number[];
}

export interface ChartView {
  readonly width: number;
  readonly height: number;
  /** What is shown of the x axis, in its own numbers; all of it when left out. */
  readonly from?: number;
  readonly to?: number;
  /** Series that are not shown, by index. */
  readonly hidden?: ReadonlySet<number>;
}

/** About as wide as one of its texts is. */
const CHARACTER_PX = 6.6;

const MARGIN = { left: 58, right: 14, top: 10, bottom: 26 };

/** From numbers to places, and back. */
export interface Scale {
  readonly left: number;
  readonly right: number;
  at(x: number): number;
  /** Of a place, as a number of the x axis. */
  back(px: number): number;
}

/** Where x stands: percentiles by how many nines they have. */
const warp = (frame: ChartFrame, x: number) => (frame.x === 'time' ? x : -Math.log10(1 - x / 100));
const unwarp = (frame: ChartFrame, v: number) => (frame.x === 'time' ? v : 100 * (1 - 10 ** -v));

export function xScale(frame: ChartFrame, { xs }: ChartData, { width, from, to }: ChartView): Scale {
  const low = warp(frame, from ?? (frame.x === 'time' ? 0 : (xs[0] ?? 0)));
  const high = warp(frame, to ?? xs.at(-1) ?? 1);
  const span = high > low ? high - low : 1;
  const [left, right] = [MARGIN.left, width - MARGIN.right];
  return {
    left,
    right,
    at: (x) => left + ((warp(frame, x) - low) / span) * (right - left),
    back: (px) => unwarp(frame, low + ((px - left) / (right - left)) * span),
  };
}

interface Axis {
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** @param foot room below the lines, where nothing must begin at 0 */
function yAxis(frame: ChartFrame, values: readonly number[], height: number, foot: number): Axis {
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom - (frame.log ? foot : 0)];
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  if (frame.log) {
    const positive = values.filter((value) => value > 0);
    const least = positive.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const [low, high] = positive.length === 0 ? [0, 1] : aroundLog(least, most);
    const at = (value: number) =>
      bottom - ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (bottom - top);
    return { at, ticks: logTicks(low, high) };
  }
  const high = most > 0 ? most * 1.06 : 1;
  const ticks = niceTicks(0, high, Math.max(2, Math.floor((bottom - top) / 40)));
  return { at: (value) => bottom - (value / high) * (bottom - top), ticks };
}

/** Powers of ten, in parts, that hold these and a little more. */
function aroundLog(least: number, most: number): [number, number] {
  const low = Math.log10(least);
  const high = Math.log10(most);
  const room = Math.max(0.05, (high - low) * 0.05);
  return [low - room, high + room];
}

/** 1, 2 and 5 of each power of ten, or the powers alone where there are many. */
function logTicks(low: number, high: number): number[] {
  const steps = high - low > 3.2 ? [1] : high - low > 1.6 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (Math.log10(tick) >= low && Math.log10(tick) <= high) ticks.push(tick);
    }
  }
  return ticks;
}

/** Round numbers from one to the other, about so many of them. */
function niceTicks(from: number, to: number, about: number): number[] {
  const raw = (to - from) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((n) => n * power >= raw) ?? 10) * power;
  return ticksBy(from, to, step);
}

function ticksBy(from: number, to: number, step: number): number[] {
  const ticks: number[] = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++)
    ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}

const TIME_STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200,
];

function timeTicks(from: number, to: number, width: number): number[] {
  const raw = (to - from) / Math.max(2, width / 80);
  const step = TIME_STEPS.find((each) => each >= raw) ?? Math.ceil(raw / 86_400) * 86_400;
  return ticksBy(from, to, step);
}

/** The ones that are looked for first. */
const PERCENT_TICKS = [50, 90, 99, 99.9, 99.99, 95, 99.5, 75, 99.95];
/** Room that a percentile's name takes. */
const PERCENT_PX = 46;

/** Those there is room for. */
function percentTicks(xs: readonly number[], x: Scale): number[] {
  const kept: number[] = [];
  for (const tick of PERCENT_TICKS) {
    if (tick < (xs[0] ?? 0) || tick > (xs.at(-1) ?? 100)) continue;
    if (kept.every((other) => Math.abs(x.at(other) - x.at(tick)) >= PERCENT_PX)) kept.push(tick);
  }
  return kept;
}

/** `1:05`, `2:00:00`, `12s`, `0.5s`: a time within a run. */
export function timeText(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 1))}s`;
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A value in its unit: `1,423 ops/s`, `3.1ms`, `1.25s`. */
export function valueText(value: number, unit: Unit): string {
  if (unit !== 'ms') return `${number(value)} ${unit}`;
  return value < 1000 ? `${number(value)}ms` : `${number(value / 1000)}s`;
}

function tickText(value: number, unit: Unit): string {
  return unit === 'ms' ? valueText(value, unit) : number(value);
}

/** Three digits, thousands separated. */
function number(value: number): string {
  if (value === 0) return '0';
  const rounded = value < 999.5 ? String(Number(value.toPrecision(3))) : String(Math.round(value));
  return rounded.replace(/\B(?=(\d{3})+$)/g, rounded.includes('.') ? '' : ',');
}

/** The drawing. Texts of the chart are in its page: here are numbers only. */
export function chartSvg(frame: ChartFrame, data: ChartData, view: ChartView): string {
  const { width, height, hidden } = view;
  const x = xScale(frame, data, view);
  const bottom = height - MARGIN.bottom;
  const [first, last] = visible(data.xs, x);
  const shown = frame.series.map((_, i) => (hidden?.has(i) ? [] : (data.values[i] ?? [])));
  const y = yAxis(
    frame,
    shown.flatMap((values) => values.slice(first, last + 1)).filter((value): value is number => value !== undefined),
    height,
    (data.errors ?? []).some((n) => n > 0) ? ERROR_PX.most + 4 : 0,
  );
  const xTicks =
    frame.x === 'time' ? timeTicks(x.back(x.left), x.back(x.right), x.right - x.left) : percentTicks(data.xs, x);
  const parts = [
    ...bands(frame, x, bottom),
    ...y.ticks.map(
      (tick) =>
        `<line class="grid" x1="${x.left}" x2="${x.right}" y1="${px(y.at(tick))}" y2="${px(y.at(tick))}"/>` +
        `<text class="tick" x="${x.left - 8}" y="${px(y.at(tick) + 4)}" text-anchor="end">${tickText(tick, frame.unit)}</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<line class="mark" x1="${px(x.at(tick))}" x2="${px(x.at(tick))}" y1="${bottom}" y2="${bottom + 4}"/>` +
        `<text class="tick" x="${px(x.at(tick))}" y="${bottom + 18}" text-anchor="${x.at(tick) > x.right - 16 ? 'end' : 'middle'}">${frame.x === 'time' ? timeText(tick) : `p${tick}`}</text>`,
    ),
    `<line class="base" x1="${x.left}" x2="${x.right}" y1="${bottom}" y2="${bottom}"/>`,
    ...errorBars(data, x, bottom, first, last),
    ...frame.series.map((series, i) => lines(series, data.xs, shown[i] ?? [], x, y, first, last)),
  ];
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" aria-hidden="true" focusable="false">${parts.join('')}</svg>`;
}

/** Indices of the points in view, and of one beside it on either side. */
function visible(xs: readonly number[], x: Scale): [number, number] {
  const inside = xs.map((each, i) => [x.at(each), i] as const).filter(([at]) => at >= x.left - 1 && at <= x.right + 1);
  const [first = 0, last = xs.length - 1] = [inside[0]?.[1], inside.at(-1)?.[1]];
  return [Math.max(0, first - 1), Math.min(xs.length - 1, last + 1)];
}

function bands({ bands: all = [] }: ChartFrame, x: Scale, bottom: number): string[] {
  return all.flatMap(({ from, to, label }) => {
    const [left, right] = [Math.max(x.left, x.at(from)), Math.min(x.right, x.at(to))];
    if (right <= left) return [];
    const name = `<text class="tick" x="${px(left + 4)}" y="${MARGIN.top + 12}">${label.replace(/[^\w -]/g, '')}</text>`;
    const room = right - left > label.length * CHARACTER_PX + 8;
    return [
      `<rect class="band" x="${px(left)}" y="${MARGIN.top}" width="${px(right - left)}" height="${bottom - MARGIN.top}"/>`,
      ...(room ? [name] : []),
    ];
  });
}

/** How high the mark of errors is. */
const ERROR_PX = { least: 4, most: 16 };

/** At the foot, so high as there were errors, by their root: one is to be seen beside thousands. */
function errorBars({ xs, errors }: ChartData, x: Scale, bottom: number, first: number, last: number): string[] {
  const most = (errors ?? []).reduce((a, b) => Math.max(a, b), 0);
  if (errors === undefined || most === 0) return [];
  return xs.flatMap((each, i) => {
    const count = errors[i] ?? 0;
    const at = x.at(each);
    if (count === 0 || i < first || i > last || at < x.left || at > x.right) return [];
    const high = ERROR_PX.least + (ERROR_PX.most - ERROR_PX.least) * Math.sqrt(count / most);
    return [`<rect class="error" x="${px(at - 1.5)}" y="${px(bottom - high)}" width="3" height="${px(high)}"/>`];
  });
}

function lines(
  { color, dashed, fewFrom }: ChartSeries,
  xs: readonly number[],
  values: ReadonlyArray<number | undefined>,
  x: Scale,
  y: Axis,
  first: number,
  last: number,
): string {
  const path = (from: number, to: number) => {
    let d = '';
    let pen = false;
    for (let i = Math.max(first, from); i <= Math.min(last, to); i++) {
      const value = values[i];
      if (value === undefined) pen = false;
      else {
        // One between two that are missing is a dot.
        const alone = !pen && (values[i + 1] === undefined || i === Math.min(last, to));
        d += `${pen ? 'L' : 'M'}${px(x.at(xs[i] ?? 0))} ${px(y.at(value))}${alone ? 'h.1' : ''}`;
        pen = true;
      }
    }
    return d;
  };
  const line = (d: string, few: boolean) =>
    d === '' ? '' : `<path class="line c${color}${dashed ? ' dashed' : ''}${few ? ' few' : ''}" d="${d}"/>`;
  if (fewFrom === undefined) return line(path(0, xs.length), false);
  return line(path(0, fewFrom - 1), false) + line(path(Math.max(0, fewFrom - 1), xs.length), true);
}

/** To a tenth of a pixel. */
const px = (n: number) => Math.round(n * 10) / 10;

/** The index of the point nearest to a place; undefined where there is none. */
export function nearest(xs: readonly number[], x: Scale, place: number): number | undefined {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, each] of xs.entries()) {
    const distance = Math.abs(x.at(each) - place);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
