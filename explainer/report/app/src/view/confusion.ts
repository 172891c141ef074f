/** What is taken for what: counts of samples by a true label and the most probable one. */

import type { Columns } from "../data/columns";

export interface Pair {
  truth: number;
  top: number;
  count: number;
}

export interface OfClass {
  label: number;
  /** Samples with this true label. */
  n: number;
  /** Of these, those whose most probable label is a true one. */
  correct: number;
  /** The mean probability of their most probable label; nan without samples. */
  confidence: number;
}

export interface Confusion {
  labels: number;
  pairs: readonly Pair[];
  classes: readonly OfClass[];
  /** Samples with more than one true label: they count in the row of each. */
  several: number;
  /** The count of a pair. */
  at(truth: number, top: number): number;
}

/** labels: how many the run has. A sample counts once for each of its true labels, as the filter by true label does. */
export function confusionOf(columns: Columns, labels: number): Confusion {
  const { top, correct, p_top } = columns.column;
  const counts = new Map<number, number>();
  const classes = Array.from({ length: labels }, (_, label) => ({ label, n: 0, correct: 0, confidence: 0 }));
  let several = 0;
  for (let i = 0; i < columns.samples; i++) {
    const truths = columns.truth(i);
    if (truths.length > 1) several++;
    for (const truth of truths) {
      const own = classes[truth];
      if (!own || top[i] < 0) continue;
      counts.set(truth * labels + top[i], (counts.get(truth * labels + top[i]) ?? 0) + 1);
      own.n++;
      own.confidence += p_top[i];
      if (correct[i] === 1) own.correct++;
    }
  }
  for (const own of classes) own.confidence = own.n ? own.confidence / own.n : NaN;
  const pairs = Array.from(counts, ([key, count]) => ({ truth: Math.floor(key / labels), top: key % labels, count }));
  pairs.sort((a, b) => b.count - a.count || a.truth - b.truth || a.top - b.top);
  return { labels, pairs, classes, several, at: (truth, label) => counts.get(truth * labels + label) ?? 0 };
}

/** The labels that are true or predicted somewhere, in their order. */
export function present({ pairs }: Pick<Confusion, "pairs">): number[] {
  return [...new Set(pairs.flatMap(({ truth, top }) => [truth, top]))].sort((a, b) => a - b);
}

/** The same with these labels alone, which have their places here as numbers; they are all that are present, or more. */
export function among(confusion: Confusion, labels: readonly number[]): Confusion {
  const places = new Map(labels.map((label, place) => [label, place]));
  return {
    labels: labels.length,
    pairs: confusion.pairs.map(({ truth, top, count }) => ({ truth: places.get(truth)!, top: places.get(top)!, count })),
    classes: labels.map((label, place) => ({ ...confusion.classes[label], label: place })),
    several: confusion.several,
    at: (truth, top) => confusion.at(labels[truth], labels[top]),
  };
}

/** The pairs of different labels, the most frequent first. */
export function confused({ pairs }: Pick<Confusion, "pairs">): Pair[] {
  return pairs.filter(({ truth, top }) => truth !== top);
}

const LEAST = 5;
const QUANTILE = 1.959963984540054;

/** A 95 % interval of a proportion (Agresti and Coull 1998), as Python gives it; null below five. */
export function proportionInterval(hits: number, n: number): [number, number] | null {
  if (n < LEAST) return null;
  const squared = QUANTILE ** 2;
  const centre = (hits + squared / 2) / (n + squared);
  const reach = Math.sqrt((squared * centre * (1 - centre)) / (n + squared));
  return [Math.max(0, centre - reach), Math.min(1, centre + reach)];
}
