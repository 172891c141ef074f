import { expect, test } from "vitest";
import { DEFAULTS, hashOf, viewOf, type View } from "../src/routes";

const everything: View = {
  page: "sample",
  sample: 573,
  label: 3,
  search: "a b&c=d,#?%é\u202e",
  outcome: [2, 3],
  correct: [2],
  truth: [0, 12],
  top: [7],
  confidence: [0.25, 0.5],
  uncertainty: [0, 1.5],
  edits: "failed",
  sort: "score.2.10",
  descending: true,
  rows: "label",
  picked: [4, 19],
  methods: [3, 0],
  metric: -1,
  size: 96,
  palette: "magma",
  signed: "puor",
  blend: "flat",
  scale: "fixed",
  low: -0.25,
  high: 1e-7,
  opacity: 0.35,
  row: 41,
  column: 2,
  zoom: 2.5,
  centre: [0.25, 0.75],
  layer: 0,
  extra: { weights: "0:3,1:2", "odd key": "x y" },
};

test("a hash brings the whole view back", () => {
  expect(viewOf(hashOf(everything))).toEqual(everything);
});

test("a hash is its own spelling", () => {
  const hash = hashOf(everything);
  expect(hashOf(viewOf(hash))).toBe(hash);
});

test("what is a default does not stand in the hash", () => {
  expect(hashOf(DEFAULTS)).toBe("#/");
  expect(hashOf({ ...DEFAULTS, page: "samples", truth: [3, 5], sort: "margin" })).toBe("#/samples?truth=3,5&sort=margin");
});

test("what only a sample's page shows stands in no other page's hash", () => {
  expect(hashOf({ ...DEFAULTS, page: "samples", label: 3, zoom: 2, centre: [0, 1], layer: 1 })).toBe("#/samples");
});

test("no methods are not all methods", () => {
  expect(viewOf(hashOf({ ...DEFAULTS, methods: [] })).methods).toEqual([]);
});

test.each([
  ["", DEFAULTS],
  ["#", DEFAULTS],
  ["#/nowhere?sort=__proto__&opacity=7&truth=1,x&p=0~~1&methods=&row=1e3&scale=FIXED&low=&size=9999999999", DEFAULTS],
  ["#/sample/-5", { ...DEFAULTS, page: "samples" }],
  ["#/sample/x", { ...DEFAULTS, page: "samples" }],
  ["#/samples?down=1&q=%E0%A4%A", { ...DEFAULTS, page: "samples", descending: true, search: "\ufffd%A" }],
])("what cannot be read of %s has its default", (hash, expected) => {
  expect(viewOf(hash)).toEqual(expected);
});
