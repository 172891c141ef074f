/** Where the parts of a row of the grid lie. */

export interface Layout {
  /** Text above the maps, not beside them. */
  narrow: boolean;
  /** Width and height of a picture's place. */
  cell: number;
  cellHeight: number;
  /** Pictures in a line, and how many lines. */
  perLine: number;
  lines: number;
  /** Where the pictures begin. */
  left: number;
  top: number;
  /** From one picture to the next. */
  stepX: number;
  stepY: number;
  /** Of all pictures together. */
  width: number;
  height: number;
  rowHeight: number;
}

/** The width of rows on paper: A4 and Letter with their usual margins. */
export const PAPER = 690;
export const LEAST = 64;
export const MOST = 192;
const GAP = 8;
const CAPTION = 18;
const PAD = 8;
const TEXT_WIDTH = 168;
const TEXT_HEIGHT = 94;
const NARROW_TEXT_HEIGHT = 62;
const NARROW = 640;
const WRAPPED = 150; // px for a picture where they wrap
const TIGHT = 900; // here text stands above the pictures only where they would be too small beside it

/**
 * For a grid this wide and this many pictures in a row. size: the width of a picture, 0 for what fits. shape: the width
 * of most pictures divided by their height.
 */
export function layoutOf(width: number, pictures: number, size: number, captions: boolean, shape = 1): Layout {
  const beside = Math.floor((width - TEXT_WIDTH - 32 + GAP) / pictures) - GAP;
  const narrow = width < NARROW || (beside < LEAST && width < TIGHT);
  const left = narrow ? 12 : TEXT_WIDTH + 16;
  const room = width - left - (narrow ? 12 : 16);
  const perLine = narrow ? Math.min(Math.max(3, Math.floor(width / WRAPPED)), pictures) : pictures;
  const fitting = Math.floor((room + GAP) / perLine) - GAP;
  const most = narrow ? fitting : MOST;
  const cell = Math.max(narrow ? 40 : LEAST, Math.min(size || fitting, most));
  const lines = Math.ceil(pictures / perLine);
  const cellHeight = Math.round(cell / Math.max(1, Math.min(4, shape)));
  const stepY = cellHeight + (captions || narrow ? CAPTION : 0) + (lines > 1 ? 4 : 0);
  const top = PAD + (narrow ? NARROW_TEXT_HEIGHT : 0);
  const height = lines * stepY;
  const rowHeight = narrow ? top + height + PAD : Math.max(height, TEXT_HEIGHT) + 2 * PAD;
  return { narrow, cell, cellHeight, perLine, lines, left, top, stepX: cell + GAP, stepY, width: perLine * (cell + GAP) - GAP, height, rowHeight };
}

const MOST_HEIGHT = 8_000_000; // px: Firefox cuts an element at 8,947,841

/** Heights and places of a list that may be too high for a browser: then the scroll position is proportional. */
export class Tall {
  /** What the element is given. */
  readonly height: number;
  private readonly whole: number;

  /** viewport: the height in which rows are seen, below what stands still above them. */
  constructor(
    readonly rows: number,
    readonly rowHeight: number,
    readonly viewport: number,
  ) {
    this.whole = rows * rowHeight;
    this.height = Math.min(this.whole, MOST_HEIGHT);
  }

  /** How far the list is scrolled where the element is scrolled to `top`. */
  listTop(top: number): number {
    return this.whole === this.height ? top : top * this.ratio;
  }

  /** Where the element is scrolled to for the list to be at `listTop`. */
  elementTop(listTop: number): number {
    return this.whole === this.height ? listTop : listTop / this.ratio;
  }

  /** Where a row lies in the element that is scrolled to `top`. */
  rowTop(place: number, top: number): number {
    return place * this.rowHeight - this.listTop(top) + top;
  }

  /** The first row that is seen, and the first one after that is not. */
  seen(top: number, beyond: number): [number, number] {
    const first = Math.floor(this.listTop(top) / this.rowHeight) - beyond;
    const count = Math.ceil(this.viewport / this.rowHeight) + 1 + 2 * beyond;
    return [Math.max(0, first), Math.min(this.rows, first + count)];
  }

  /** Where the element must be scrolled to, at least, for a row to be seen. */
  topFor(place: number, top: number): number {
    const at = this.listTop(top);
    const from = place * this.rowHeight;
    if (from < at) return this.elementTop(from);
    const least = from + this.rowHeight - this.viewport;
    return least > at ? this.elementTop(least) : top;
  }

  private get ratio(): number {
    return (this.whole - this.viewport) / (this.height - this.viewport);
  }
}
