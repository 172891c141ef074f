/** Scales and lines of charts. d3-scale and d3-shape would be 42 kB of the bundle's 120 for these two functions. */

import { ticks } from "d3-array";

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

/** A line through points, as an SVG path; broken where a point is not finite. */
export function pathOf(points: Iterable<readonly [number, number]>): string {
  let path = "";
  let next = "M";
  for (const [x, y] of points) {
    const known = Number.isFinite(x) && Number.isFinite(y);
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
