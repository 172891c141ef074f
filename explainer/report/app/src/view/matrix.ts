/** Draws a confusion matrix: rows are true labels, columns the most probable ones. */

import type { Confusion } from "./confusion";

export const MOST_NUMBERED = 60;
const MOST_SIDE = 640;
const LEAST_DRAWN = 3; // of a count, in pixels: a smaller one is not seen

/** Where the parts of a matrix lie, in pixels of the page. */
export interface MatrixLayout {
  /** Width and height of a count. */
  cell: number;
  /** Of the names at the left and at the top; 0 without names. */
  names: number;
  size: number;
  numbered: boolean;
}

/** For so many labels in so much room; name: the width of the longest name. */
export function matrixLayout(labels: number, room: number, name: number): MatrixLayout {
  const numbered = labels <= MOST_NUMBERED;
  const names = numbered ? Math.min(name + 8, 110, room / 4) : 0;
  const fitting = (Math.min(room, MOST_SIDE + names) - names) / labels;
  const cell = numbered ? Math.max(13, Math.min(44, Math.floor(fitting))) : fitting;
  return { cell, names, size: names + cell * labels + 1, numbered };
}

export interface Colours {
  text: string;
  line: string;
  right: string;
  wrong: string;
  accent: string;
  surface: string;
}

interface Drawing {
  context: CanvasRenderingContext2D;
  layout: MatrixLayout;
  colours: Colours;
}

/** focus: the true and the predicted label of the chosen cell; -1: none. */
export function drawMatrix(drawing: Drawing, confusion: Confusion, labels: readonly string[], focus: readonly [number, number]): void {
  const { context, layout, colours } = drawing;
  const { cell, names, size } = layout;
  context.clearRect(0, 0, size, size);
  context.fillStyle = colours.surface;
  context.fillRect(names, names, size - names, size - names);
  if (layout.numbered) drawLines(drawing, confusion.labels);
  for (const { truth, top, count } of confusion.pairs) drawCount(drawing, truth, top, count, count / confusion.classes[truth].n);
  if (layout.numbered) drawNames(drawing, labels);
  if (focus[0] < 0) return;
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  const least = Math.max(cell, 5);
  context.strokeRect(names + focus[1] * cell + 1, names + focus[0] * cell + 1, least - 2, least - 2);
}

/** The share of the row is the strength of the colour; a share is seen from the first sample on. */
function drawCount({ context, layout, colours }: Drawing, truth: number, top: number, count: number, share: number): void {
  const { cell, names, numbered } = layout;
  const [x, y] = [names + top * cell, names + truth * cell];
  const right = truth === top;
  const strength = right ? 0.12 + 0.4 * share : 0.25 + 0.75 * Math.sqrt(share);
  context.globalAlpha = strength;
  context.fillStyle = right ? colours.right : colours.wrong;
  const gap = numbered ? 1 : 0;
  context.fillRect(x + gap, y + gap, Math.max(LEAST_DRAWN, cell - gap), Math.max(LEAST_DRAWN, cell - gap));
  context.globalAlpha = 1;
  if (!numbered) return;
  context.fillStyle = !right && strength > 0.62 ? colours.surface : colours.text;
  context.font = `${Math.min(12, cell * 0.6)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(String(count), x + (cell + 1) / 2, y + (cell + 2) / 2, cell - 2);
}

function drawLines({ context, layout, colours }: Drawing, labels: number): void {
  const { cell, names, size } = layout;
  context.fillStyle = colours.line;
  for (let index = 0; index <= labels; index++) {
    context.fillRect(names + index * cell, names, 1, size - names);
    context.fillRect(names, names + index * cell, size - names, 1);
  }
}

function drawNames({ context, layout, colours }: Drawing, labels: readonly string[]): void {
  const { cell, names } = layout;
  context.fillStyle = colours.text;
  context.font = `${Math.min(12, cell)}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "right";
  labels.forEach((label, index) => context.fillText(shortened(context, label, names - 8), names - 6, names + (index + 0.5) * cell));
  context.textAlign = "left";
  labels.forEach((label, index) => {
    context.save();
    context.translate(names + (index + 0.5) * cell, names - 6);
    context.rotate(-Math.PI / 2);
    context.fillText(shortened(context, label, names - 8), 0, 0);
    context.restore();
  });
}

/** The beginning of a text that is as wide as there is room. */
export function shortened(context: Pick<CanvasRenderingContext2D, "measureText">, text: string, room: number): string {
  const letters = Array.from(text.slice(0, 80));
  if (letters.length < 80 && context.measureText(text).width <= room) return text;
  let length = letters.length;
  while (length > 1 && context.measureText(`${letters.slice(0, length).join("")}…`).width > room) length--;
  return `${letters.slice(0, length).join("")}…`;
}

/** The cell below a point of the picture; null beside the matrix. */
export function cellAt({ cell, names }: MatrixLayout, labels: number, x: number, y: number): [number, number] | null {
  const [truth, top] = [Math.floor((y - names) / cell), Math.floor((x - names) / cell)];
  return truth >= 0 && top >= 0 && truth < labels && top < labels ? [truth, top] : null;
}
