/** Scales and lines of charts. d3-scale, d3-shape and d3-array would be 45 kB of the bundle for these few functions. */

export interface Axis {
  (value: number): number;
  /** About this many round values in the domain. */
  ticks(count: number): number[];
}

/** From a domain, linearly, to pixels. */
export function linear([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Axis {
  const at = (value: number) => (high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from));
  return Object.assign(at, { ticks: (count: number) => ticks(low, high, count) });
}

/** About so many values from low to high, whole multiples of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low) || !Number.isFinite(high - low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

const FARTHEST = 1e6; // pixels; SVG takes no number beyond float32

/** A line through points, as an SVG path; broken where a point is not finite, or far beyond any screen. */
export function pathOf(points: Iterable<readonly [number, number]>): string {
  let path = "";
  let next = "M";
  for (const [x, y] of points) {
    const known = Math.abs(x) < FARTHEST && Math.abs(y) < FARTHEST;
    if (known) path += `${next}${round(x)},${round(y)}`;
    next = known ? "L" : "M";
  }
  return path;
}

/** A band between two lines over the same places, closed. */
export function bandOf(xs: readonly number[], lows: readonly number[], highs: readonly number[]): string {
  const there = xs.map((x, index) => [x, lows[index], highs[index]] as const).filter((point) => point.every(Number.isFinite));
  if (there.length < 2) return "";
  const forth = there.map(([x, low]) => [x, low] as const);
  const back = there.map(([x, , high]) => [x, high] as const).reverse();
  return `${pathOf([...forth, ...back])}Z`;
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}
