/** Two runs beside each other: a, that of the report, and b. */

import type { Columns } from "../data/columns";
import type { ComparedRun, Interval, MapCell, PairsChunk } from "../data/types";
import type { Layout } from "./layout";
import { sorted } from "./sorts";
import { spanOf, type Look, type MethodSpan, type Valued } from "./scales";
import type { Frame } from "./zoom";

/** An axis for differences: 0 in the middle. */
export function differencesDomain(differences: readonly Interval[]): [number, number] {
  const ends = differences.flatMap(({ mean, low, high }) => [mean, low, high]).filter((value) => value !== null);
  const most = Math.max(0, ...ends.map(Math.abs)) * 1.06 || 1;
  return [-most, most];
}

type Named = Pick<ComparedRun, "folder" | "event_file">;

/** The names of two runs: their folders', and where these are the same their event files', too. */
export function runNames(a: Named, b: Named): [string, string] {
  const name = ({ folder, event_file }: Named) => (a.folder === b.folder ? `${folder} (${event_file})` : folder);
  return [name(a), name(b)];
}

// ------------------------------------------------- which rows

export const KINDS = ["", "incorrect", "correct", "label"] as const;
export type Kind = (typeof KINDS)[number];
export const PAIR_SORTS = ["number", "likeness", "probability"] as const;
export type PairSort = (typeof PAIR_SORTS)[number];

/** What became of a sample in b: "" if it has the same top label, or is not there. */
export function changeOf(columns: Columns, { columns: other }: PairsChunk, i: number): Kind {
  const { top, correct } = columns.column;
  if (other.other[i] < 0) return "";
  if (correct[i] === 1 && other.correct[i] === 2) return "incorrect";
  if (correct[i] === 2 && other.correct[i] === 1) return "correct";
  return top[i] === other.top[i] ? "" : "label";
}

/** How many samples are in both runs, and of these how many became what. */
export function changeCounts(columns: Columns, pairs: PairsChunk): Record<Kind, number> {
  const counts = { "": 0, incorrect: 0, correct: 0, label: 0 };
  for (let i = 0; i < columns.samples; i++) {
    if (pairs.columns.other[i] < 0) continue;
    const kind = changeOf(columns, pairs, i);
    counts[""]++;
    if (kind) counts[kind]++;
  }
  return counts;
}

/** The rows of samples that are in both runs: all that b has maps for, or the first of each sample; one where it has none. */
export function pairedRows(columns: Columns, pairs: PairsChunk, every: boolean): number[] {
  const { other, maps } = pairs.columns;
  const found: number[] = [];
  for (let i = 0; i < columns.samples; i++) {
    if (other[i] < 0) continue;
    const [from, to] = columns.rowsOf(i);
    const first = columns.firstRow(i);
    const rows = Array.from({ length: to - from }, (_, index) => from + index).filter((row) => maps[row] > 0);
    if (every && rows.length) found.push(...rows);
    else found.push(rows.includes(first) || !rows.length ? first : rows[0]);
  }
  return found;
}

/** In the order of a sort: by number, the least alike first, or the largest change of the label's probability first. */
export function sortedPairs(rows: readonly number[], columns: Columns, { columns: other }: PairsChunk, by: PairSort): number[] {
  const value = {
    number: (row: number) => row,
    likeness: (row: number) => other.likeness[row],
    probability: (row: number) => -Math.abs(other.p[row] - columns.column.p[row]),
  }[by];
  return Array.from(sorted(rows.map(value), false), (place) => rows[place]);
}

// ------------------------------------------------- maps

export interface Difference {
  w: number;
  h: number;
  /** 255 for `most`, 0 for -most, 128 for 0. */
  values: Uint8Array;
  low: number;
  high: number;
}

type Small = Pick<MapCell, "w" | "h" | "lo" | "hi" | "values">;

/** The value of a small map at a point of it, 0 to 1. */
export function valueAt({ w, h, lo, hi, values }: Small, [x, y]: readonly [number, number]): number {
  return lo + (values[Math.floor(y * h) * w + Math.floor(x * w)] / 255) * (hi - lo);
}

/** b - a, pixel by pixel of a, in steps of -most to most; most 0: no difference is shown. */
export function differenceOf(a: Small, b: Small, most: number): Difference {
  const { w, h } = a;
  const values = new Uint8Array(w * h);
  let [low, high] = [Infinity, -Infinity];
  for (let y = 0, at = 0; y < h; y++) {
    for (let x = 0; x < w; x++, at++) {
      const point = [(x + 0.5) / w, (y + 0.5) / h] as const;
      const difference = valueAt(b, point) - valueAt(a, point);
      low = Math.min(low, difference);
      high = Math.max(high, difference);
      const place = most > 0 ? Math.max(-1, Math.min(1, difference / most)) : 0;
      values[at] = Math.round((255 * (place + 1)) / 2);
    }
  }
  return { w, h, values, low, high };
}

/** What the scale of two maps is that of. */
export function both(a: Valued, b: Valued): Valued {
  return { lo: Math.min(a.lo, b.lo), hi: Math.max(a.hi, b.hi), p99: Math.max(a.p99, b.p99) };
}

/** The difference that has the palette's last colour: as large as the scale of both maps is wide. */
export function mostDifference(shared: Valued, method: MethodSpan, look: Pick<Look, "scale" | "low" | "high">): number {
  const [low, high] = spanOf(shared, method, look);
  return high - low;
}

// ------------------------------------------------- where they lie

export interface PairLayout {
  narrow: boolean;
  /** Of one of the three lines of pictures. */
  line: Layout;
  /** Where the first line begins, and from one to the next. */
  left: number;
  top: number;
  step: number;
  rowHeight: number;
  /** Of all of it. */
  width: number;
}

const [GAP, PAD, CAPTION] = [8, 8, 16];
const [LEAST, MOST] = [56, 112];
const [TEXT, NARROW_TEXT, SIGN] = [176, 42, 34];
const NARROW = 640;

/** Of a list this wide, with this many pictures in a line; shape: their width divided by their height. */
export function pairLayoutOf(width: number, pictures: number, shape: number): PairLayout {
  const narrow = width < NARROW;
  const left = (narrow ? PAD : TEXT) + SIGN;
  const fitting = Math.floor((width - left - 2 * PAD + GAP) / pictures) - GAP;
  const cell = Math.max(LEAST, Math.min(MOST, fitting));
  const cellHeight = Math.round(cell / Math.max(0.5, Math.min(4, shape)));
  const lineWidth = pictures * (cell + GAP) - GAP;
  const line: Layout = {
    ...{ narrow, cell, cellHeight, perLine: pictures, lines: 1, left, top: 0, stepX: cell + GAP, stepY: cellHeight },
    ...{ width: lineWidth, height: cellHeight, rowHeight: cellHeight },
  };
  const top = PAD + (narrow ? NARROW_TEXT : 0);
  const step = cellHeight + 4;
  return { narrow, line, left, top, step, rowHeight: top + 3 * step + CAPTION + PAD, width: left + lineWidth + PAD };
}

/** A picture of this shape in its cell. */
export function frameOf({ cell, cellHeight }: Layout, { w, h }: { w: number; h: number }): Frame {
  return { paneWidth: cell, paneHeight: cellHeight, width: w, height: h, zoom: 0, centre: [0.5, 0.5] };
}
