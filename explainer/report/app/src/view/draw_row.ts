/** Draws the pictures of a row of the grid on one canvas. */

import type { AnyMapCell, GridRow, ImageCell, MapCell, Method } from "../data/types";
import { blend, paint, paintMap, type Target } from "./blend";
import type { Layout } from "./layout";
import { colourTable, type Look } from "./scales";

const EDGE = 64;
const SMOOTH_FROM = 64; // px: smaller pictures show their pixels
let sheet: OffscreenCanvasRenderingContext2D | null = null;
let scratch: CanvasRenderingContext2D | null = null;
let bytes: ImageData | null = null;

/** The entry of a method in a row. */
export function mapOf(row: GridRow, method: number): AnyMapCell | undefined {
  return row.maps.find((map) => map.method === method);
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
  const screen = cleared(layout);
  const image = row.image.flag === 1 ? row.image : null;
  const cells: (ImageCell | MapCell | null)[] = [image];
  for (const method of shown) {
    const map = mapOf(row, method);
    cells.push(map?.flag === 1 ? map : null);
  }
  const { context, pixels } = strip(cells.length);
  const target: Target = { pixels: pixels.data, stride: EDGE * cells.length, left: 0 };
  cells.forEach((cell, place) => paintCell(cell, image, methods, look, { ...target, left: EDGE * place }));
  context.putImageData(pixels, 0, 0);
  cells.forEach((cell, place) => cell && copy(context, screen, place, image && "values" in cell ? image : cell, layout));
  canvas.getContext("bitmaprenderer")?.transferFromImageBitmap(screen.canvas.transferToImageBitmap());
}

function paintCell(cell: ImageCell | MapCell | null, image: ImageCell | null, methods: readonly Method[], look: Look, to: Target): void {
  if (!cell) return;
  if (!("values" in cell)) return paint(cell, to);
  const table = colourTable(cell, methods[cell.method], image ? look : { ...look, blend: "map" });
  if (image) blend(image, cell, table, to);
  else paintMap(cell, table, to);
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
  if (!scratch || !bytes || bytes.width !== EDGE * count) {
    const canvas = document.createElement("canvas");
    canvas.width = EDGE * count;
    canvas.height = EDGE;
    scratch = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    bytes = scratch.createImageData(EDGE * count, EDGE);
  }
  return { context: scratch, pixels: bytes };
}

function copy(from: CanvasRenderingContext2D, to: OffscreenCanvasRenderingContext2D, place: number, shape: ImageCell | MapCell, layout: Layout): void {
  const { cell, cellHeight, perLine, stepX, stepY } = layout;
  const size = Math.min(cell / shape.w, cellHeight / shape.h);
  const [w, h] = [shape.w * size, shape.h * size];
  const x = (place % perLine) * stepX + (cell - w) / 2;
  const y = Math.floor(place / perLine) * stepY + (cellHeight - h) / 2;
  to.imageSmoothingEnabled = Math.max(shape.width, shape.height) >= SMOOTH_FROM;
  to.imageSmoothingQuality = "low";
  to.drawImage(from.canvas, EDGE * place, 0, shape.w, shape.h, x, y, w, h);
}
