/**
 * What a report can do where scripts run: charts as wide as the page, values below the cursor in all charts at once, zoom into a
 * time, series that go away and come back. All that it shows it reads out of the page.
 */
import {
  type ChartData,
  type ChartFrame,
  chartSvg,
  nearest,
  type Scale,
  timeText,
  valueText,
  xScale,
} from '../page/chart';

const HEIGHT = 240;
/** A drag that is shorter is a click. */
const SHORTEST_DRAG_PX = 5;
/** The whole, in steps that the keyboard zooms by. */
const ZOOM = 0.6;

interface Zoom {
  readonly from: number;
  readonly to: number;
}

class Chart {
  readonly frame: ChartFrame;
  private readonly data: ChartData;
  private readonly plot: HTMLElement;
  private readonly cursorText: HTMLElement;
  private readonly keys: readonly HTMLElement[];
  private readonly cross = document.createElement('div');
  private readonly hidden = new Set<number>();
  private width = 0;
  private zoom: Zoom | undefined;
  private cursor: number | undefined;

  constructor(
    private readonly figure: HTMLElement,
    private readonly all: Charts,
  ) {
    this.frame = JSON.parse(figure.dataset.frame ?? '') as ChartFrame;
    this.data = readTable(figure.querySelector('table') as HTMLTableElement, this.frame);
    this.plot = figure.querySelector('.plot') as HTMLElement;
    this.cursorText = figure.querySelector('.cursor') as HTMLElement;
    this.keys = [...figure.querySelectorAll<HTMLElement>('.legend b')];
    this.cross.className = 'cross';
    this.cross.hidden = true;
    this.makeButtons();
    this.listen();
  }

  /** Draws it anew where it has another width than before. */
  fit(): void {
    const width = Math.floor(this.plot.clientWidth);
    if (width > 0 && width !== this.width) {
      this.width = width;
      this.draw();
    }
  }

  show(zoom: Zoom | undefined): void {
    this.zoom = zoom;
    this.draw();
  }

  /** Shows the values nearest to an x; none for undefined. */
  point(x: number | undefined): void {
    const scale = this.scale();
    const i = x === undefined ? undefined : nearest(this.data.xs, scale, scale.at(x));
    this.cursor = i;
    const at = i === undefined ? undefined : this.data.xs[i];
    const place = at === undefined ? -1 : scale.at(at);
    this.cross.hidden = place < scale.left - 1 || place > scale.right + 1;
    this.cross.style.left = `${place}px`;
    const time = at === undefined ? '' : this.frame.x === 'time' ? `at ${timeText(at)}${this.phaseAt(at)}` : `p${at}`;
    this.cursorText.textContent = time;
    for (const [n, key] of this.keys.entries()) key.textContent = i === undefined ? '' : this.keyText(n, i);
  }

  private phaseAt(seconds: number): string {
    const band = this.frame.bands?.find(({ from, to }) => from <= seconds && seconds < to);
    return band === undefined ? '' : `, ${band.label}`;
  }

  private keyText(n: number, i: number): string {
    const { series, unit } = this.frame;
    if (n >= series.length) return String(this.data.errors?.[i] ?? 0);
    const value = this.data.values[n]?.[i];
    return value === undefined ? '' : valueText(value, unit).replace(/ .*$/, '');
  }

  private draw(): void {
    if (this.width === 0) return;
    this.plot.innerHTML = chartSvg(this.frame, this.data, this.view());
    this.plot.append(this.cross);
    this.point(this.cursor === undefined ? undefined : this.data.xs[this.cursor]);
  }

  private view() {
    return { width: this.width || 660, height: HEIGHT, hidden: this.hidden, ...this.zoom };
  }

  private scale(): Scale {
    return xScale(this.frame, this.data, this.view());
  }

  /** Names in the legend become buttons. */
  private makeButtons(): void {
    for (const [i, key] of [...this.figure.querySelectorAll<HTMLElement>('.legend .key')].entries()) {
      if (i >= this.frame.series.length) continue;
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      button.append(...key.childNodes);
      key.replaceWith(button);
      button.addEventListener('click', () => {
        if (!this.hidden.delete(i)) this.hidden.add(i);
        button.setAttribute('aria-pressed', String(!this.hidden.has(i)));
        this.draw();
      });
    }
  }

  private listen(): void {
    const { plot } = this;
    plot.tabIndex = 0;
    const hint =
      this.frame.x === 'time'
        ? 'Arrow keys move the cursor, plus and minus zoom, 0 shows all.'
        : 'Arrow keys move the cursor.';
    plot.setAttribute('aria-label', `${plot.getAttribute('aria-label')} ${hint}`);
    plot.addEventListener('pointermove', (event) => this.all.point(this, this.scale().back(this.placeOf(event))));
    plot.addEventListener('pointerleave', () => this.all.point(this, undefined));
    plot.addEventListener('blur', () => this.all.point(this, undefined));
    plot.addEventListener('keydown', (event) => this.key(event));
    if (this.frame.x === 'time') plot.addEventListener('pointerdown', (event) => this.drag(event));
  }

