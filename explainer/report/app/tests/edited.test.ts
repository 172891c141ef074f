import { expect, test } from "vitest";
import { blurred, boxRadius } from "../src/view/blur";
import { background, boxed, dimmed } from "../src/view/edited";

const W = 7;
const H = 5;
const plane = (of: (x: number, y: number) => number) => Array.from({ length: W * H }, (_, at) => of(at % W, Math.floor(at / W)));
const picture = (of: (x: number, y: number) => number) => ({ w: W, h: H, rgb: Uint8Array.from([...plane(of), ...plane(of), ...plane(of)]) });

test("three boxes have the variance of the Gaussian", () => {
  for (const radius of [0.7, 1, 2.5, 9]) {
    const box = boxRadius(radius);
    const [whole, edge] = [Math.floor(box), box - Math.floor(box)];
    let variance = 0;
    for (let x = -whole - 1; x <= whole + 1; x++) variance += (Math.abs(x) > whole ? edge : 1) * x * x;
    expect((3 * variance) / (2 * box + 1)).toBeCloseTo(radius * radius, 6);
  }
});

test("a blur leaves a flat picture as it is", () => {
  expect(Array.from(blurred(picture(() => 77), 2).rgb)).toEqual(Array(3 * W * H).fill(77));
});

test("the blur is Pillow's", () => {
  // Image.new("L", (7, 5)), one pixel of 255 at (2, 1), filter(GaussianBlur(1)), of Pillow 13
  const got = blurred(picture((x, y) => (x === 2 && y === 1 ? 255 : 0)), 1).rgb.subarray(0, W * H);
  expect(Array.from(got)).toEqual(PILLOW);
});

test("a mask in pixels of another size is scaled with the picture", () => {
  const given = picture((x) => 30 * x);
  expect(background(given, "gaussian:2", [2 * W, 2 * H])).toEqual(blurred(given, 1));
  expect(background(given, "0.0", null)).toBeNull();
  expect(background(given, "gaussian:99999", null)).toBeNull();
});

test("what is dimmed is grey and darker", () => {
  const red = { w: 1, h: 1, rgb: Uint8Array.of(200, 0, 0) };
  expect(Array.from(dimmed(red).rgb)).toEqual([41, 41, 41]);
});

test("inside the boxes is the one picture, elsewhere the other; what lies outside is cut off", () => {
  const seen = boxed(picture(() => 1), picture(() => 0), [[1, 2, 2, 9], [-3, -3, 4, 4]], null);
  expect(Array.from(seen.rgb.subarray(W * H, 2 * W * H))).toEqual(
    plane((x, y) => (x >= 1 && x < 3 && y >= 2 ? 1 : x === 0 && y === 0 ? 1 : 0)),
  );
});

test("boxes of an image of another size are scaled", () => {
  const seen = boxed(picture(() => 1), picture(() => 0), [[2, 2, 4, 2]], [2 * W, 2 * H]);
  expect(Array.from(seen.rgb.subarray(0, W * H))).toEqual(plane((x, y) => (x >= 1 && x < 3 && y === 1 ? 1 : 0)));
});

const PILLOW = [4, 17, 30, 17, 4, 0, 0, 6, 25, 43, 25, 6, 1, 0, 3, 14, 24, 14, 3, 0, 0, 0, 3, 6, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
