import { LabelNames, labelName } from "./label_names";
import { memo } from "./memo";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useChunk } from "../data/chunks";
import { gridChunks, gridKey } from "../data/run";
import type { AnyImageCell, AnyMapCell, GridRow, ScoreChunk } from "../data/types";
import type { Columns } from "../data/columns";
import { learnShape, look } from "../rows";
import { run } from "../state";
import type { Layout } from "../view/layout";
import { drawRow, mapOf } from "../view/draw_row";
import { outcomeOf } from "../view/outcome";
import { cut, decimals, interval, isolated, short } from "../words";

export interface RowProps {
  row: number;
  /** Its place in the order, and where it lies. */
  place: number;
  y: number;
  layout: Layout;
  shown: readonly number[];
  columns: Columns;
  scores: ScoreChunk | null;
  /** What the rows are sorted by, in words; "" where the row shows it anyway. */
  sortWords: string;
  sortValue: number;
  /** The focused column; -1: not this row. */
  focus: number;
  /** The cell that the Tab key reaches; -1: none here. */
  reached: number;
  open(row: number): void;
  focused(row: number, column: number): void;
}

/** A row of the grid: a sample, one of its labels, and the maps that explain it. */
export const Row = memo(function Row(props: RowProps) {
  const { row, place, y, layout, shown, columns, focus, reached } = props;
  const chunk = useChunk(gridChunks, gridKey(row));
  const cells = chunk.state === "ready" ? chunk.value.rows[row - chunk.value.first] : undefined;
  useEffect(() => learnShape(cells), [cells]);
  const number = columns.number(row);
  const missing = chunk.state === "failed" ? { flag: 2 as const, method: -1, reason: "", text: chunk.why } : undefined;
  const style = { top: `${y}px`, height: `${layout.rowHeight}px` };
  return (
    <div role="row" class={`row ${focus >= 0 ? "current" : ""}`} aria-rowindex={place + 2} style={style} data-row={row} data-sample={number}>
      <Head {...props} />
      <div class="cells" role="presentation" style={{ left: `${layout.left}px`, top: `${layout.top}px` }}>
        <Cell place={0} entry={cells?.image ?? missing} name="image" score="" {...{ row, layout, focus, reached }} {...handlers(props, 1)} />
        {shown.map((method, index) => (
          <Cell
            key={method}
            place={index + 1}
            entry={cells ? (mapOf(cells, method) ?? null) : missing}
            name={run.value.methods[method].name}
            score={scoreWords(props.scores, row, method)}
            {...{ row, layout, focus, reached }}
            {...handlers(props, index + 2)}
          />
        ))}
        {cells ? <Pictures cells={cells} layout={layout} shown={shown} /> : null}
        {chunk.state === "failed" ? <Failed row={row} why={chunk.why} /> : null}
      </div>
    </div>
  );
});

function handlers({ row, open, focused }: RowProps, column: number) {
  return { column, onClick: () => open(row), onFocus: () => focused(row, column) };
}

function scoreWords(scores: ScoreChunk | null, row: number, method: number): string {
  return scores ? decimals(scores.values[row * scores.methods + method]) : "";
}

