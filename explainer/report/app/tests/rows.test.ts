import { expect, test } from "vitest";
import { Columns } from "../src/data/columns";
import { DEFAULTS } from "../src/routes";
import { BINS, facetsOf, isFiltered, NO_FILTER, presentLabels, type Filter } from "../src/view/facets";
import { filtered, firstOf, scoreSort, sorted, sortValues } from "../src/view/sorts";
import { someColumns } from "./chunk";

const columns = new Columns(someColumns());
const LABELS = 4;
const FILTER: Filter = { ...NO_FILTER, rows: "sample", picked: [] };

const passing = (change: Partial<Filter>) =>
  Array.from(facetsOf(columns, { ...FILTER, ...change }, LABELS).passes).flatMap((passes, row) => (passes ? [row] : []));

test("without a filter each sample has its first row, or every row is shown", () => {
  expect(passing({})).toEqual([0, 2, 3, 4]);
  expect(passing({ rows: "label" })).toEqual([0, 1, 2, 3, 4]);
});

test("a picked row stands in place of its sample's first one; one that does not exist does nothing", () => {
  expect(passing({ picked: [1, 99] })).toEqual([0, 1, 3, 4]);
});

test.each<[Partial<Filter>, number[]]>([
  [{ search: " STRASSE" }, []],
  [{ search: "straße" }, [0]],
  [{ search: "9" }, [4]],
  [{ outcome: [2] }, [2]],
  [{ correct: [2] }, [2]],
  [{ correct: [0, 1] }, [0, 3, 4]],
  [{ correct: [2], outcome: [3] }, []],
  [{ correct: [2], outcome: [3], rows: "label" }, [1]],
  [{ outcome: [0, 1] }, [0, 3, 4]],
  [{ truth: [3] }, [2, 4]],
  [{ truth: [4] }, [3]],
  [{ top: [3] }, [3, 4]],
  [{ confidence: [0.7, 0.8] }, [2]],
  [{ confidence: [0.55, 1] }, [0, 2, 4]],
  [{ uncertainty: [0.5, 1] }, [2]],
  [{ edits: "with" }, [0]],
  [{ edits: "without" }, [2, 3, 4]],
  [{ edits: "failed", rows: "label" }, [1]],
  [{ truth: [3], top: [3] }, [4]],
  [{ truth: [3], outcome: [3] }, []],
])("the filter %j lets through %j", (change, rows) => {
  expect(passing(change)).toEqual(rows);
});

test("a facet counts what its own choices would give among what the others let through", () => {
  const facets = facetsOf(columns, { ...FILTER, truth: [3] }, LABELS);
  expect([facets.shown, facets.all]).toEqual([2, 4]);
  expect(Array.from(facets.outcome)).toEqual([0, 1, 1, 0, 0]);
  expect(Array.from(facets.correct)).toEqual([0, 1, 1]);
  expect(Array.from(facets.truth)).toEqual([0, 1, 1, 2, 1]); // its own choice does not narrow it
  expect(Array.from(facets.top)).toEqual([1, 0, 0, 1, 0]);
  expect(Array.from(facets.edits)).toEqual([2, 0, 0]);
});

test("samples are found by their number, their name and the names of their labels", () => {
  const named = new Columns(someColumns(), ["ant", "Bee", "cat", "dog"]);
  expect(named.haystack.every((text, i) => text.includes(String(named.column.sample[i])))).toBe(true);
  expect(named.haystack.map((text) => text.includes("bee"))).toEqual(
    Array.from({ length: named.samples }, (_, i) => named.column.top[i] === 1 || named.truth(i).includes(1)),
  );
  expect(named.haystack.some((text) => text.includes("bee"))).toBe(true);
});

test("the labels that any sample has are known whatever is filtered", () => {
  const found = presentLabels(columns, LABELS);
  expect(Array.from(found.truth)).toEqual([0, 1, 1, 1, 1]);
  expect(found.top.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(1);
});

test("histograms have every value, the largest in the last bin, unknown ones in none", () => {
  const { confidence, uncertainty, most } = facetsOf(columns, FILTER, LABELS);
  expect(confidence.reduce((sum, value) => sum + value)).toBe(4);
  expect(confidence[Math.floor(0.75 * BINS)]).toBe(1);
  expect(most).toBeCloseTo(1.6);
  expect([uncertainty.reduce((sum, value) => sum + value), uncertainty[BINS - 1]]).toEqual([3, 1]);
});

test("an empty filter is none", () => {
  expect(isFiltered(DEFAULTS)).toBe(false);
  expect(isFiltered({ ...DEFAULTS, search: "  " })).toBe(false);
  expect(isFiltered({ ...DEFAULTS, edits: "with" })).toBe(true);
});

const sortedBy = (key: string, descending: boolean) => Array.from(sorted(sortValues(columns, key, null), descending));

test("rows are sorted by number, ties in their order", () => {
  expect(sortedBy("number", false)).toEqual([0, 1, 2, 3, 4]);
  expect(sortedBy("number", true)).toEqual([4, 3, 1, 2, 0]);
});

test("rows without a value come last, either way", () => {
  expect(sortedBy("total", false)).toEqual([0, 1, 2, 4, 3]);
  expect(sortedBy("total", true)).toEqual([4, 1, 2, 0, 3]);
});

test("the most wrong are wrong with the highest probability; the right ones follow, the least sure first", () => {
  expect(sortedBy("wrong", true)).toEqual([1, 2, 4, 0, 3]);
});

test("scores are those of the sort's method", () => {
  const values = Float32Array.of(9, 0.3, 9, NaN, 9, 0.1, 9, 0.2, 9, 0.2);
  const scores = { metric: 0, methods: 2, values };
  expect(Array.from(sorted(sortValues(columns, "score.0.1", scores), false))).toEqual([2, 3, 4, 0, 1]);
});

test("a sort by scores that are not read yet, or that nobody knows, keeps the rows' order", () => {
  expect(sortedBy("score.0.1", true)).toEqual([0, 1, 2, 3, 4]);
  expect(sortedBy("constructor", false)).toEqual([0, 1, 2, 3, 4]);
});

test("sorts by scores are spelled score.METRIC.METHOD", () => {
  expect(scoreSort("score.2.10")).toEqual({ metric: 2, method: 10 });
  expect(["score.2", "score..1", "number"].map(scoreSort)).toEqual([null, null, null]);
});

test("filtering keeps the order", () => {
  expect(Array.from(filtered(Uint32Array.of(3, 0, 2, 1), Uint8Array.of(1, 0, 1, 1)))).toEqual([3, 0, 2]);
});

test("the first rows of an order are those that sorting all would give", () => {
  const values = Array.from({ length: 60 }, (_, row) => (row % 7 === 3 ? NaN : (row * 37) % 11));
  for (const descending of [false, true])
    for (const count of [1, 8, 100]) {
      const wanted = (row: number) => row % 2 === 0;
      const all = Array.from(sorted(values, descending)).filter((row) => wanted(row) && !Number.isNaN(values[row]));
      expect(firstOf(values, descending, count, wanted)).toEqual(all.slice(0, count));
    }
});
