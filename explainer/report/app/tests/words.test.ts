import { expect, test } from "vitest";
import { count, counted, cut, decimals, interval, ordinal, percent, short } from "../src/words";

test("numbers have the digits that tell something", () => {
  expect([0, 0.0213, 0.5, 12.34, 1234.5, -0.25, 1e-9, 1e9].map(short)).toEqual(["0", "0.021", "0.50", "12.3", "1235", "−0.25", "1.0e−9", "1.0e+9"]);
});

test("an undefined number is a dash, never 0", () => {
  expect([short(null), short(NaN), decimals(undefined), percent(NaN), interval(null, 1)]).toEqual(["–", "–", "–", "–", ""]);
});

test("endless texts are cut", () => {
  expect(cut("x".repeat(500)).length).toBe(201);
});

test("words go with their numbers", () => {
  expect([counted(1, "sample"), counted(1200, "sample"), count(1234567)]).toEqual(["1 sample", "1,200 samples", "1,234,567"]);
  expect([1, 2, 3, 4, 11, 12, 13, 21, 97, 100, 111].map(ordinal)).toEqual(["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "97th", "100th", "111th"]);
});
