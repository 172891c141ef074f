import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChunk } from "../data/chunks";
import { scoreChunks } from "../data/run";
import type { Columns } from "../data/columns";
import { useShortcuts } from "../keyboard";
import { asked, scrolledTo, shape, shownMethods, values } from "../rows";
import { go, run, show, view } from "../state";
import { printing } from "../theme";
import { layoutOf, PAPER, Tall, type Layout } from "../view/layout";
import { Slots } from "../view/slots";
import { scoreSort } from "../view/sorts";
import { cut } from "../words";
import { GridHead, HEAD } from "./grid_head";
import { measured } from "./measured";
import { OnPaper } from "./on_paper";
import { Row } from "./grid_row";

const BEYOND = 1; // rows drawn above and below the seen ones
/** Whether a key moved the focus to a cell that is there only after the next rendering. */
let focusWanted = false;

/** The rows in their order; only those that are seen exist. */
export function Grid({ columns, order }: { columns: Columns; order: Uint32Array }) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<readonly [number, number]>([0, 0]);
  const [top, setTop] = useState(0);
  const shown = shownMethods();
  const { metric, size: wanted, row: current, column } = view.value;
  const layout = useMemo(() => layoutOf(size[0], shown.length + 1, wanted, metric >= 0, shape.value || 1), [
    size[0],
    shown.length,
    wanted,
    metric >= 0,
    shape.value,
  ]);
  const paper = useMemo(() => (printing.value ? layoutOf(PAPER, shown.length + 1, wanted, metric >= 0, shape.value || 1) : layout), [printing.value, layout]);
  const tall = useMemo(() => new Tall(order.length, layout.rowHeight, Math.max(0, size[1] - HEAD)), [order, layout, size[1]]);
  const scores = useScores();
  const sortWords = useSortWords();

  useLayoutEffect(() => measured(box.current as HTMLElement, (next) => printing.peek() || setSize(next)), []);
  useLayoutEffect(() => setTop(placed(box.current as HTMLElement, order, tall, current)), [order, size[1] > 0, layout.rowHeight]);

  useEffect(() => {
    if (size[1] && current >= 0 && document.activeElement === document.body) focusCell(box.current as HTMLElement);
  }, [size[1] > 0]); // back from a sample, focus is where it was

  useLayoutEffect(() => {
    if (!focusWanted) return;
    focusWanted = false;
    focusCell(box.current as HTMLElement);
  });

  useLayoutEffect(() => {
    if (!printing.value && box.current && tall.viewport) box.current.scrollTop = scrolledTo.top; // paper does not scroll
  }, [printing.value]);

  const scrolled = (event: Event) => {
    if (printing.peek()) return;
    const next = (event.currentTarget as HTMLElement).scrollTop;
    Object.assign(scrolledTo, { order, top: next });
    setTop(tall.height === order.length * layout.rowHeight ? Math.floor(next / layout.rowHeight) * layout.rowHeight : next);
  };
  const open = (row: number) => openSample(columns, row);
  const focused = (row: number, at: number) => {
    if (row !== view.peek().row || at !== view.peek().column) show({ row, column: at });
  };
  const openNow = useStable(open);
  const focusedNow = useStable(focused);
  useGridKeys({ columns, order, tall, layout, box, open });

  const slots = useMemo(() => new Slots(), []);
  const [first, end] = tall.seen(top, BEYOND);
  const places = Array.from({ length: end - first }, (_, index) => first + index);
  const focusPlace = current >= 0 ? order.indexOf(current) : -1;
  if (!printing.value && focusPlace >= 0 && (focusPlace < first || focusPlace >= end)) places.push(focusPlace); // focus must not be lost
  // The element of a row must stay while a pointer is pressed on it, which makes it the current one.
  const keys = slots.of(places.map((place) => order[place]));
  const reachedPlace = focusPlace >= 0 ? focusPlace : Math.min(first + BEYOND, order.length - 1);
  return (
    <div
      class="grid"
      ref={box}
      role="grid"
      aria-label="Samples"
      aria-rowcount={order.length + 1}
      aria-colcount={shown.length + 2}
      onScroll={scrolled}
    >
      <OnPaper first={first} end={end} all={order.length} />
      <GridHead layout={paper} shown={shown} width={printing.value ? PAPER : size[0]} />
      <div class="rows" role="rowgroup" style={{ height: `${tall.height}px`, minWidth: `${layout.left + layout.width}px` }}>
        {size[0]
          ? places.map((place, index) => {
              const row = order[place];
              const y = tall.rowTop(place, tall.listTop(top) === top ? 0 : (box.current?.scrollTop ?? top));
              return (
                <Row
                  key={keys[index]}
                  {...{ row, place, y, layout: paper, shown, columns, scores, sortWords }}
                  sortValue={sortWords ? (values.value?.[row] ?? NaN) : 0}
                  focus={row === current ? Math.max(0, column) : -1}
                  reached={place === reachedPlace ? Math.max(0, row === current ? column : 0) : -1}
                  open={openNow}
                  focused={focusedNow}
                />
              );
            })
          : null}
      </div>
    </div>
  );
}

/** A function that stays the same while what it calls changes. */
function useStable<A extends unknown[]>(latest: (...given: A) => void): (...given: A) => void {
  const current = useRef(latest);
  current.current = latest;
  return useMemo(() => (...given: A) => current.current(...given), []);
}

/** The scores below the maps; null while they are read. */
function useScores() {
  const { metric } = view.value;
  const there = metric >= 0 && run.value.metrics[metric]?.scores;
  const chunk = useChunk(scoreChunks, there ? `score-${metric}` : "");
  return chunk.state === "ready" ? chunk.value : null;
}

