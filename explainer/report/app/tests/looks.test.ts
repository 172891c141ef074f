import { expect, test } from "vitest";
import { blend, paint, paintMap } from "../src/view/blend";
import { paletteTable, SIGNED, UNSIGNED } from "../src/view/palettes";
import { colourTable, histogramOf, p99Of, percentileOf, placeOf, quantile, spanOf, type Look } from "../src/view/scales";

const LOOK: Look = { palette: "grey", signed: "rdbu", blend: "value", scale: "map", low: 0, high: 1, opacity: 1 };
const UNSIGNED_METHOD = { signed: false, p01: 0.1, p99: 0.6 };
const SIGNED_METHOD = { signed: true, p01: -3, p99: 2 };

const colour = (table: Uint8Array, at: number) => Array.from(table.subarray(3 * at, 3 * at + 3));
const entry = (table: Uint8Array, at: number) => Array.from(table.subarray(4 * at, 4 * at + 4));

test("palettes begin, go through their middle and end as published", () => {
  expect([0, 128, 255].map((at) => colour(paletteTable("viridis"), at))).toEqual([
    [68, 1, 84],
    [33, 145, 140],
    [253, 231, 37],
  ]);
  expect([0, 255].map((at) => colour(paletteTable("magma"), at))).toEqual([
    [0, 0, 4],
    [252, 253, 191],
  ]);
  expect([0, 255].map((at) => colour(paletteTable("cividis"), at))).toEqual([
    [0, 34, 78],
    [254, 232, 56],
  ]);
  expect([0, 77, 255].map((at) => colour(paletteTable("grey"), at))).toEqual([
    [0, 0, 0],
    [77, 77, 77],
    [255, 255, 255],
  ]);
  expect([0, 255].map((at) => colour(paletteTable("rdbu"), at))).toEqual([
    [0x67, 0x00, 0x1f],
    [0x05, 0x30, 0x61],
  ]);
});

test("every palette has 256 colours, and those with signs are white in the middle", () => {
  for (const { key } of [...UNSIGNED, ...SIGNED]) expect(paletteTable(key).length).toBe(768);
  for (const { key } of SIGNED) expect(Math.min(...colour(paletteTable(key), 128))).toBeGreaterThan(240);
});

test("the scale of each map goes from its least value to its 99th percentile", () => {
  expect(spanOf({ lo: 0.2, hi: 1, p99: 0.7 }, UNSIGNED_METHOD, LOOK)).toEqual([0.2, 0.7]);
});

test("where a map's 99th percentile is its least value the scale ends at its largest", () => {
  expect(spanOf({ lo: 0, hi: 1, p99: 0 }, UNSIGNED_METHOD, LOOK)).toEqual([0, 1]);
});

test("zero is the centre of every scale with signs", () => {
  const map = { lo: -4, hi: 1, p99: 3 };
  expect(spanOf(map, SIGNED_METHOD, LOOK)).toEqual([-3, 3]);
  expect(spanOf(map, SIGNED_METHOD, { ...LOOK, scale: "run" })).toEqual([-3, 3]);
  expect(spanOf(map, SIGNED_METHOD, { ...LOOK, scale: "fixed", low: -1, high: 5 })).toEqual([-5, 5]);
  expect(spanOf({ lo: -4, hi: 1, p99: 0 }, SIGNED_METHOD, LOOK)).toEqual([-4, 4]);
});

test("the scale of the run is its method's, a fixed one is as told", () => {
  const map = { lo: 0, hi: 9, p99: 8 };
  expect(spanOf(map, UNSIGNED_METHOD, { ...LOOK, scale: "run" })).toEqual([0.1, 0.6]);
  expect(spanOf(map, UNSIGNED_METHOD, { ...LOOK, scale: "fixed", low: 2, high: 4 })).toEqual([2, 4]);
});

test("values beyond the scale have its end's colour", () => {
  expect([-1, 0, 0.25, 2].map((value) => placeOf(value, [0, 0.5], false))).toEqual([0, 0, 0.5, 1]);
  expect([-9, -1, 0, 1, 9].map((value) => placeOf(value, [-2, 2], true))).toEqual([-1, -0.5, 0, 0.5, 1]);
});

