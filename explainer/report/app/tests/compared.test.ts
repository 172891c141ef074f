import { expect, test } from "vitest";
import { Columns } from "../src/data/columns";
import type { PairsChunk } from "../src/data/types";
import { both, changeCounts, changeOf, differenceOf, differencesDomain, frameOf, mostDifference, pairedRows, pairLayoutOf, runNames, sortedPairs, valueAt } from "../src/view/compared";
import { inPane, inPicture, nudged, within } from "../src/view/zoom";
import { seedsOf } from "../src/view/seeds";
import { columnsOf } from "./chunk";

test("an axis of differences has 0 in its middle", () => {
  const [low, high] = differencesDomain([
    { mean: 0.1, low: -0.3, high: 0.2 },
    { mean: null, low: null, high: null },
  ]);
  expect(low).toBe(-high);
  expect(high).toBeCloseTo(0.318);
  expect(differencesDomain([])).toEqual([-1, 1]);
});

test("seeds are found wherever they stand", () => {
  expect(seedsOf({ seed: 3, options: { shuffle_seed: 4, seedling: 5 }, list: [{ seed: 6 }], none: null })).toEqual({ seed: 3, "options · shuffle_seed": 4 });
});

test("two runs are named by their folders, and where these are the same by their event files, too", () => {
  expect(runNames({ folder: "first", event_file: "e.1" }, { folder: "second", event_file: "e.1" })).toEqual(["first", "second"]);
  expect(runNames({ folder: "job", event_file: "e.1" }, { folder: "job", event_file: "e.2" })).toEqual(["job (e.1)", "job (e.2)"]);
});

// Samples 2, 3, 5, 7 and 9 of the labels 0 to 3, the second one with two rows; b has all but the fourth.
const columns = new Columns(
  columnsOf([
    { number: 2, name: "a", truth: [1], top: 1, p_top: 0.9, total: 0, rows: [{ label: 1, outcome: 1, first: true }] },
    {
      ...{ number: 3, name: "b", truth: [2], top: 0, p_top: 0.8, total: 0 },
      rows: [
        { label: 2, outcome: 3 },
        { label: 0, outcome: 2, first: true },
      ],
    },
    { number: 5, name: "c", truth: [], top: 3, p_top: 0.5, total: 0, rows: [{ label: 3, outcome: 0, first: true }] },
    { number: 7, name: "d", truth: [3], top: 3, p_top: 0.5, total: 0, rows: [{ label: 3, outcome: 1, first: true }] },
    { number: 9, name: "e", truth: [1], top: 1, p_top: 0.5, total: 0, rows: [{ label: 1, outcome: 1, first: true }] },
  ]),
);
columns.column.p.set([0.9, 0.1, 0.8, 0.5, 0.5, 0.5]);
const pairs: PairsChunk = {
  rows: 6,
  samples: 5,
  columns: {
    other: Int32Array.of(4, 0, 7, -1, 1),
    top: Int32Array.of(0, 2, 1, -1, 1),
    correct: Uint8Array.of(2, 1, 0, 0, 1),
    p_top: Float32Array.of(0.9, 0.7, 0.6, NaN, 0.5),
    p: Float32Array.of(0.05, 0.7, 0.3, 0.25, NaN, 0.5),
    likeness: Float32Array.of(0.5, -0.25, NaN, 0.125, NaN, 1),
    maps: Uint8Array.of(2, 2, 0, 2, 0, 0),
  },
};

test("a sample became incorrect, correct, or has another label, or is not there", () => {
  expect([0, 1, 2, 3, 4].map((i) => changeOf(columns, pairs, i))).toEqual(["incorrect", "correct", "label", "", ""]);
  expect(changeCounts(columns, pairs)).toEqual({ "": 4, incorrect: 1, correct: 1, label: 1 });
});

test("a sample of both runs has the row that b has maps for, every such row, or its first one where there is none", () => {
  expect(pairedRows(columns, pairs, false)).toEqual([0, 1, 3, 5]);
  const more = { ...pairs, columns: { ...pairs.columns, maps: Uint8Array.of(2, 2, 1, 2, 0, 0) } };
  expect(pairedRows(columns, more, false)).toEqual([0, 2, 3, 5]);
  expect(pairedRows(columns, more, true)).toEqual([0, 1, 2, 3, 5]);
});

