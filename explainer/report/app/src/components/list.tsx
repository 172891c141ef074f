import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useShortcuts } from "../keyboard";
import { printing } from "../theme";
import { Tall } from "../view/layout";
import { measured } from "./measured";
import { OnPaper } from "./on_paper";

const BEYOND = 1; // rows drawn above and below the seen ones

interface ListProps {
  label: string;
  count: number;
  rowHeight: number;
  /** What stays above the rows, its height, and how wide all of it is at least. */
  head?: ComponentChildren;
  headHeight?: number;
  minWidth?: number;
  /** The place of the row that has the focus; -1: none. */
  current: number;
  choose(place: number): void;
  /** A row at its place, with a key of its own. */
  keyOf(place: number): string | number;
  children(place: number): ComponentChildren;
}

/** Rows of one height, of which only the seen ones exist; `j` and `k` go through them. */
export function List({ label, count, rowHeight, head, headHeight = 0, minWidth = 0, current, choose, keyOf, children }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  const [viewport, setViewport] = useState(0);
  const [top, setTop] = useState(0);
  const tall = useMemo(() => new Tall(count, rowHeight, viewport), [count, rowHeight, viewport]);
  useLayoutEffect(() => measured(box.current as HTMLElement, ([, height]) => printing.peek() || setViewport(Math.max(0, height - headHeight))), []);
  useLayoutEffect(() => {
    if (!viewport || !box.current) return;
    if (current >= 0) box.current.scrollTop = tall.topFor(current, box.current.scrollTop);
    setTop(box.current.scrollTop);
  }, [current, tall, viewport > 0]);
  useLayoutEffect(() => {
    if (!printing.value && box.current && viewport) box.current.scrollTop = top; // paper does not scroll
  }, [printing.value]);
  const latest = useRef({ current, count, choose });
  latest.current = { current, count, choose };
  const move = (by: number) => {
    const { current: from, count: all, choose: chosen } = latest.current;
    chosen(Math.max(0, Math.min(all - 1, from < 0 ? 0 : from + by)));
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>("[data-current] a")?.focus({ preventScroll: true }));
  };
  useShortcuts(
    () => [
      { keys: ["j", "ArrowDown"], shown: "j ↓", words: "next row", run: () => move(1) },
      { keys: ["k", "ArrowUp"], shown: "k ↑", words: "row before", run: () => move(-1) },
    ],
    [],
  );
  const [first, end] = viewport ? tall.seen(top, BEYOND) : [0, 0];
  return (
    <div class="grid" ref={box} onScroll={(event) => printing.peek() || setTop(event.currentTarget.scrollTop)}>
      <OnPaper first={first} end={end} all={count} />
      {head}
      <div class="rows" role="list" aria-label={label} style={{ height: `${tall.height}px`, minWidth: `${minWidth}px` }}>
        {Array.from({ length: end - first }, (_, index) => first + index).map((place) => (
          <div
            key={keyOf(place)}
            role="listitem"
            aria-setsize={count}
            aria-posinset={place + 1}
            class={`row ${place === current ? "current" : ""}`}
            data-current={place === current ? "" : undefined}
            style={{ top: `${tall.rowTop(place, top)}px`, height: `${rowHeight}px` }}
          >
            {children(place)}
          </div>
        ))}
      </div>
    </div>
  );
}
