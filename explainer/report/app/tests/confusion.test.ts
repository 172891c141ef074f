import { expect, test } from "vitest";
import { Columns } from "../src/data/columns";
import { among, confused, confusionOf, present, proportionInterval } from "../src/view/confusion";
import { cellAt, matrixLayout, shortened } from "../src/view/matrix";
import { columnsOf, someColumns } from "./chunk";

const sample = (number: number, truth: number[], top: number, p_top = 0.5) => ({ number, name: "", truth, top, p_top, total: NaN, rows: [{ label: top, outcome: 1, first: true }] });
const columns = new Columns(columnsOf([sample(0, [0], 0, 0.9), sample(1, [0], 1, 0.7), sample(2, [0], 1, 0.8), sample(3, [2], 0), sample(4, [1], 1), sample(5, [], 2)]));

test("pairs of true and predicted labels are counted, samples without a true label are not", () => {
  const found = confusionOf(columns, 3);
  expect([found.at(0, 0), found.at(0, 1), found.at(2, 0), found.at(1, 1), found.at(2, 2)]).toEqual([1, 2, 1, 1, 0]);
  expect(found.pairs.reduce((sum, { count }) => sum + count, 0)).toBe(5);
  expect(confused(found)).toEqual([
    { truth: 0, top: 1, count: 2 },
    { truth: 2, top: 0, count: 1 },
  ]);
});

test("a class has its samples, its correct ones and their mean confidence", () => {
  const [first, second, third] = confusionOf(columns, 3).classes;
  expect([first.n, first.correct]).toEqual([3, 1]);
  expect(first.confidence).toBeCloseTo(0.8);
  expect([second.n, second.correct, third.n, third.correct]).toEqual([1, 1, 1, 0]);
  expect(confusionOf(columns, 4).classes[3]).toMatchObject({ n: 0, correct: 0, confidence: NaN });
});

test("a sample with several true labels counts in the row of each", () => {
  const found = confusionOf(new Columns(someColumns()), 4);
  expect(found.several).toBe(1);
  expect([found.at(2, 0), found.at(3, 0), found.at(3, 3)]).toEqual([1, 1, 1]);
});

test("of many labels, those that no sample has are left out, and the others are numbered by their places", () => {
  const found = confusionOf(new Columns(columnsOf([sample(0, [40], 40), sample(1, [40], 90), sample(2, [7], 40)])), 100);
  expect(present(found)).toEqual([7, 40, 90]);
  const part = among(found, present(found));
  expect([part.labels, part.at(1, 1), part.at(1, 2), part.at(0, 1), part.at(2, 2)]).toEqual([3, 1, 1, 1, 0]);
  expect(part.pairs).toContainEqual({ truth: 1, top: 2, count: 1 });
  expect(part.classes.map(({ label, n, correct }) => [label, n, correct])).toEqual([[0, 1, 0], [1, 2, 1], [2, 0, 0]]);
});

test("labels that the run does not have are left out", () => {
  const found = confusionOf(new Columns(columnsOf([sample(0, [7], 0), sample(1, [0], -1)])), 2);
  expect([found.pairs, found.classes[0].n]).toEqual([[], 0]);
});

test("the interval of a proportion is that of Python: ten of ten say at least 0.68", () => {
  const [low, high] = proportionInterval(10, 10) as [number, number];
  expect([low.toFixed(3), high]).toEqual(["0.679", 1]);
  expect((proportionInterval(8, 8) as [number, number])[0].toFixed(3)).toBe("0.628");
  expect(proportionInterval(4, 4)).toBeNull();
});

test("a point of the matrix is a cell, beside it there is none", () => {
  const layout = matrixLayout(10, 500, 40);
  expect(cellAt(layout, 10, layout.names + 2.5 * layout.cell, layout.names + 0.5 * layout.cell)).toEqual([0, 2]);
  expect(cellAt(layout, 10, layout.names - 1, layout.names + 1)).toBeNull();
  expect(cellAt(layout, 10, layout.size + 5, layout.names + 1)).toBeNull();
  expect(matrixLayout(60, 300, 40)).toMatchObject({ numbered: true, cell: 13 });
  expect(matrixLayout(61, 300, 40)).toMatchObject({ numbered: false, names: 0 });
});

test("a name is cut where there is no room for it", () => {
  const context = { measureText: (text: string) => ({ width: 10 * Array.from(text).length }) as TextMetrics };
  expect(shortened(context, "seven", 50)).toBe("seven");
  expect(shortened(context, "seventeen", 50)).toBe("seve…");
  expect(shortened(context, "🦊🦊🦊🦊", 30)).toBe("🦊🦊…");
  expect(shortened(context, "x".repeat(10_000), 30)).toBe("xx…");
});
