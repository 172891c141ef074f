import { expect, test } from "vitest";
import { float16, readGrey, readRaw } from "../src/view/raw";
import { measured } from "../src/words";

test.each([
  [0x0000, 0],
  [0x8001, -(2 ** -24)],
  [0x03ff, 1023 * 2 ** -24],
  [0x0400, 2 ** -14],
  [0x3555, 0.333251953125],
  [0xc000, -2],
  [0x7bff, 65504],
])("the bits %i of a float16 are %d", (bits, expected) => {
  expect(float16(bits)).toBe(expected);
});

test("a map as floats is read where the cursor is, and float32 is exact", () => {
  const values = Float32Array.of(1, 2, 3, 4, 5, 6);
  const raw = { width: 3, height: 2, exponent: 0, kind: "float32", values } as const;
  expect(readRaw(raw, 0, 0)).toEqual({ value: 1, error: 0 });
  expect(readRaw(raw, 0.99, 0.6)).toEqual({ value: 6, error: 0 });
});

test("of float16 the last of 11 binary digits is not sure, of the smallest the last there is", () => {
  const values = Uint16Array.of(0x3c00, 0x0001);
  const raw = { width: 2, height: 1, exponent: 3, kind: "float16", values } as const;
  expect(readRaw(raw, 0, 0)).toEqual({ value: 8, error: 8 * 2 ** -11 });
  expect(readRaw(raw, 0.5, 0)).toEqual({ value: 2 ** -21, error: 2 ** -22 });
});

test("a grey stands for the values around it", () => {
  expect(readGrey(255, -1, 1)).toEqual({ value: 1, error: 2 / 510 });
  expect(readGrey(0, 3, 3)).toEqual({ value: 3, error: 0 });
});

test.each<[number, number, string]>([
  [0.0213, 1 / 510, "0.0213 ± 0.0021"],
  [-12.3456, 0.25, "−12.35 ± 0.26"],
  [0, 0.25, "0.00 ± 0.26"],
  [1234567, 512, "1.23457e+6 ± 5.2e+2"],
  [-3e-12, 2e-13, "−3.00e−12 ± 2.1e−13"],
  [0, 2e-13, "0 ± 2.1e−13"],
  [3e38, 1e36, "3.000e+38 ± 1.1e+36"],
  [Math.fround(0.1), 0, "0.1 exact"],
  [Math.fround(-1 / 3), 0, "−0.33333334 exact"],
  [0, 0, "0 exact"],
])("%d, known to %d, is %s", (value, error, words) => {
  expect(measured(value, error)).toBe(words);
});
