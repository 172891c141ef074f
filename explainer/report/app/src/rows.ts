/** The rows that the view shows, in its order: what all pages with samples have in common. */

import { computed, effect, signal } from "@preact/signals";
import { scoreChunks } from "./data/run";
import type { GridRow, ScoreChunk } from "./data/types";
import type { Chunk } from "./data/chunks";
import { columns, run, view } from "./state";
import { facetsOf, presentLabels, type Filter } from "./view/facets";
import type { Look } from "./view/scales";
import { filtered, scoreSort, sorted, sortValues } from "./view/sorts";

/** A part of the view that changes only when it is another one. */
function part<T>(of: () => T): () => T {
  const text = computed(() => JSON.stringify(of()));
  const value = computed(() => JSON.parse(text.value) as T);
  return () => value.value;
}

export const filter = part<Filter>(() => {
  const { search, outcome, correct, truth, top, confidence, uncertainty, edits, rows, picked } = view.value;
  return { search, outcome, correct, truth, top, confidence, uncertainty, edits, rows, picked };
});

/** Held down, `o` shows pictures without maps. */
export const peeking = signal(false);

export const look = part<Look>(() => {
  const { palette, signed, blend, scale, low, high, opacity } = view.value;
  return { palette, signed, blend: peeking.value ? "picture" : blend, scale, low, high, opacity };
});

const sort = part(() => ({ by: view.value.sort, descending: view.value.descending }));

/** The methods that have maps, and of these the shown ones, in their order. */
export const mapped = computed(() => run.value.methods.flatMap(({ maps }, index) => (maps ? [index] : [])));
export const shownMethods = part<number[]>(() => {
  const { methods } = view.value;
  return methods ? methods.filter((index) => mapped.value.includes(index)) : mapped.value;
});

export const facets = computed(() => (columns.value ? facetsOf(columns.value, filter(), run.value.run.labels.length) : null));

/** The labels that the samples have: true ones, and predicted ones. */
export const labelsOfSamples = computed(() => (columns.value ? presentLabels(columns.value, run.value.run.labels.length) : null));

const sortScores = signal<Chunk<ScoreChunk> | null>(null);
effect(() => {
  const metric = run.value ? scoreSort(sort().by)?.metric : undefined;
  if (metric === undefined || !run.value.metrics[metric]?.scores) {
    sortScores.value = null;
    return;
  }
  const key = `score-${metric}`;
  const chunk = scoreChunks.retain(key);
  const stop = effect(() => {
    sortScores.value = chunk.value;
  });
  return () => {
    stop();
    scoreChunks.release(key);
  };
});

/** Why the rows are not in the order that was asked for; "" if they are. */
export const sortFailed = computed(() => (sortScores.value?.state === "failed" ? sortScores.value.why : ""));

/** What the rows are sorted by, for each row. */
export const values = computed(() => {
  const scores = sortScores.value?.state === "ready" ? sortScores.value.value : null;
  return columns.value ? sortValues(columns.value, sort().by, scores) : null;
});

/** All rows in the order of the sort, whatever the filter. */
export const allSorted = computed(() => (values.value ? sorted(values.value, sort().descending) : null));

/** The rows that are shown, in their order; null while the columns are read. */
export const order = computed(() => {
  if (!allSorted.value || !facets.value) return null;
  return filtered(allSorted.value, facets.value.passes);
});

/** The place of each shown row in the order; -1 for others. */
export const placeInOrder = computed(() => {
  const places = new Int32Array(columns.value?.rows ?? 0).fill(-1);
  order.value?.forEach((row, place) => (places[row] = place));
  return places;
});

/** Width divided by height of the first picture that was read; most data sets have one shape. */
export const shape = signal(0);

export function learnShape(row: GridRow | undefined): void {
  const image = row?.image;
  if (!shape.peek() && image?.flag === 1) shape.value = image.width / image.height;
}

/** What the order is made by; where it stays the same and the order does not, rows came to it. */
export const asked = computed(() => JSON.stringify([filter(), sort(), sortScores.value?.state]));

/** Where a page of rows was scrolled to, by its order; lost with the page's life. */
export const scrolledTo = { asked: "", order: null as Uint32Array | null, top: 0 };

