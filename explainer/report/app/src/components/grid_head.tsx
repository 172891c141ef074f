import { useRef, useState } from "preact/hooks";
import { run, show, view } from "../state";
import type { Layout } from "../view/layout";
import { scoreKey, scoreSort } from "../view/sorts";
import { cut, isolated, short } from "../words";
import { scaleWords } from "./look_menu";
import { PaletteBar } from "./palette_bar";
import { moveMethod } from "./samples_bar";

export const HEAD = 44;
const DRAG_FROM = 5; // px: less is a click

/** The names above the columns: a click sorts by that method's score, dragging moves the column. */
export function GridHead({ layout, shown, width }: { layout: Layout; shown: readonly number[]; width: number }) {
  const { palette, signed } = view.value;
  const anySigned = shown.some((method) => run.value.methods[method].signed);
  const allSigned = shown.every((method) => run.value.methods[method].signed);
  return (
    <div role="rowgroup" class="grid-head" style={{ minWidth: `${Math.max(layout.left + layout.width, width)}px` }}>
      <div role="row" aria-rowindex={1} style={{ height: `${HEAD}px` }}>
        <div role="columnheader" aria-colindex={1} class="legend" title={scaleWords()}>
          <div class="legend-bars">
            {allSigned ? null : <PaletteBar palette={palette} />}
            {anySigned ? <PaletteBar palette={signed} /> : null}
          </div>
          <div class="clip muted">{scaleWords()}</div>
        </div>
        {layout.narrow ? null : (
          <div role="columnheader" aria-colindex={2} class="column-head muted" style={spot(layout, 0)}>
            image
          </div>
        )}
        {layout.narrow
          ? null
          : shown.map((method, index) => <ColumnHead key={method} {...{ method, layout, shown }} place={index} />)}
      </div>
    </div>
  );
}

function spot({ left, stepX, cell }: Layout, place: number) {
  return { left: `${left + place * stepX}px`, width: `${cell}px` };
}

interface ColumnHeadProps {
  method: number;
  place: number;
  layout: Layout;
  shown: readonly number[];
}

function ColumnHead({ method, place, layout, shown }: ColumnHeadProps) {
  const [moved, setMoved] = useState(0);
  const from = useRef<number | null>(null);
  const { sort, descending, metric } = view.value;
  const facts = run.value.methods[method];
  const byScore = scoreSort(sort);
  const sortedBy = byScore?.method === method;
  const sortable = metric >= 0 && run.value.metrics[metric]?.scores;
  const target = Math.max(0, Math.min(shown.length - 1, place + Math.round(moved / layout.stepX)));
  const end = (event: PointerEvent) => {
    const dragged = from.current !== null && Math.abs(event.clientX - from.current) >= DRAG_FROM;
    from.current = null;
    setMoved(0);
    if (dragged && target !== place) moveMethod(method, target);
    else if (!dragged && sortable) sortBy(metric, method);
  };
  const style = { ...spot(layout, place + 1), transform: moved ? `translateX(${moved}px)` : "" };
  return (
    <div
      role="columnheader"
      aria-colindex={place + 3}
      aria-sort={sortedBy ? (descending ? "descending" : "ascending") : undefined}
      class={`column-head ${moved ? "dragged" : ""}`}
      style={style}
    >
      <button
        type="button"
        class="quiet clip"
        title={headTitle(method)}
        onPointerDown={(event) => {
          from.current = event.clientX;
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (from.current !== null && Math.abs(event.clientX - from.current) >= DRAG_FROM) setMoved(event.clientX - from.current);
        }}
        onPointerUp={end}
        onPointerCancel={() => {
          from.current = null;
          setMoved(0);
        }}
        onKeyDown={(event) => {
          if ((event.key === "Enter" || event.key === " ") && sortable) {
            event.preventDefault();
            sortBy(metric, method);
          }
        }}
      >
        <bdi>{cut(facts.name, 40)}</bdi>
        {sortedBy ? <span aria-hidden="true">{descending ? " ↓" : " ↑"}</span> : null}
      </button>
      {sortable ? <div class="below clip muted">{belowWords(metric)}</div> : null}
    </div>
  );
}

/** What the numbers below the maps are. */
function belowWords(metric: number): string {
  const { name, better } = run.value.metrics[metric];
  return `${cut(name, 40)} ${better === "higher" ? "↑" : "↓"}`;
}

/** Sorts by the method's score, the worst first; once more turns it round. */
function sortBy(metric: number, method: number): void {
  const { sort, descending } = view.peek();
  const key = scoreKey({ metric, method });
  const worstFirst = run.value.metrics[metric].better === "lower";
  show({ sort: key, descending: sort === key ? !descending : worstFirst });
}

function headTitle(method: number): string {
  const { name, p01, p99, signed } = run.value.methods[method];
  const { metric } = view.value;
  const scores = run.value.metrics[metric];
  const sorts = scores ? `Click: sort by ${isolated(cut(scores.name, 60))}. Drag: move.` : "Drag: move.";
  return `${isolated(cut(name))}${signed ? ", with signs" : ""}\n${short(p01)} … ${short(p99)}: 1st and 99th percentile over the run\n${sorts}`;
}