test("by value the map is seen as much as its value is large, times the opacity", () => {
  const table = colourTable({ lo: 0, hi: 1, p99: 1 }, UNSIGNED_METHOD, { ...LOOK, opacity: 0.5 });
  expect([0, 102, 255].map((grey) => entry(table, grey))).toEqual([
    [0, 0, 0, 0],
    [102, 102, 102, 51],
    [255, 255, 255, 128],
  ]);
});

test("with signs both ends are seen and zero is not", () => {
  const table = colourTable({ lo: -1, hi: 1, p99: 1 }, SIGNED_METHOD, LOOK);
  expect(entry(table, 0)).toEqual([0x67, 0x00, 0x1f, 255]);
  expect(entry(table, 255)).toEqual([0x05, 0x30, 0x61, 255]);
  expect(entry(table, 128)[3]).toBeLessThan(2);
});

test.each([
  ["flat", 0.25, 64],
  ["map", 0.25, 255],
  ["picture", 1, 0],
] as const)("blended %s, the weight does not depend on the value", (how, opacity, weight) => {
  const table = colourTable({ lo: 0, hi: 1, p99: 1 }, UNSIGNED_METHOD, { ...LOOK, blend: how, opacity });
  expect([0, 100, 255].map((grey) => table[4 * grey + 3])).toEqual([weight, weight, weight]);
});

test("a constant map is seen nowhere", () => {
  const table = colourTable({ lo: 0.5, hi: 0.5, p99: 0.5 }, UNSIGNED_METHOD, LOOK);
  expect(table[3]).toBe(0);
});

test("the 99th percentile of a map is that of its values, with signs that of their sizes", () => {
  const greys = Uint8Array.from({ length: 200 }, (_, index) => (index < 196 ? 0 : index < 199 ? 51 : 255));
  expect(p99Of(0, 1, greys)).toBeCloseTo(0.2);
  expect(p99Of(-1, 4, greys)).toBeCloseTo(1); // 196 times -1, then 0 and 4: the third largest size of 200 is 1
});

test("quantiles and percentiles count values", () => {
  const counts = histogramOf(Uint8Array.of(0, 0, 10, 10, 10, 200, 255, 255));
  expect([0.25, 0.26, 0.75, 0.76].map((part) => quantile(counts, part))).toEqual([0, 10, 200, 255]);
  expect([0, 10, 199, 255].map((grey) => percentileOf(counts, grey))).toEqual([25, 62.5, 62.5, 100]);
});

const PICTURE = { w: 3, h: 2, rgb: Uint8Array.from([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 100, 110, 120, 130, 140, 150]) };

function painted(fill: (target: { pixels: Uint8ClampedArray; stride: number; left: number }) => void): number[][] {
  const pixels = new Uint8ClampedArray(4 * 4 * 2); // 4 wide, the picture from 1 on
  fill({ pixels, stride: 4, left: 1 });
  return Array.from({ length: 8 }, (_, at) => Array.from(pixels.subarray(4 * at, 4 * at + 4)));
}

test("a picture is painted at its place", () => {
  const got = painted((target) => paint(PICTURE, target));
  expect([got[0], got[1], got[3], got[7]]).toEqual([
    [0, 0, 0, 0],
    [0, 10, 100, 255],
    [2, 12, 120, 255],
    [5, 15, 150, 255],
  ]);
});

test("a map is stretched over its picture and mixed by its weight", () => {
  const table = new Uint8Array(1024);
  table.set([255, 0, 0, 255], 4 * 9);
  table.set([100, 100, 100, 51], 4 * 7);
  const map = { w: 1, h: 2, values: Uint8Array.of(7, 9) };
  const got = painted((target) => blend(PICTURE, map, table, target));
  expect(got[1]).toEqual([20, 28, 100, 255]); // a fifth of 100, four fifths of the picture
  expect(got[5]).toEqual([255, 0, 0, 255]);
});

test("a map without a picture shows its colours alone", () => {
  const table = new Uint8Array(1024);
  table.set([1, 2, 3, 0], 0);
  const got = painted((target) => paintMap({ w: 3, h: 2, values: new Uint8Array(6) }, table, target));
  expect(got[6]).toEqual([1, 2, 3, 255]);
});