/** All pictures of the row, on one canvas. */
function Pictures({ cells, layout, shown }: { cells: GridRow; layout: Layout; shown: readonly number[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const current = look();
  const { methods } = run.value;
  useLayoutEffect(() => {
    if (canvas.current) drawRow(canvas.current, cells, shown, methods, layout, current);
  }, [cells, layout, shown, current]);
  return <canvas ref={canvas} class="pictures" style={{ width: `${layout.width}px`, height: `${layout.height}px` }} aria-hidden="true" />;
}

interface CellProps {
  row: number;
  column: number;
  /** Its place among the pictures. */
  place: number;
  layout: Layout;
  /** undefined: not read yet; null: there is no such map. */
  entry: AnyImageCell | AnyMapCell | null | undefined;
  name: string;
  score: string;
  focus: number;
  reached: number;
  onClick(): void;
  onFocus(): void;
}

function Cell({ column, place, layout, entry, name, score, focus, reached, onClick, onFocus }: CellProps) {
  const { cell, cellHeight, perLine, stepX, stepY, narrow } = layout;
  const style = {
    left: `${(place % perLine) * stepX}px`,
    top: `${Math.floor(place / perLine) * stepY}px`,
    width: `${cell}px`,
    height: `${cellHeight}px`,
  };
  const caption = narrow && place ? `${isolated(cut(name, 14))} ${score}` : score;
  return (
    <div
      role="gridcell"
      class={`cell ${stateOf(entry)} ${focus === column ? "focus" : ""}`}
      aria-colindex={column + 1}
      aria-label={spoken(entry, name, score)}
      title={hint(entry)}
      tabIndex={reached === column ? 0 : -1}
      data-column={column}
      style={style}
      onClick={onClick}
      onFocus={onFocus}
    >
      {entry?.flag === 2 ? <span class="reason">{cut(entry.reason, 80)}</span> : null}
      {caption && entry !== null ? <span class="caption">{caption}</span> : null}
    </div>
  );
}

function stateOf(entry: CellProps["entry"]): string {
  if (entry === undefined) return "loading";
  if (entry === null) return "none";
  return entry.flag === 2 ? "damaged" : "there";
}

function spoken(entry: CellProps["entry"], name: string, score: string): string {
  if (entry === undefined) return `${isolated(cut(name))}: being read`;
  if (entry === null) return `${isolated(cut(name))}: no map`;
  const text = cut(entry.text, 300);
  return entry.flag === 2 ? `${isolated(cut(name))}: ${text} ${cut(entry.reason)}`.trim() : score ? `${text}; score ${score}` : text;
}

/** The numbers behind the colours. */
function hint(entry: CellProps["entry"]): string {
  if (!entry || entry.flag === 2) return entry ? cut(entry.reason, 300) : "";
  if (!("lo" in entry)) return `${cut(entry.text)} · ${entry.width} × ${entry.height}`;
  if (entry.lo === entry.hi) return `the same value everywhere: ${short(entry.lo)}`;
  return `${cut(entry.text, 300)}\n${short(entry.lo)} … ${short(entry.hi)}, 99th percentile ${short(entry.p99)}`;
}

function Failed({ row, why }: { row: number; why: string }) {
  return (
    <p class="failed">
      {why}.{" "}
      <button type="button" class="link" onClick={() => gridChunks.retry(gridKey(row))}>
        Retry
      </button>
    </p>
  );
}

/** What is known of the row, in words and numbers. */
function Head(props: RowProps) {
  const { row, columns, layout, focus, reached, sortWords, sortValue } = props;
  const { column, of } = columns;
  const i = of[row];
  const outcome = outcomeOf(columns, row);
  const name = columns.name(i);
  return (
    <div
      role="rowheader"
      class={`row-head ${layout.narrow ? "narrow" : ""} ${focus === 0 ? "focus" : ""}`}
      aria-colindex={1}
      tabIndex={reached === 0 ? 0 : -1}
      data-column={0}
      onClick={() => props.open(row)}
      onFocus={() => props.focused(row, 0)}
    >
      <div class="row-name clip">
        <b>{column.sample[i]}</b>{" "}
        <span class="muted mono" title={cut(name)}>
          <bdi>{cut(name, 80)}</bdi>
        </span>
      </div>
      <div class="clip">
        <Labels row={row} columns={columns} />
      </div>
      <div class="clip">
        <span class={outcome.tone}>
          <span aria-hidden="true">{outcome.shape}</span> {outcome.word}
        </span>
        {column.label[row] >= 0 && column.label[row] !== column.top[i] ? (
          <span class="muted">
            {" "}
            for <bdi>{labelName(column.label[row])}</bdi>
          </span>
        ) : null}
      </div>
      <Certainty p={column.p[row]} low={column.low[row]} high={column.high[row]} />
      {sortWords ? (
        <div class="clip muted">
          {sortWords} {short(sortValue)}
        </div>
      ) : null}
    </div>
  );
}

/** True labels, and what the network says. */
function Labels({ row, columns }: { row: number; columns: Columns }) {
  const i = columns.of[row];
  const truths = columns.truth(i);
  const top = columns.column.top[i];
  return (
    <>
      <LabelNames labels={Array.from(truths.subarray(0, 3))} />
      {truths.length > 3 ? ` +${truths.length - 3}` : ""} → <bdi>{labelName(top)}</bdi>
    </>
  );
}

/** The label's probability as a bar, with where 95 % of the draws lie. */
function Certainty({ p, low, high }: { p: number; low: number; high: number }) {
  if (Number.isNaN(p)) return null;
  const part = (value: number) => `${Math.max(0, Math.min(1, value)) * 100}%`;
  return (
    <>
      <div class="certainty" aria-hidden="true">
        <div class="p" style={{ width: part(p) }} />
        {low <= high ? <div class="draws" style={{ left: part(low), width: part(high - low) }} /> : null}
      </div>
      <div class="clip">
        {decimals(p)} <span class="muted">{interval(low, high)}</span>
      </div>
    </>
  );
}