  private placeOf(event: PointerEvent): number {
    return event.clientX - this.plot.getBoundingClientRect().left;
  }

  private drag(start: PointerEvent): void {
    if (start.button !== 0 || start.pointerType === 'touch') return;
    const scale = this.scale();
    const inside = (place: number) => Math.min(scale.right, Math.max(scale.left, place));
    const from = inside(this.placeOf(start));
    const box = document.createElement('div');
    box.className = 'drag';
    this.plot.append(box);
    const move = (event: PointerEvent) => {
      const to = inside(this.placeOf(event));
      box.style.left = `${Math.min(from, to)}px`;
      box.style.width = `${Math.abs(to - from)}px`;
    };
    const end = (event: PointerEvent) => {
      box.remove();
      this.plot.removeEventListener('pointermove', move);
      this.plot.removeEventListener('pointerup', end);
      this.plot.removeEventListener('pointercancel', end);
      const to = inside(this.placeOf(event));
      if (event.type === 'pointercancel' || Math.abs(to - from) < SHORTEST_DRAG_PX) return;
      this.all.zoom({ from: scale.back(Math.min(from, to)), to: scale.back(Math.max(from, to)) });
    };
    this.plot.setPointerCapture(start.pointerId);
    this.plot.addEventListener('pointermove', move);
    this.plot.addEventListener('pointerup', end);
    this.plot.addEventListener('pointercancel', end);
    start.preventDefault();
    this.plot.focus({ preventScroll: true });
  }

  private key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    const { xs } = this.data;
    if (step !== undefined) {
      const by = event.shiftKey ? step * 10 : step;
      const to = this.cursor === undefined ? (step > 0 ? 0 : xs.length - 1) : this.cursor + by;
      this.all.point(this, xs[Math.min(xs.length - 1, Math.max(0, to))]);
    } else if (this.frame.x === 'time' && ['+', '=', '-'].includes(event.key))
      this.zoomBy(event.key === '-' ? 1 / ZOOM : ZOOM);
    else if (['0', 'Escape'].includes(event.key)) this.all.zoom(undefined);
    else return;
    event.preventDefault();
  }

  private zoomBy(factor: number): void {
    const scale = this.scale();
    const [from, to] = [scale.back(scale.left), scale.back(scale.right)];
    const middle = this.cursor === undefined ? (from + to) / 2 : (this.data.xs[this.cursor] ?? 0);
    const end = this.data.xs.at(-1) ?? to;
    const near = Math.max(0, middle - (middle - from) * factor);
    const far = Math.min(end, middle + (to - middle) * factor);
    this.all.zoom(near <= 0 && far >= end ? undefined : { from: near, to: far });
  }
}

/** All charts of the page: what happens in one over time is shown in the others. */
class Charts {
  private readonly charts: readonly Chart[];
  private readonly reset = document.createElement('button');

  constructor(figures: readonly HTMLElement[]) {
    this.charts = figures.map((figure) => new Chart(figure, this));
    this.reset.type = 'button';
    this.reset.className = 'reset';
    this.reset.textContent = 'Show all of the time';
    this.reset.hidden = true;
    this.reset.addEventListener('click', () => this.zoom(undefined));
    document.querySelector('#charts')?.after(this.reset);
    const watch = new ResizeObserver(() => this.fit());
    for (const figure of figures) watch.observe(figure);
    this.fit();
  }

  point(of: Chart, x: number | undefined): void {
    for (const chart of this.charts)
      if (chart === of || (chart.frame.x === 'time' && of.frame.x === 'time')) chart.point(x);
  }

  zoom(zoom: Zoom | undefined): void {
    this.reset.hidden = zoom === undefined;
    for (const chart of this.charts) if (chart.frame.x === 'time') chart.show(zoom);
  }

  private fit(): void {
    for (const chart of this.charts) chart.fit();
  }
}

/** The values of a chart: a row an x, a column a series, and one for errors. */
function readTable(table: HTMLTableElement, { series, errors }: ChartFrame): ChartData {
  const rows = [...(table.tBodies[0]?.rows ?? [])].map((row) =>
    [...row.cells].map(({ textContent }) => (textContent === '' ? undefined : Number(textContent))),
  );
  return {
    xs: rows.map(([x]) => x ?? 0),
    values: series.map((_, i) => rows.map((row) => row[i + 1])),
    ...(errors ? { errors: rows.map((row) => row[series.length + 1] ?? 0) } : {}),
  };
}

document.documentElement.classList.add('script');
new Charts([...document.querySelectorAll<HTMLElement>('figure[data-frame]')]);
