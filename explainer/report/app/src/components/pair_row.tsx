import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useChunk } from "../data/chunks";
import type { Columns } from "../data/columns";
import { gridChunks, gridKey, otherChunks, otherKey } from "../data/run";
import type { AnyMapCell, GridRow, ImageCell, OtherChunk, PairsChunk } from "../data/types";
import { learnShape, look } from "../rows";
import { hashWith, run } from "../state";
import { changeOf, frameOf, type PairLayout } from "../view/compared";
import { drawPictures, mapOf, type Coloured } from "../view/draw_row";
import type { Layout } from "../view/layout";
import { inPane, inPicture, nudged, within } from "../view/zoom";
import { cut, decimals, PREDICTIONS, short, signed } from "../words";
import { pairMaps, stretched, type PairMap } from "./pair_maps";
import { pointed } from "./pair_readout";

interface PairRowProps {
  row: number;
  columns: Columns;
  pairs: PairsChunk;
  layout: PairLayout;
  shown: readonly number[];
}

/** A sample in both runs: the maps of a, those of b, and b - a. */
export function PairRow({ row, columns, pairs, layout, shown }: PairRowProps) {
  const own = useChunk(gridChunks, gridKey(row));
  const other = useChunk(otherChunks, otherKey(row));
  const a = own.state === "ready" ? own.value.rows[row - own.value.first] : undefined;
  const b = other.state === "ready" ? other.value.rows[row - other.value.first] : undefined;
  useEffect(() => learnShape(a), [a]);
  const failed = [own, other].flatMap((chunk) => (chunk.state === "failed" ? [chunk.why] : []));
  const retry = () => {
    gridChunks.retry(gridKey(row));
    otherChunks.retry(otherKey(row));
  };
  return (
    <>
      <PairHead row={row} columns={columns} pairs={pairs} layout={layout} />
      {failed.length ? (
        <p class="failed">
          {failed.join("; ")}.{" "}
          <button type="button" class="link" onClick={retry}>
            Retry
          </button>
        </p>
      ) : null}
      {a && b ? <Pictures row={row} a={a} b={b} layout={layout} shown={shown} /> : null}
    </>
  );
}

/** What both runs say of the sample, each beside its maps. */
function PairHead({ row, columns, pairs, layout }: Omit<PairRowProps, "shown">) {
  const { column, of } = columns;
  const i = of[row];
  const label = column.label[row];
  const theirs = pairs.columns;
  const change = changeOf(columns, pairs, i);
  const name = columns.name(i);
  const tone = change === "incorrect" ? "false-positive" : change === "correct" ? "right" : "";
  return (
    <div class={`pair-head ${layout.narrow ? "narrow" : ""}`}>
      <div class="row-name clip">
        <a href={hashWith({ page: "sample", sample: column.sample[i], label, row, extra: {} })}>
          <b>{column.sample[i]}</b>
        </a>{" "}
        <span class="muted mono" title={cut(name)}>
          <bdi>{cut(name, 80)}</bdi>
        </span>
      </div>
      <div class="clip" style={placeOf(layout, 0)}>
        <Predicted run="a" top={column.top[i]} p={column.p_top[i]} correct={column.correct[i]} />
        <div class="muted clip">{column.top[i] === label ? "" : <OfLabel label={label} p={decimals(column.p[row])} />}</div>
      </div>
      <div class="clip" style={placeOf(layout, 1)}>
        <Predicted run="b" top={theirs.top[i]} p={theirs.p_top[i]} correct={theirs.correct[i]} tone={tone} />
        <div class="muted clip">{theirs.top[i] === label ? "" : <OfLabel label={label} p={decimals(theirs.p[row])} />}</div>
      </div>
      <div class="clip muted" style={placeOf(layout, 2)}>
        <OfLabel label={label} p={signed(theirs.p[row] - column.p[row])} />
        <div>maps alike {decimals(theirs.likeness[row])}</div>
      </div>
    </div>
  );
}

