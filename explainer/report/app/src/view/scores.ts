/** What scores say: which method is better, and whether one is better than a map that knows nothing. */

import type { Method, Metric, Run, Statistics, Summary } from "../data/types";

export type Part = "all" | "correct" | "incorrect";

/** The statistics by metric and method. */
export class ScoreBook {
  private readonly entries = new Map<string, Statistics>();
  /** The metrics and the methods that have any. */
  readonly metrics: readonly number[];
  readonly methods: readonly number[];

  constructor(private readonly run: Pick<Run, "methods" | "metrics" | "statistics">) {
    for (const entry of run.statistics) this.entries.set(`${entry.metric} ${entry.method}`, entry);
    const known = <T>(all: readonly T[], of: (entry: Statistics) => number) => {
      const found = new Set(run.statistics.map(of));
      return all.flatMap((_, index) => (found.has(index) ? [index] : []));
    };
    this.metrics = known(run.metrics, ({ metric }) => metric);
    this.methods = known(run.methods, ({ method }) => method);
  }

  at(metric: number, method: number): Statistics | undefined {
    return this.entries.get(`${metric} ${method}`);
  }

  summary(metric: number, method: number, part: Part): Summary | undefined {
    return this.at(metric, method)?.[part];
  }

  isControl(method: number): boolean {
    return this.run.methods[method].kind === "control";
  }

  /** The controls that a method is not better than, by the differences of their scores. */
  unbeaten(metric: number, method: number, part: Part): Method[] {
    const own = this.summary(metric, method, part);
    const beside = (control: number) => !own?.better_than.includes(control) && !own?.too_few.includes(control);
    return own ? this.controls(metric, method).filter(beside).map((control) => this.run.methods[control]) : [];
  }

  /** The controls of which too few pairs of scores are there to tell whether a method is better. */
  untold(metric: number, method: number, part: Part): Method[] {
    return (this.summary(metric, method, part)?.too_few ?? []).map((control) => this.run.methods[control]);
  }

  /** The controls that were scored by a metric as the method was; none for a control. */
  controls(metric: number, method: number): number[] {
    return this.isControl(method) ? [] : this.methods.filter((other) => this.isControl(other) && this.at(metric, other));
  }

  /** The ranks of the methods by a metric; controls have theirs, too: a method behind one must not look like the best. */
  ranks(metric: number, part: Part): Map<number, number> {
    return new Map(
      this.methods.flatMap((method): [number, number][] => {
        const rank = this.summary(metric, method, part)?.rank ?? null;
        return rank === null ? [] : [[method, rank]];
      }),
    );
  }
}

export interface Weighted {
  method: number;
  /** The weighted mean of its ranks; null if it has none by a metric that counts. */
  rank: number | null;
}

/** The methods by the weighted mean of their ranks, the best first. weights: of the metrics, in the order of the run. */
export function weighted(book: ScoreBook, weights: readonly number[], part: Part): Weighted[] {
  const counting = book.metrics.filter((metric) => weights[metric] > 0);
  const ranks = counting.map((metric) => ({ of: book.ranks(metric, part), weight: weights[metric] }));
  const all = ranks.reduce((sum, { weight }) => sum + weight, 0);
  return book.methods
    .map((method) => {
      const known = all > 0 && ranks.every(({ of }) => of.has(method));
      const sum = ranks.reduce((total, { of, weight }) => total + weight * (of.get(method) ?? 0), 0);
      return { method, rank: known ? sum / all : null };
    })
    .sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity) || a.method - b.method);
}

export const MOST_WEIGHT = 5;

/** "1,0,2" as weights of so many metrics; null: they are off. */
export function weightsOf(text: string | undefined, metrics: number): number[] | null {
  if (!text || !/^\d(,\d)*$/.test(text)) return null;
  const given = text.split(",").map(Number);
  return Array.from({ length: metrics }, (_, metric) => Math.min(MOST_WEIGHT, given[metric] ?? 0));
}

/** What is between the ends of all intervals, and a little more, within the metric's bounds. */
export function domainOf(summaries: readonly (Summary | undefined)[], { low, high }: Pick<Metric, "low" | "high">): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const summary of summaries)
    for (const value of [summary?.low, summary?.mean, summary?.high]) {
      if (value === null || value === undefined) continue;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  if (least > most) return [low ?? 0, high ?? 1];
  const more = (most - least) * 0.06 || Math.abs(most) * 0.1 || 0.5;
  return [Math.max(low ?? -Infinity, least - more), Math.min(high ?? Infinity, most + more)];
}

/** "0 to 1", "from 0", "" for a metric without bounds. */
export function rangeWords({ low, high, unit }: Pick<Metric, "low" | "high" | "unit">): string {
  const ends = low !== null && high !== null ? `${low} to ${high}` : low !== null ? `from ${low}` : high !== null ? `up to ${high}` : "";
  return [ends, unit].filter(Boolean).join(" ");
}

/** What the area under a curve says of a method: our metric of deletion is 1 minus it. */
export function curveWords({ better, settings }: Pick<Metric, "better" | "settings">): string {
  const turned = settings.metric === "DeletionAUC";
  const larger = (better === "higher") !== turned;
  return `${larger ? "larger" : "smaller"} area is better${turned ? ": score = 1 − area" : ""}`;
}
