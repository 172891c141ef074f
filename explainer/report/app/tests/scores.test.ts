import { expect, test } from "vitest";
import type { Method, Metric, Statistics, Summary } from "../src/data/types";
import { curveWords, domainOf, rangeWords, ScoreBook, weighted, weightsOf } from "../src/view/scores";

const summary = (mean: number | null, rank: number | null = null, reach = 0.1): Summary => ({
  mean,
  median: mean,
  deviation: 0.1,
  low: mean === null ? null : mean - reach,
  high: mean === null ? null : mean + reach,
  n: 10,
  undefined: 0,
  rank,
  better_than: [],
  too_few: [],
});
const metric = (name: string, better: Metric["better"]): Metric => ({
  name,
  class: null,
  better,
  low: 0,
  high: null,
  unit: "",
  question: "",
  formula: "",
  per_label: true,
  scores: true,
  settings: {},
});
const method = (name: string, kind: Method["kind"] = "method"): Method => ({
  name,
  kind,
  signed: false,
  p01: null,
  p99: null,
  maps: 1,
  constant_maps: 0,
  largest_gap: null,
  settings: {},
});

/** Three methods and a control by two metrics, with these ranks. */
function book(ranks: readonly (readonly (number | null)[])[]): ScoreBook {
  const statistics = ranks.flatMap((row, of) =>
    row.map((rank, by): Statistics => {
      const all = summary(rank === null ? null : 0.5, rank);
      return { metric: of, method: by, rank: null, all, correct: all, incorrect: summary(null), labels: { label: [], mean: [], n: [], undefined: [] } };
    }),
  );
  return new ScoreBook({
    metrics: [metric("up", "higher"), metric("down", "lower")],
    methods: [method("a"), method("b"), method("c"), method("random", "control")],
    statistics,
  });
}

test("a method is weak if it was not found better than a control, a control never is, and too few pairs are said", () => {
  const [up, down] = [metric("up", "higher"), metric("down", "lower")];
  const methods = [method("a"), method("b"), method("random", "control"), method("centre", "control")];
  const entry = (by: number, of: number, better_than: number[], too_few: number[]): Statistics => {
    const all = { ...summary(0.5), better_than, too_few }; // equal means: what Python found counts
    return { metric: by, method: of, rank: null, all, correct: all, incorrect: { ...all, better_than: [], too_few: [2] }, labels: { label: [], mean: [], n: [], undefined: [] } };
  };
  const statistics = [entry(0, 0, [2, 3], []), entry(0, 1, [3], []), entry(0, 2, [], []), entry(0, 3, [], []), entry(1, 1, [], [2]), entry(1, 2, [], [])];
  const scores = new ScoreBook({ metrics: [up, down], methods, statistics });
  const names = (found: readonly Method[]) => found.map(({ name }) => name);
  expect([0, 1, 2, 3].map((of) => names(scores.unbeaten(0, of, "all")))).toEqual([[], ["random"], [], []]);
  expect(names(scores.unbeaten(0, 0, "incorrect"))).toEqual(["centre"]);
  expect([names(scores.unbeaten(1, 1, "all")), names(scores.untold(1, 1, "all"))]).toEqual([[], ["random"]]);
});

test("weights count ranks, those of controls too, and only those of metrics that count", () => {
  const scores = book([
    [4, 2, 3, 1],
    [2, 4, 3, 1],
  ]);
  expect(weighted(scores, [1, 0], "all")).toEqual([
    { method: 3, rank: 1 },
    { method: 1, rank: 2 },
    { method: 2, rank: 3 },
    { method: 0, rank: 4 },
  ]);
  expect(weighted(scores, [1, 3], "all").map(({ method: by, rank }) => [by, rank])).toEqual([
    [3, 1],
    [0, 2.5],
    [2, 3],
    [1, 3.5],
  ]);
  expect(weighted(scores, [0, 0], "all").map(({ rank }) => rank)).toEqual([null, null, null, null]);
});

test("a method without a score by a metric that counts has no place, and stands last", () => {
  const scores = book([
    [null, 2, 3, 1],
    [2, 4, 3, 1],
  ]);
  expect(weighted(scores, [1, 1], "all").map(({ method: by, rank }) => [by, rank])).toEqual([
    [3, 1],
    [1, 3],
    [2, 3],
    [0, null],
  ]);
  expect(weighted(scores, [0, 1], "all")[0]).toEqual({ method: 3, rank: 1 });
});

test("weights in a link fit the metrics of the run, or there are none", () => {
  expect(weightsOf("1,0,9", 4)).toEqual([1, 0, 5, 0]);
  expect(weightsOf("2,3", 1)).toEqual([2]);
  expect([weightsOf(undefined, 2), weightsOf("", 2), weightsOf("a,b", 2), weightsOf("-1", 2)]).toEqual([null, null, null, null]);
});

test("an axis holds all intervals, within the metric's bounds", () => {
  const [low, high] = domainOf([summary(0.5), undefined, summary(null), summary(0.05)], { low: 0, high: 1 });
  expect([low, high > 0.6 && high < 0.7]).toEqual([0, true]);
  expect(domainOf([undefined], { low: 0, high: null })).toEqual([0, 1]);
  const [from, to] = domainOf([summary(2, 1, 0)], { low: null, high: null });
  expect(from < 2 && to > 2).toBe(true);
});

test("ranges and curves are said in words", () => {
  expect(rangeWords({ low: 0, high: 1, unit: "" })).toBe("0 to 1");
  expect(rangeWords({ low: 0, high: null, unit: "nats" })).toBe("from 0 nats");
  expect(rangeWords({ low: null, high: null, unit: "" })).toBe("");
  expect(curveWords({ better: "higher", settings: { metric: "DeletionAUC" } })).toContain("smaller area is better");
  expect(curveWords({ better: "higher", settings: { metric: "InsertionAUC" } })).toBe("larger area is better");
  expect(curveWords({ better: "lower", settings: {} })).toBe("smaller area is better");
});