test.each([
  ["number", [0, 1, 2, 3, 5]],
  ["likeness", [1, 3, 0, 5, 2]],
  ["probability", [0, 1, 2, 3, 5]],
] as const)("sorted by %s the rows come as %j", (by, rows) => {
  expect(sortedPairs([0, 1, 2, 3, 5], columns, pairs, by)).toEqual(rows);
});

test("by the change of the probability the largest comes first, whichever way it goes", () => {
  expect(sortedPairs([3, 2, 5, 1, 0], columns, pairs, "probability")).toEqual([0, 1, 2, 3, 5]);
});

const map = (w: number, h: number, lo: number, hi: number, greys: number[]) => ({ w, h, lo, hi, values: Uint8Array.from(greys) });

test("a difference is b less a in true units, 0 in the palette's middle, and at most its ends", () => {
  const a = map(2, 2, -1, 1, [0, 255, 51, 0]); // -1, 1, -0.6, -1
  const b = map(2, 2, 0, 2, [0, 0, 255, 255]); // 0, 0, 2, 2
  const { values, low, high } = differenceOf(a, b, 2);
  expect(Array.from(values)).toEqual([191, 64, 255, 255]);
  expect([low, high]).toEqual([-1, 3]);
  expect(Array.from(differenceOf(a, a, 2).values)).toEqual([128, 128, 128, 128]);
  expect(Array.from(differenceOf(a, b, 0).values)).toEqual([128, 128, 128, 128]);
});

test("a map of another size is stretched to that of a", () => {
  const a = map(4, 2, 0, 255, [0, 1, 2, 3, 4, 5, 6, 7]);
  const b = map(2, 1, 0, 255, [100, 200]);
  const { low, high, values } = differenceOf(a, b, 255);
  expect([low, high]).toEqual([95, 198]);
  expect(Array.from(values)).toEqual([178, 177, 227, 226, 176, 175, 225, 224]);
  expect(valueAt(b, [0.5, 0.9])).toBe(200);
});

test("both maps have one scale, and a difference as wide as it has the last colour", () => {
  const shared = both({ lo: -0.25, hi: 1, p99: 0.5 }, { lo: 0.125, hi: 0.75, p99: 0.625 });
  expect(shared).toEqual({ lo: -0.25, hi: 1, p99: 0.625 });
  const method = { signed: false, p01: 0.1, p99: 0.5 };
  const look = { low: 2, high: 5 };
  expect(mostDifference(shared, method, { ...look, scale: "map" })).toBe(0.875);
  expect(mostDifference(shared, { ...method, signed: true }, { ...look, scale: "map" })).toBe(1.25);
  expect(mostDifference(shared, method, { ...look, scale: "run" })).toBeCloseTo(0.4);
  expect(mostDifference(shared, method, { ...look, scale: "fixed" })).toBe(3);
});

test("three lines of pictures fill the width between the least and the largest cell, and wrap never", () => {
  const wide = pairLayoutOf(1100, 4, 2);
  expect([wide.narrow, wide.left, wide.line.cell, wide.line.cellHeight, wide.step]).toEqual([false, 210, 112, 56, 60]);
  expect(wide.rowHeight).toBe(8 + 3 * 60 + 16 + 8);
  const narrow = pairLayoutOf(400, 4, 1);
  expect([narrow.narrow, narrow.line.cell, narrow.top]).toEqual([true, 79, 50]);
  expect(narrow.width).toBeLessThanOrEqual(400);
  expect(pairLayoutOf(400, 9, 1).line.cell).toBe(56);
});

test("a point of a picture in its cell is found there again", () => {
  const { line } = pairLayoutOf(1100, 4, 1);
  const frame = frameOf(line, { w: 64, h: 32 });
  expect(within(inPicture(frame, [56, 56]))).toEqual([0.5, 0.5]);
  expect(within(inPicture(frame, [56, 27]))).toBeNull();
  expect(inPane(frame, [0.5, 0])).toEqual([56, 28]);
});

test("a key moves a point to the middle of the next pixel, and not out of the picture", () => {
  expect(nudged("ArrowRight", [0.5, 0.5], 4, 2)).toEqual([0.875, 0.75]);
  expect(nudged("ArrowDown", [0.5, 0.9], 4, 2)).toEqual([0.625, 0.75]);
  expect(nudged("x", [0.5, 0.5], 4, 2)).toBeNull();
});