/** Beside a line, but for a narrow list, where the words stand in a line above. */
function placeOf({ narrow, top, step }: PairLayout, line: number) {
  return narrow ? undefined : { position: "absolute", top: `${top + line * step + (line ? 0 : 22)}px`, insetInline: "0" };
}

/** What is said of the label that the maps are for. */
function OfLabel({ label, p }: { label: number; p: string }) {
  return (
    <>
      for <bdi>{labelName(label)}</bdi> {p}
    </>
  );
}

function Predicted({ run: name, top, p, correct, tone = "" }: { run: string; top: number; p: number; correct: number; tone?: string }) {
  const { shape, word } = PREDICTIONS[correct];
  return (
    <span class={tone}>
      <b>{name}</b> <span aria-hidden="true">{shape}</span>
      <span class="unseen">{word}:</span> <bdi>{labelName(top)}</bdi> {decimals(p)}
    </span>
  );
}

function labelName(label: number): string {
  return label < 0 ? "?" : cut(run.value.run.labels[label] ?? "?", 40);
}

interface PicturesProps {
  row: number;
  a: GridRow;
  b: OtherChunk["rows"][number];
  layout: PairLayout;
  shown: readonly number[];
}

function Pictures({ row, a, b, layout, shown }: PicturesProps) {
  const current = look();
  const stretch = stretched();
  const image = a.image.flag === 1 ? a.image : null;
  const { maps, lines } = useMemo(() => {
    const seen = image ? current : { ...current, blend: "map" as const };
    const found = shown.map((method) => pairMaps(mapOf(a, method), b ? mapOf(b, method) : undefined, run.value.methods[method], seen, stretch));
    return { maps: found, lines: [found.map(({ own }) => own), found.map(({ other }) => other), found.map(({ difference }) => difference)] };
  }, [a, b, shown, current, stretch]);
  const theirs = b?.image ?? null;
  const otherImage = theirs ? (theirs.flag === 1 ? theirs : null) : image;
  const [width, height] = image ? [image.width, image.height] : [64, 64];
  const point = (at: readonly [number, number] | null) => {
    pointed.value = at ? { row, at, width, height, maps: new Map(maps.map((map, index) => [shown[index], map])) } : null;
  };
  const nudge = (event: KeyboardEvent) => {
    const now = pointed.peek();
    const next = event.shiftKey ? nudged(event.key, now?.row === row ? now.at : [0.5, 0.5], width, height) : null;
    if (!next) return;
    event.preventDefault();
    point(next);
  };
  const places = { row, layout, point };
  return (
    <div
      class="pair-lines"
      style={{ left: `${layout.left}px`, top: `${layout.top}px` }}
      tabIndex={0}
      role="group"
      aria-label="Maps of both runs and their difference. Shift and arrows move the cross-hair."
      onKeyDown={nudge}
      onMouseLeave={() => point(null)}
    >
      <Line {...places} line={0} sign="a" image={image} maps={lines[0]}>
        <Cell {...places} place={0} name="image, a" shape={image} why={a.image.flag === 2 ? a.image.reason : ""} />
        {maps.map((map, index) => (
          <Cell key={index} {...places} place={index + 1} name={`${nameOf(shown[index])}, a`} shape={image ?? map.own} {...stateOf(map.a, "a")} />
        ))}
      </Line>
      <Line {...places} line={1} sign="b" image={otherImage} onlyMaps={!theirs} maps={lines[1]}>
        {theirs ? <Cell {...places} place={0} name="image, b" shape={otherImage} why={theirs.flag === 2 ? theirs.reason : ""} /> : null}
        {maps.map((map, index) => (
          <Cell key={index} {...places} place={index + 1} name={`${nameOf(shown[index])}, b`} shape={otherImage ?? map.other} {...stateOf(map.b, "b")} />
        ))}
      </Line>
      <Line {...places} line={2} sign="b − a" image={image} onlyMaps maps={lines[2]}>
        {maps.map((map, index) => (
          <Cell key={index} {...places} place={index + 1} name={`${nameOf(shown[index])}, b − a`} shape={map.difference && (image ?? map.difference)} {...differenceState(map, layout.narrow)} />
        ))}
      </Line>
    </div>
  );
}

