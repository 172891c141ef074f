import { expect, test } from "vitest";
import { count, counted, cut, decimals, duration, interval, isolated, ordinal, percent, short, signed, timeWords } from "../src/words";

test("numbers have the digits that tell something", () => {
  expect([0, 0.0213, 0.5, 12.34, 1234.5, -0.25, 1e-9, 1e9].map(short)).toEqual(["0", "0.021", "0.50", "12.3", "1235", "−0.25", "1.0e−9", "1.0e+9"]);
});

test("an undefined number is a dash, never 0", () => {
  expect([short(null), short(NaN), decimals(undefined), percent(NaN), interval(null, 1)]).toEqual(["–", "–", "–", "–", ""]);
});

test("an infinite number is infinite", () => {
  expect([short(-Infinity), decimals(Infinity), percent(Infinity)]).toEqual(["−∞", "∞", "∞"]);
});

test("endless texts are cut", () => {
  expect(cut("x".repeat(500)).length).toBe(201);
});

test("a cut goes through no letter", () => {
  expect(cut("ab😀", 3)).toBe("ab…");
});

test("no mark of a text ends what it stands in, or goes on behind it", () => {
  expect(cut("\u2069a\u2067b\u2066c\u2069")).toBe("a\u2067b\u2066c\u2069\u2069");
  expect(cut("\u2067" + "x".repeat(500), 3)).toBe("\u2067xx…\u2069");
});

test("where no element can isolate a text, marks do, if it needs them", () => {
  expect(["cat", "naïve 猫 😀", "\u202ecat", "\u05d0", "\ud83a\udd00"].map(isolated)).toEqual([
    "cat",
    "naïve 猫 😀",
    "\u2068\u202ecat\u2069",
    "\u2068\u05d0\u2069",
    "\u2068\ud83a\udd00\u2069",
  ]);
});

test("words go with their numbers", () => {
  expect([counted(1, "sample"), counted(1200, "sample"), count(1234567)]).toEqual(["1 sample", "1,200 samples", "1,234,567"]);
  expect([1, 2, 3, 4, 11, 12, 13, 21, 97, 100, 111].map(ordinal)).toEqual(["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "97th", "100th", "111th"]);
});

test("a duration has its largest unit, and the next one where it tells something", () => {
  const start = "2023-11-14T22:13:20+00:00";
  const after = (seconds: number) => new Date(Date.parse(start) + 1000 * seconds).toISOString();
  const words = [0, 1, 59, 60, 125, 731, 3599, 3600, 11100, 90000, 900000].map((seconds) => duration(start, after(seconds)));
  expect(words).toEqual(["under 1 s", "1 s", "59 s", "1 min", "2 min 5 s", "12 min", "59 min", "1 h", "3 h 5 min", "1 d 1 h", "10 d"]);
  expect([duration(start, null), duration(null, start), duration(after(5), start)]).toEqual(["", "", ""]);
});

test("times are told to the minute, and differences with their sign", () => {
  expect([timeWords("2023-11-14T22:13:20+00:00"), timeWords(null)]).toEqual(["2023-11-14 22:13 UTC", ""]);
  expect([0.5, -0.25, 0, NaN, null].map((value) => signed(value))).toEqual(["+0.50", "−0.25", "0.00", "–", "–"]);
});
