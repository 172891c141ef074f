/** Draws the pictures of a row on one canvas. */

import type { AnyMapCell, GridRow, ImageCell, Method } from "../data/types";
import { blend, paint, paintMap, type Target } from "./blend";
import type { Layout } from "./layout";
import { colourTable, type Look } from "./scales";

const EDGE = 64;
const STEP = EDGE + 2; // around each small picture its outermost pixels once more, so that smoothing takes in no other one
const SMOOTH_FROM = 64; // px: smaller pictures show their pixels
let sheet: OffscreenCanvasRenderingContext2D | null = null;
let scratch: CanvasRenderingContext2D | null = null;
let bytes: ImageData | null = null;

/** The entry of a method in a row. */
export function mapOf(row: Pick<GridRow, "maps">, method: number): AnyMapCell | undefined {
  return row.maps.find((map) => map.method === method);
}

/** A small map and the colours of its values. */
export interface Coloured {
  w: number;
  h: number;
  values: Uint8Array;
  width: number;
  height: number;
  table: Uint8Array;
}

/** shown: the methods in their order; the picture itself comes first. */
export function drawRow(
  canvas: HTMLCanvasElement,
  row: GridRow,
  shown: readonly number[],
  methods: readonly Method[],
  layout: Layout,
  look: Look,
): void {
  const image = row.image.flag === 1 ? row.image : null;
  const ownLook: Look = image ? look : { ...look, blend: "map" };
  const maps = shown.map((method) => {
    const map = mapOf(row, method);
    return map?.flag === 1 ? { ...map, table: colourTable(map, methods[method], ownLook) } : null;
  });
  drawPictures(canvas, image, maps, layout);
}

/** The picture, unless only its maps are wanted, and beside it the maps over it, or alone where there is none. */
export function drawPictures(canvas: HTMLCanvasElement, image: ImageCell | null, maps: readonly (Coloured | null)[], layout: Layout, onlyMaps = false): void {
  const screen = cleared(layout);
  const cells: (ImageCell | Coloured | null)[] = [onlyMaps ? null : image, ...maps];
  const { context, pixels } = strip(cells.length);
  const stride = STEP * cells.length;
  const target: Target = { pixels: pixels.data.subarray(4 * stride), stride, left: 0 };
  cells.forEach((cell, place) => {
    const at = { ...target, left: STEP * place + 1 };
    paintCell(cell, image, at);
    if (cell) extend(pixels.data, stride, at.left, image && "values" in cell ? image : cell);
  });
  context.putImageData(pixels, 0, 0);
  cells.forEach((cell, place) => cell && copy(context, screen, place, image && "values" in cell ? image : cell, layout));
  canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(screen.canvas.transferToImageBitmap());
}

function paintCell(cell: ImageCell | Coloured | null, image: ImageCell | null, to: Target): void {
  if (!cell) return;
  if (!("values" in cell)) return paint(cell, to);
  if (image) blend(image, cell, cell.table, to);
  else paintMap(cell, cell.table, to);
}

/** Repeats the outermost pixels of a small picture all around it. */
function extend(pixels: Uint8ClampedArray, stride: number, left: number, { w, h }: { w: number; h: number }): void {
  for (let y = 1; y <= h; y++) {
    const row = 4 * (y * stride + left);
    pixels.copyWithin(row - 4, row, row + 4);
    pixels.copyWithin(row + 4 * w, row + 4 * (w - 1), row + 4 * w);
  }
  const first = 4 * (stride + left - 1);
  const last = 4 * (h * stride + left - 1);
  pixels.copyWithin(first - 4 * stride, first, first + 4 * (w + 2));
  pixels.copyWithin(last + 4 * stride, last, last + 4 * (w + 2));
}

/** The sheet that rows are drawn on, cleared and of this row's size; a row's canvas only shows what was drawn. */
function cleared({ width, height }: Layout): OffscreenCanvasRenderingContext2D {
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (!sheet || sheet.canvas.width !== w || sheet.canvas.height !== h)
    sheet = new OffscreenCanvas(w, h).getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  sheet.setTransform(density, 0, 0, density, 0, 0);
  sheet.clearRect(0, 0, width, height);
  return sheet;
}

/** A place for this many small pictures side by side, made once. */
function strip(count: number): { context: CanvasRenderingContext2D; pixels: ImageData } {
  if (!scratch || !bytes || bytes.width !== STEP * count) {
    const canvas = document.createElement("canvas");
    canvas.width = STEP * count;
    canvas.height = STEP;
    scratch = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    bytes = scratch.createImageData(STEP * count, STEP);
  }
  return { context: scratch, pixels: bytes };
}

function copy(from: CanvasRenderingContext2D, to: OffscreenCanvasRenderingContext2D, place: number, shape: ImageCell | Coloured, layout: Layout): void {
  const { cell, cellHeight, perLine, stepX, stepY } = layout;
  const size = Math.min(cell / shape.w, cellHeight / shape.h);
  const [w, h] = [shape.w * size, shape.h * size];
  const x = (place % perLine) * stepX + (cell - w) / 2;
  const y = Math.floor(place / perLine) * stepY + (cellHeight - h) / 2;
  to.imageSmoothingEnabled = Math.max(shape.width, shape.height) >= SMOOTH_FROM;
  to.imageSmoothingQuality = "low";
  to.drawImage(from.canvas, STEP * place + 1, 1, shape.w, shape.h, x, y, w, h);
}