function nameOf(method: number): string {
  return cut(run.value.methods[method].name, 40);
}

/** Why there is nothing to be seen, and what is spoken. */
function stateOf(map: AnyMapCell | undefined, name: string): { why: string; none?: boolean; text: string } {
  if (!map) return { why: `no map in ${name}`, none: true, text: "" };
  return map.flag === 2 ? { why: map.reason, text: map.text } : { why: "", text: map.text };
}

function differenceState({ a, b, difference, low, high }: PairMap, narrow: boolean): { why: string; none?: boolean; text: string; caption: string } {
  const ends = `${short(low)} … ${short(high)}`;
  if (difference) return { why: "", text: ends, caption: narrow ? `max ${short(Math.max(-low, high))}` : ends };
  const none = !a && !b;
  return { why: none ? "" : !a ? "no map in a" : !b ? "no map in b" : "one cannot be read", none: true, text: "", caption: "" };
}

interface Places {
  row: number;
  layout: PairLayout;
  point(at: readonly [number, number] | null): void;
}

interface LineProps extends Places {
  line: number;
  sign: string;
  image: ImageCell | null;
  /** Whether the picture is only what lies below the maps. */
  onlyMaps?: boolean;
  maps: readonly (Coloured | null)[];
  children: ComponentChildren;
}

/** One line of pictures, on one canvas. */
function Line({ layout, line, sign, image, onlyMaps = false, maps, children }: LineProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { line: cells, step } = layout;
  useLayoutEffect(() => {
    if (canvas.current) drawPictures(canvas.current, image, maps, cells, onlyMaps);
  }, [image, onlyMaps, maps, cells]);
  return (
    <div class="pair-line" style={{ top: `${line * step}px`, height: `${cells.height}px`, width: `${cells.width}px` }}>
      <span class="pair-sign muted" aria-hidden="true">
        {sign}
      </span>
      <canvas ref={canvas} class="pictures" data-line={line} style={{ width: `${cells.width}px`, height: `${cells.height}px` }} aria-hidden="true" />
      {children}
    </div>
  );
}

interface CellProps extends Places {
  place: number;
  name: string;
  /** Of what is seen; null: nothing is. */
  shape: { w: number; h: number } | null;
  why: string;
  none?: boolean;
  text?: string;
  caption?: string;
}

function Cell({ row, layout, point, place, name, shape, why, none = false, text = "", caption = "" }: CellProps) {
  const { cell, cellHeight, stepX } = layout.line;
  const move = (event: PointerEvent) => {
    if (!shape) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    point(within(inPicture(frameOf(layout.line, shape), [event.clientX - box.left, event.clientY - box.top])));
  };
  const state = shape && !why ? "there" : none ? "none" : "damaged";
  return (
    <div
      role="img"
      class={`cell ${state}`}
      aria-label={[name, why || text].filter(Boolean).join(": ")}
      data-place={place}
      style={{ left: `${place * stepX}px`, width: `${cell}px`, height: `${cellHeight}px` }}
      onPointerMove={move}
      onPointerDown={move}
    >
      {why ? <span class="reason muted">{cut(why, 80)}</span> : null}
      {caption ? <span class="caption">{caption}</span> : null}
      {shape && !why ? <Hair row={row} layout={layout.line} shape={shape} /> : null}
    </div>
  );
}

/** The cross-hair, in every picture of the row that is pointed at. */
function Hair({ row, layout, shape }: { row: number; layout: Layout; shape: { w: number; h: number } }) {
  if (pointed.value?.row !== row) return null;
  const [x, y] = inPane(frameOf(layout, shape), pointed.value.at);
  return (
    <span class="hairs">
      <span class="hair across" style={{ transform: `translateY(${y}px)` }} />
      <span class="hair down" style={{ transform: `translateX(${x}px)` }} />
    </span>
  );
}
