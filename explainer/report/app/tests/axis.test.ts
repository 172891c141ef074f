import { expect, test } from "vitest";
import { spread } from "../src/components/chart";
import { bandOf, linear, pathOf, ticks } from "../src/view/axis";

test.each<[number, number, number, number[]]>([
  [0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [0.43, 0.83, 4, [0.5, 0.6, 0.7, 0.8]],
  [-0.2, 0.25, 4, [-0.2, 0, 0.2]],
  [0, 0.003, 3, [0, 0.001, 0.002, 0.003]],
  [5, 1234, 4, [500, 1000]],
  [2, 2, 4, [2]],
])("from %d to %d about %d ticks are %j", (low, high, count, expected) => {
  expect(ticks(low, high, count)).toEqual(expected);
});

test("an axis without length shows its value in the middle", () => {
  expect(linear([1, 1], [0, 100])(1)).toBe(50);
});

test("a line breaks where a point is not known, a band needs two", () => {
  expect(pathOf([[0, 1], [1, NaN], [2, 3], [3, 4]])).toBe("M0,1M2,3L3,4");
  expect(pathOf([[0, 1], [1, 9e40], [2, -Infinity], [3, 4]])).toBe("M0,1M3,4");
  expect(bandOf([0, 1], [1, 2], [3, 4])).toBe("M0,1L1,2L1,4L0,3Z");
  expect(bandOf([0, 1], [1, NaN], [3, 4])).toBe("");
});

test("labels are moved apart, and stay between the ends", () => {
  expect(spread([10, 12, 50], 10, 0, 60)).toEqual([10, 20, 50]);
  expect(spread([58, 12, 59], 10, 0, 60)).toEqual([50, 12, 60]);
});
