import { expect, test } from "vitest";
import { Slots } from "../src/view/slots";

test("a row keeps its slot while it is there, and new rows take those of rows that went", () => {
  const slots = new Slots();
  const first = slots.of([10, 11, 12]);
  const second = slots.of([11, 12, 13]);
  expect(second.slice(0, 2)).toEqual(first.slice(1));
  expect(second[2]).toBe(first[0]);
  const third = slots.of([12, 13, 14, 15]);
  expect(third.slice(0, 2)).toEqual(second.slice(1));
  expect(new Set(third).size).toBe(4);
  expect(slots.of([40, 41, 42, 43])).toEqual(expect.arrayContaining([...third]));
});
