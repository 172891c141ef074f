/** From a map's grey values to the colours of its values: the scale, the palette and how much of the map is seen. */

import type { Blend, Scale, Signed, Unsigned } from "../routes";
import { paletteTable } from "./palettes";

/** How maps are shown. */
export interface Look {
  palette: Unsigned;
  signed: Signed;
  blend: Blend;
  scale: Scale;
  /** The ends of the fixed scale. */
  low: number;
  high: number;
  opacity: number;
}

/** What the scale of a map depends on: value = lo + g / 255 (hi - lo); p99: of its values, of their sizes if lo < 0. */
export interface Valued {
  lo: number;
  hi: number;
  p99: number;
}

/** The same of its method over the run. */
export interface MethodSpan {
  signed: boolean;
  p01: number | null;
  p99: number | null;
}

/** The values at both ends of the palette; of a signed method -x and x, so that 0 is the centre. */
export function spanOf(map: Valued, method: MethodSpan, look: Pick<Look, "scale" | "low" | "high">): readonly [number, number] {
  const [low, high] = ends(map, method, look);
  if (!method.signed) return high > low ? [low, high] : [map.lo, map.hi];
  const most = Math.max(Math.abs(low), Math.abs(high)) || Math.max(Math.abs(map.lo), Math.abs(map.hi));
  return [-most, most];
}

function ends(map: Valued, method: MethodSpan, look: Pick<Look, "scale" | "low" | "high">): readonly [number, number] {
  if (look.scale === "fixed") return [look.low, look.high];
  if (look.scale === "run" && method.p01 !== null && method.p99 !== null) return [method.p01, method.p99];
  return method.signed ? [-map.p99, map.p99] : [map.lo, map.p99];
}

/** The place of a value in its span: 0 to 1, of a signed method -1 to 1. */
export function placeOf(value: number, [low, high]: readonly [number, number], signed: boolean): number {
  if (high === low) return 0;
  if (signed) return Math.max(-1, Math.min(1, value / high));
  return Math.max(0, Math.min(1, (value - low) / (high - low)));
}

/**
 * For each grey value the colour and the weight of the map: 256 times red, green, blue, weight, all 0 to 255.
 * shared: what its scale is that of, where several maps have one.
 */
export function colourTable(map: Valued, method: MethodSpan, look: Look, shared = map): Uint8Array {
  const span = spanOf(shared, method, look);
  const palette = paletteTable(method.signed ? look.signed : look.palette);
  const table = new Uint8Array(256 * 4);
  for (let grey = 0; grey < 256; grey++) {
    const constant = map.hi === map.lo; // such a map ranks no pixel
    const place = constant ? 0 : placeOf(map.lo + (grey / 255) * (map.hi - map.lo), span, method.signed);
    const colour = Math.round(255 * (method.signed ? (place + 1) / 2 : place));
    table[4 * grey] = palette[3 * colour];
    table[4 * grey + 1] = palette[3 * colour + 1];
    table[4 * grey + 2] = palette[3 * colour + 2];
    table[4 * grey + 3] = Math.round(255 * weight(Math.abs(place), look));
  }
  return table;
}

function weight(place: number, { blend, opacity }: Look): number {
  if (blend === "map") return 1;
  if (blend === "picture") return 0;
  return blend === "flat" ? opacity : opacity * place;
}

/** The smallest grey value that is not below this part of all: of 256 counts. */
export function quantile(histogram: ArrayLike<number>, part: number): number {
  let all = 0;
  for (let grey = 0; grey < 256; grey++) all += histogram[grey];
  let below = 0;
  for (let grey = 0; grey < 256; grey++) {
    below += histogram[grey];
    if (below >= part * all) return grey;
  }
  return 255;
}

/** How many of each grey value. */
export function histogramOf(greys: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const grey of greys) counts[grey]++;
  return counts;
}

/** p99 of a map as `Valued` has it, from its grey values. */
export function p99Of(lo: number, hi: number, greys: Uint8Array): number {
  const value = (grey: number) => lo + (grey / 255) * (hi - lo);
  const counts = histogramOf(greys);
  if (lo >= 0) return value(quantile(counts, 0.99));
  const bySize = Array.from({ length: 256 }, (_, grey) => grey).sort((a, b) => Math.abs(value(a)) - Math.abs(value(b)));
  const place = quantile(bySize.map((grey) => counts[grey]), 0.99);
  return Math.abs(value(bySize[place]));
}

/** How many per cent of the values are below this grey value or equal to it. */
export function percentileOf(histogram: ArrayLike<number>, grey: number): number {
  let all = 0;
  let below = 0;
  for (let other = 0; other < 256; other++) {
    all += histogram[other];
    if (other <= grey) below += histogram[other];
  }
  return all ? (100 * below) / all : 0;
}
