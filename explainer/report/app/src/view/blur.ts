/** A Gaussian blur as Pillow's `GaussianBlur` does it: three box blurs with fractional edges. */

import type { Planes } from "./blend";

const PASSES = 3;
const ONE = 1 << 24; // Pillow's weights are whole numbers of this

/** The picture, blurred. radius: the deviation of the Gaussian, in pixels. */
export function blurred(picture: Planes, radius: number): Planes {
  const { w, h, rgb } = picture;
  const box = boxRadius(radius);
  const out = new Uint8Array(rgb.length);
  let plane = new Uint8Array(w * h);
  for (let channel = 0; channel < 3; channel++) {
    plane.set(rgb.subarray(channel * w * h, (channel + 1) * w * h));
    for (let pass = 0; pass < PASSES; pass++) plane = alongRows(plane, w, h, box);
    let turned = transposed(plane, w, h);
    for (let pass = 0; pass < PASSES; pass++) turned = alongRows(turned, h, w, box);
    out.set(transposed(turned, h, w), channel * w * h);
  }
  return { w, h, rgb: out };
}

/** The radius of the boxes whose three passes have the Gaussian's variance (Gwosdek et al. 2011). */
export function boxRadius(radius: number): number {
  const variance = (radius * radius) / PASSES;
  const length = Math.sqrt(12 * variance + 1);
  const whole = Math.floor((length - 1) / 2);
  const rest = ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) * (whole + 1)));
  return whole + rest;
}

/** Each row, averaged over 2 radius + 1 pixels; beyond an end its last pixel goes on. */
function alongRows(values: Uint8Array, w: number, h: number, radius: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(values.length);
  const whole = Math.floor(radius);
  const inside = Math.floor(Math.fround(ONE / Math.fround(2 * radius + 1))); // Pillow divides single precision
  const outside = Math.floor((ONE - (2 * whole + 1) * inside) / 2);
  for (let y = 0; y < h; y++) {
    const row = values.subarray(y * w, (y + 1) * w);
    const at = (x: number) => row[x < 0 ? 0 : x >= w ? w - 1 : x];
    let sum = 0;
    for (let x = -whole; x <= whole; x++) sum += at(x);
    for (let x = 0; x < w; x++) {
      const all = sum * inside + (at(x - whole - 1) + at(x + whole + 1)) * outside;
      out[y * w + x] = Math.floor((all + ONE / 2) / ONE);
      sum += at(x + whole + 1) - at(x - whole);
    }
  }
  return out;
}

function transposed(values: Uint8Array, w: number, h: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(values.length);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) out[x * h + y] = values[y * w + x];
  return out;
}
