/** Orders of rows. */

import type { Columns } from "../data/columns";
import type { Run, ScoreChunk } from "../data/types";

export interface SortChoice {
  key: string;
  words: string;
  /** Which way it goes when it is chosen. */
  descending: boolean;
}

/** The sorts that a run has, without those by scores. */
export function sortsOf(run: Run): SortChoice[] {
  const sorts: SortChoice[] = [
    { key: "number", words: "number", descending: false },
    { key: "wrong", words: "most wrong", descending: true },
    { key: "confidence", words: "least confident", descending: false },
    { key: "margin", words: "smallest margin", descending: false },
    { key: "entropy", words: "entropy of the prediction", descending: true },
  ];
  if (run.counts.with_uncertainty) {
    sorts.push({ key: "total", words: "total uncertainty", descending: true });
    sorts.push({ key: "epistemic", words: "epistemic uncertainty", descending: true });
  }
  if (run.methods.filter((method) => method.maps > 0).length > 1)
    sorts.push({ key: "disagreement", words: "methods disagree most", descending: true });
  return sorts;
}

export interface ScoreSort {
  metric: number;
  method: number;
}

/** Of `score.METRIC.METHOD`; null for another sort. */
export function scoreSort(key: string): ScoreSort | null {
  const match = /^score\.(\d+)\.(\d+)$/.exec(key);
  return match && { metric: Number(match[1]), method: Number(match[2]) };
}

export function scoreKey({ metric, method }: ScoreSort): string {
  return `score.${metric}.${method}`;
}

/** The value by which each row is sorted; nan where it has none. scores: of the sort's metric, null while read. */
export function sortValues(columns: Columns, key: string, scores: ScoreChunk | null): ArrayLike<number> {
  const byScore = scoreSort(key);
  if (byScore) return scoreColumn(columns, byScore, scores);
  const { column, of } = columns;
  if (key === "disagreement") return column.disagreement;
  if (key === "wrong") return ofSamples(of, wrongness(columns));
  const values = { confidence: column.p_top, margin: column.margin, entropy: column.entropy, total: column.total, epistemic: column.epistemic }[key];
  return values ? ofSamples(of, values) : ofSamples(of, column.sample);
}

function scoreColumn(columns: Columns, { method }: ScoreSort, scores: ScoreChunk | null): Float64Array {
  const values = new Float64Array(columns.rows).fill(NaN);
  if (scores && method < scores.methods)
    for (let row = 0; row < columns.rows; row++) values[row] = scores.values[row * scores.methods + method];
  return values;
}

/** Wrong ones by the probability of their wrong label; then the right ones, the least sure first. */
function wrongness(columns: Columns): Float64Array {
  const { correct, p_top } = columns.column;
  return Float64Array.from(correct, (code, i) => (code === 2 ? 1 + p_top[i] : code === 1 ? 1 - p_top[i] : NaN));
}

function ofSamples(of: Uint32Array, values: ArrayLike<number>): Float64Array {
  return Float64Array.from(of, (i) => values[i]);
}

/** All rows in order; ties by row, rows without a value last, either way. */
export function sorted(values: ArrayLike<number>, descending: boolean): Uint32Array {
  const rows = Uint32Array.from({ length: values.length }, (_, row) => row);
  const sign = descending ? -1 : 1;
  const keys = Float64Array.from(values as ArrayLike<number>, (value) => (Number.isNaN(value) ? Infinity : sign * value));
  return rows.sort((a, b) => keys[a] - keys[b] || a - b);
}

/** Those of the rows that pass, in the same order. */
export function filtered(order: Uint32Array, passes: Uint8Array): Uint32Array {
  return order.filter((row) => passes[row] === 1);
}

/** The first few rows of that order among the wanted ones that have a value, without sorting all. */
export function firstOf(values: ArrayLike<number>, descending: boolean, count: number, wanted: (row: number) => boolean): number[] {
  const sign = descending ? -1 : 1;
  const found: number[] = [];
  for (let row = 0; row < values.length; row++) {
    const key = sign * values[row];
    if (Number.isNaN(key) || (found.length === count && key >= sign * values[found[count - 1]]) || !wanted(row)) continue;
    let place = found.length;
    while (place > 0 && sign * values[found[place - 1]] > key) place--;
    found.splice(place, 0, row);
    if (found.length > count) found.pop();
  }
  return found;
}
