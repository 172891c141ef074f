/** Which rows a filter lets through, and how many more each choice would. */

import type { Columns } from "../data/columns";
import type { Range, View } from "../routes";

export type Filter = Pick<
  View,
  "search" | "outcome" | "correct" | "truth" | "top" | "confidence" | "uncertainty" | "edits" | "rows" | "picked"
>;

export const BINS = 24;

/** Counts of each choice among the rows that all other facets let through. */
export interface Facets {
  /** 1 for each row that is let through, by row. */
  passes: Uint8Array;
  shown: number;
  all: number;
  outcome: Uint32Array;
  correct: Uint32Array;
  /** By label; the last one: no true label. */
  truth: Uint32Array;
  top: Uint32Array;
  confidence: Uint32Array;
  uncertainty: Uint32Array;
  /** The upper end of the last bin of the uncertainty; 0 without. */
  most: number;
  edits: Uint32Array;
}

const SEARCH = 1;
const OUTCOME = 2;
const TRUTH = 4;
const TOP = 8;
const CONFIDENCE = 16;
const UNCERTAINTY = 32;
const EDITS = 64;
const CORRECT = 128;

/** 1 for each row that takes part: one for each sample, or every one. */
export function partaking(columns: Columns, filter: Pick<Filter, "rows" | "picked">): Uint8Array {
  if (filter.rows === "label") return new Uint8Array(columns.rows).fill(1);
  const part = Uint8Array.from(columns.column.first);
  for (const row of filter.picked) {
    if (row >= columns.rows) continue;
    const [from, to] = columns.rowsOf(columns.of[row]);
    part.fill(0, from, to);
    part[row] = 1;
  }
  return part;
}

/** What a sample fails by facets that do not look at its rows, as bits. */
function sampleFails(columns: Columns, filter: Filter, labels: number, most: number): Uint8Array {
  const fails = new Uint8Array(columns.samples);
  const needle = filter.search.trim().toLowerCase();
  const [truth, top, correct] = [new Set(filter.truth), new Set(filter.top), new Set(filter.correct)];
  for (let i = 0; i < columns.samples; i++) {
    let bits = 0;
    if (needle && !columns.haystack[i].includes(needle)) bits |= SEARCH;
    if (truth.size && !truthsOf(columns, i, labels).some((label) => truth.has(label))) bits |= TRUTH;
    if (top.size && !top.has(orLast(columns.column.top[i], labels))) bits |= TOP;
    if (correct.size && !correct.has(columns.column.correct[i])) bits |= CORRECT;
    if (filter.confidence && !within(columns.column.p_top[i], filter.confidence, 1)) bits |= CONFIDENCE;
    if (filter.uncertainty && !within(columns.column.total[i], filter.uncertainty, most)) bits |= UNCERTAINTY;
    fails[i] = bits;
  }
  return fails;
}

/** labels: how many the run has. */
export function facetsOf(columns: Columns, filter: Filter, labels: number): Facets {
  const most = largest(columns.column.total);
  const facets = empty(columns.rows, labels, most);
  const part = partaking(columns, filter);
  const ofSample = sampleFails(columns, filter, labels, most);
  const outcomes = new Set(filter.outcome);
  const edits = { "": -1, with: 1, without: 0, failed: 2 }[filter.edits];
  const { outcome, has_edits } = columns.column;
  for (let row = 0; row < columns.rows; row++) {
    if (!part[row]) continue;
    let bits = ofSample[columns.of[row]];
    if (outcomes.size && !outcomes.has(outcome[row])) bits |= OUTCOME;
    if (edits >= 0 && has_edits[row] !== edits) bits |= EDITS;
    counted(facets, columns, row, bits, labels);
  }
  return facets;
}

function counted(facets: Facets, columns: Columns, row: number, bits: number, labels: number): void {
  const i = columns.of[row];
  const { outcome, correct, has_edits, top, p_top, total } = columns.column;
  facets.all++;
  if (!bits) {
    facets.passes[row] = 1;
    facets.shown++;
  }
  if (!(bits & ~OUTCOME)) facets.outcome[outcome[row]]++;
  if (!(bits & ~CORRECT)) facets.correct[correct[i]]++;
  if (!(bits & ~TRUTH)) for (const label of truthsOf(columns, i, labels)) facets.truth[label]++;
  if (!(bits & ~TOP)) facets.top[orLast(top[i], labels)]++;
  if (!(bits & ~CONFIDENCE)) bump(facets.confidence, p_top[i]);
  if (!(bits & ~UNCERTAINTY)) bump(facets.uncertainty, facets.most ? total[i] / facets.most : NaN);
  if (!(bits & ~EDITS)) facets.edits[has_edits[row]]++;
}

function empty(rows: number, labels: number, most: number): Facets {
  return {
    passes: new Uint8Array(rows),
    shown: 0,
    all: 0,
    outcome: new Uint32Array(5),
    correct: new Uint32Array(3),
    truth: new Uint32Array(labels + 1),
    top: new Uint32Array(labels + 1),
    confidence: new Uint32Array(BINS),
    uncertainty: new Uint32Array(BINS),
    most,
    edits: new Uint32Array(3),
  };
}

/** The labels that any sample has, whatever the filter; as in `Facets`, the last place is that of none. */
export function presentLabels(columns: Columns, labels: number): Record<"truth" | "top", Uint8Array> {
  const found = { truth: new Uint8Array(labels + 1), top: new Uint8Array(labels + 1) };
  for (let i = 0; i < columns.samples; i++) {
    for (const label of truthsOf(columns, i, labels)) found.truth[label] = 1;
    found.top[orLast(columns.column.top[i], labels)] = 1;
  }
  return found;
}

function truthsOf(columns: Columns, i: number, labels: number): readonly number[] {
  const truths = columns.truth(i);
  return truths.length ? Array.from(truths) : [labels];
}

function orLast(label: number, labels: number): number {
  return label < 0 ? labels : label;
}

/** The last bin holds its upper end, too, and so does a range that ends there. */
function within(value: number, [low, high]: Range, most: number): boolean {
  return value >= low && (value <= high || high >= most);
}

function bump(bins: Uint32Array, part: number): void {
  if (part >= 0) bins[Math.min(BINS - 1, Math.floor(part * BINS))]++;
}

function largest(values: Float32Array): number {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}

/** The filter without anything in it. */
export const NO_FILTER = {
  search: "",
  outcome: [],
  correct: [],
  truth: [],
  top: [],
  confidence: null,
  uncertainty: null,
  edits: "",
} as const satisfies Omit<Filter, "rows" | "picked">;

/** Whether anything is filtered. */
export function isFiltered(filter: Filter): boolean {
  const { search, outcome, correct, truth, top, confidence, uncertainty, edits } = filter;
  return Boolean(search.trim() || outcome.length || correct.length || truth.length || top.length || confidence || uncertainty || edits);
}