/** What the rows are sorted by, where a row does not show it anyway. */
function useSortWords(): string {
  const { sort, metric } = view.value;
  if (sort === "number" || sort === "confidence" || sort === "wrong") return "";
  const byScore = scoreSort(sort);
  if (!byScore) return { margin: "margin", entropy: "entropy", total: "uncertainty", epistemic: "epistemic", disagreement: "disagreement" }[sort] ?? "";
  const shownBelow = byScore.metric === metric && shownMethods().includes(byScore.method);
  return shownBelow ? "" : cut(run.value.metrics[byScore.metric]?.name ?? "", 30);
}

/** Scrolls to where this order was left, or to the current row, or to the top. */
function placed(box: HTMLElement, order: Uint32Array, tall: Tall, current: number): number {
  if (!tall.viewport) return 0;
  const { asked: before, order: last, top } = scrolledTo;
  const same = before === asked.value;
  box.scrollTop = same && last && last !== order ? kept(tall, last, order, top) : reached(tall, order, current, same ? top : 0);
  Object.assign(scrolledTo, { asked: asked.value, order, top: box.scrollTop });
  return box.scrollTop;
}

/** Where the current row is seen. */
function reached(tall: Tall, order: Uint32Array, current: number, top: number): number {
  const place = current >= 0 ? order.indexOf(current) : -1;
  return place >= 0 ? tall.topFor(place, top) : top;
}

/** Where the row that was seen first is seen as it was, now that there are more. */
function kept(tall: Tall, last: Uint32Array, order: Uint32Array, top: number): number {
  const first = Math.min(Math.floor(tall.listTop(top) / tall.rowHeight), last.length - 1);
  const place = order.indexOf(last[first]);
  return place < 0 ? top : tall.elementTop(tall.listTop(top) + (place - first) * tall.rowHeight);
}

export function openSample(columns: Columns, row: number): void {
  const at = view.peek();
  show({ row, column: Math.max(0, at.row === row ? at.column : 0) });
  go({ page: "sample", sample: columns.number(row), label: columns.column.label[row], layer: -1, zoom: 0, centre: [0.5, 0.5], extra: {} });
}

interface GridKeys {
  columns: Columns;
  order: Uint32Array;
  tall: Tall;
  layout: Layout;
  box: { current: HTMLElement | null };
  open(row: number): void;
}

function useGridKeys(keys: GridKeys): void {
  const latest = useRef(keys);
  latest.current = keys;
  const move = (down: number, right: number) => moveFocus(latest.current, down, right);
  const page = () => Math.max(1, Math.floor(latest.current.tall.viewport / latest.current.layout.rowHeight) - 1);
  useShortcuts(
    () => [
      { keys: ["j", "ArrowDown"], shown: "j ↓", words: "next row", run: () => move(1, 0) },
      { keys: ["k", "ArrowUp"], shown: "k ↑", words: "row before", run: () => move(-1, 0) },
      { keys: ["l", "ArrowRight"], shown: "l →", words: "next method", run: () => move(0, 1) },
      { keys: ["h", "ArrowLeft"], shown: "h ←", words: "method before", run: () => move(0, -1) },
      { keys: ["PageDown"], shown: "PageDown", words: "a screen down", run: () => move(page(), 0) },
      { keys: ["PageUp"], shown: "PageUp", words: "a screen up", run: () => move(-page(), 0) },
      { keys: ["Home"], shown: "Home", words: "first row", run: () => move(-Infinity, 0) },
      { keys: ["End"], shown: "End", words: "last row", run: () => move(Infinity, 0) },
      { keys: ["Enter"], shown: "Enter", words: "open the sample", run: () => openCurrent(latest.current) },
      { keys: ["L"], shown: "L", words: "next label of the sample", run: () => nextLabel(latest.current) },
    ],
    [],
  );
}

function openCurrent({ order, open }: GridKeys): void {
  const { row } = view.peek();
  if (order.includes(row)) open(row);
}

function moveFocus({ order, tall, box }: GridKeys, down: number, right: number): void {
  const element = box.current;
  if (!order.length || !element) return;
  const { row, column } = view.peek();
  const from = order.indexOf(row);
  const start = from >= 0 || !Number.isFinite(down) ? from + down : tall.seen(element.scrollTop, 0)[0];
  const place = Math.max(0, Math.min(order.length - 1, start));
  const last = shownMethods().length + 1;
  show({ row: order[place], column: Math.max(0, Math.min(last, Math.max(0, column) + (from >= 0 ? right : 0))) });
  element.scrollTop = tall.topFor(place, element.scrollTop);
  focusWanted = true;
}

/** Focus goes to the current cell, without a jump. */
export function focusCell(box: HTMLElement): void {
  const { row, column } = view.peek();
  box.querySelector<HTMLElement>(`[data-row="${row}"] [data-column="${Math.max(0, column)}"]`)?.focus({ preventScroll: true });
}

/** Shows the current sample with its next explained label. */
function nextLabel({ columns }: GridKeys): void {
  const { row, rows, picked } = view.peek();
  if (row < 0 || rows !== "sample") return;
  const [from, to] = columns.rowsOf(columns.of[row]);
  const next = row + 1 < to ? row + 1 : from;
  const others = picked.filter((other) => other < from || other >= to);
  show({ picked: columns.column.first[next] ? others : [...others, next], row: next });
  focusWanted = true;
}
