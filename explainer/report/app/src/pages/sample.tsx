/** Sample: why this decision? The maps with true values, probabilities, scores, curves, edits. */

import { useEffect, useMemo } from "preact/hooks";
import { copyText } from "../actions";
import { figureOf, LineChart, type Series } from "../components/chart";
import { Filmstrip } from "../components/filmstrip";
import { useLookKeys } from "../components/look_keys";
import { labelName, LabelNames } from "../components/label_names";
import { LookMenu, scaleWords } from "../components/look_menu";
import { ObjectsSwitch, shownObjects } from "../components/objects";
import { Panes, Readout } from "../components/panes";
import { Probabilities } from "../components/probabilities";
import { SampleScores } from "../components/sample_scores";
import { useChunk } from "../data/chunks";
import type { Columns } from "../data/columns";
import { Unshown } from "../data/pictures";
import { detailChunks, detailKey, gridChunks, gridKey } from "../data/run";
import type { Detail, Edits, Objects } from "../data/types";
import { useShortcuts } from "../keyboard";
import { order, placeInOrder } from "../rows";
import { picturesOfRow, useDetailPictures, type Pictures } from "../sample_pictures";
import { columns, columnsFailed, go, hashWith, link, run, show, showExtra, view } from "../state";
import { methodColour, methodDash } from "../theme";
import { curveWords } from "../view/scores";
import { outcomeOf } from "../view/outcome";
import { count, cut, decimals, interval, percent } from "../words";

export function Sample() {
  useLookKeys();
  const { sample, label } = view.value;
  if (columnsFailed.value) return <p class="note alarming">The sample cannot be shown: {columnsFailed.value}.</p>;
  if (!columns.value) return <div class="note" aria-busy="true" />;
  const i = columns.value.place(sample);
  if (i < 0)
    return (
      <p class="note">
        This run has no sample {sample}. <a href={hashWith({ page: "samples" })}>All samples</a>
      </p>
    );
  return <Found columns={columns.value} i={i} row={rowOf(columns.value, i, label)} />;
}

/** The row of a sample's label; its first one where the label was not explained. */
function rowOf(all: Columns, i: number, label: number): number {
  const [from, to] = all.rowsOf(i);
  for (let row = from; row < to; row++) if (all.column.label[row] === label) return row;
  return all.firstRow(i);
}

interface FoundProps {
  columns: Columns;
  i: number;
  row: number;
}

function Found({ columns: all, i, row }: FoundProps) {
  const label = all.column.label[row];
  const sample = all.column.sample[i];
  const { detail } = run.value;
  const chunk = useChunk(detailChunks, detail ? detailKey(sample) : "");
  const found = chunk.state === "ready" ? chunk.value : null;
  const own = useDetailPictures(found, label);
  const small = useSmall(row, detail && chunk.state !== "failed");
  const pictures = own ?? small;
  useSampleKeys(all, row, found, label);
  usePrefetch(all, row);
  const edits = found?.edits.find((one) => one.label === label);
  const layer = chosenLayer(edits);
  const boxes = layer >= 0 ? (edits?.layers[layer].boxes ?? []) : [];
  return (
    <article class="sample">
      <Head columns={all} i={i} row={row} objects={found?.boxes} />
      {chunk.state === "failed" ? (
        <p class="part alarming">
          {chunk.why}.{" "}
          <button type="button" class="link" onClick={() => detailChunks.retry(detailKey(sample))}>
            Retry
          </button>{" "}
          <span class="muted">The small pictures are shown.</span>
        </p>
      ) : null}
      {detail ? null : <p class="part muted">This report was written without details: the pictures are the small ones.</p>}
      {pictures ? (
        <>
          <Readout pictures={pictures} />
          <Panes
            pictures={pictures}
            boxes={boxes}
            boxesAre={`layer ${layer + 1} of the edits`}
            size={edits?.size ?? null}
            objects={shownObjects(found?.boxes)}
          />
        </>
      ) : (
        <div class="panes" aria-busy="true" />
      )}
      {found ? <Details detail={found} label={label} row={row} edits={edits} pictures={own} layer={layer} /> : null}
    </article>
  );
}

/** The small pictures, where there are no others. */
function useSmall(row: number, detailed: boolean): Pictures | null {
  const chunk = useChunk(gridChunks, detailed ? "" : gridKey(row));
  const cells = chunk.state === "ready" ? chunk.value.rows[row - chunk.value.first] : undefined;
  return useMemo(() => (cells ? picturesOfRow(cells) : null), [cells]);
}

function chosenLayer(edits: Edits | undefined): number {
  if (!edits?.layers.length) return -1;
  const { layer } = view.value;
  return layer < 0 ? edits.layers.length - 1 : Math.min(layer, edits.layers.length - 1);
}

const ZOOMS: readonly { zoom: number; words: string }[] = [
  { zoom: 0, words: "fit" },
  { zoom: 1, words: "1×" },
  { zoom: 2, words: "2×" },
  { zoom: 4, words: "4×" },
];

function Head({ columns: all, i, row, objects }: FoundProps & { objects: Objects | null | undefined }) {
  const name = all.name(i);
  const { column } = all;
  const outcome = outcomeOf(all, row);
  return (
    <header class="sample-head">
      <div class="sample-title">
        <h1>{column.sample[i]}</h1>
        <span class="muted mono clip">
          <bdi>{cut(name, 120)}</bdi>
        </span>
        <span class="clip">
          <Truth columns={all} i={i} />
        </span>
        <span class={outcome.tone}>
          <span aria-hidden="true">{outcome.shape}</span> {outcome.word}
        </span>
        <span>
          {decimals(column.p[row])} <span class="muted">{interval(column.low[row], column.high[row])}</span>
        </span>
      </div>
      <Neighbours columns={all} row={row} />
      <div class="sample-tools">
        <LabelChoice columns={all} i={i} row={row} />
        <span class="joined" role="group" aria-label="Zoom">
          {ZOOMS.map(({ zoom, words }) => (
            <button key={zoom} type="button" aria-pressed={view.value.zoom === zoom} onClick={() => show({ zoom, ...(zoom ? {} : { centre: [0.5, 0.5] }) })}>
              {words}
            </button>
          ))}
        </span>
        <LookMenu />
        <ObjectsSwitch objects={objects} />
        <span class="muted scale-words">{scaleWords()}</span>
        <button type="button" onClick={() => void copyText(link())} aria-keyshortcuts="y">
          Copy link
        </button>
      </div>
    </header>
  );
}

function Truth({ columns: all, i }: { columns: Columns; i: number }) {
  return (
    <>
      <LabelNames labels={Array.from(all.truth(i).subarray(0, 5))} most={60} /> → <bdi>{labelName(all.column.top[i], 60)}</bdi>
    </>
  );
}

/** Which explained label the maps are of. */
function LabelChoice({ columns: all, i, row }: FoundProps) {
  const [from, to] = all.rowsOf(i);
  const { labels } = run.value.run;
  const name = (at: number) => cut(labels[all.column.label[at]] ?? "no label", 60);
  if (to - from < 2)
    return (
      <span>
        <span class="muted">maps for</span> <bdi>{name(row)}</bdi>
      </span>
    );
  return (
    <label class="line">
      <span class="muted">maps for</span>
      <select value={row} onChange={(event) => showLabel(all, Number(event.currentTarget.value))}>
        {Array.from({ length: to - from }, (_, index) => from + index).map((at) => (
          <option key={at} value={at}>
            {name(at)}
          </option>
        ))}
      </select>
    </label>
  );
}

function showLabel(all: Columns, row: number): void {
  show({ label: all.column.label[row], layer: -1, row });
}

/** The rows before and after in the filter and sort; where the row is not among them, its number's neighbours. */
function neighbours(row: number): { place: number; of: number; before: number; after: number } {
  const list = order.value;
  const place = placeInOrder.value[row] ?? -1;
  if (!list || place < 0) return { place: -1, of: list?.length ?? 0, before: -1, after: list?.length ? list[0] : -1 };
  return { place, of: list.length, before: place ? list[place - 1] : -1, after: place + 1 < list.length ? list[place + 1] : -1 };
}

function Neighbours({ columns: all, row }: { columns: Columns; row: number }) {
  const { place, of, before, after } = neighbours(row);
  return (
    <nav class="neighbours" aria-label="Samples">
      <a href={hashWith({ page: "samples", row, extra: {} })}>Samples</a>
      <span class="muted">{place < 0 ? "not in the filter" : `${count(place + 1)} of ${count(of)}`}</span>
      <button type="button" disabled={before < 0} onClick={() => goTo(all, before)} aria-keyshortcuts="k">
        ← previous
      </button>
      <button type="button" disabled={after < 0} onClick={() => goTo(all, after)} aria-keyshortcuts="j">
        next →
      </button>
    </nav>
  );
}

function goTo(all: Columns, row: number): void {
  if (row >= 0) show({ sample: all.number(row), label: all.column.label[row], row, layer: -1 });
}

/** The next sample is read before it is asked for. */
function usePrefetch(all: Columns, row: number): void {
  const { after } = neighbours(row);
  useEffect(() => {
    if (after < 0 || !run.value.detail) return;
    const key = detailKey(all.number(after));
    const waiting = window.setTimeout(() => {
      detailChunks.retain(key);
      detailChunks.release(key, true);
    }, 300);
    return () => window.clearTimeout(waiting);
  }, [after]);
}

function useSampleKeys(all: Columns, row: number, detail: Detail | null, label: number): void {
  useShortcuts(
    () => [
      { keys: ["j"], shown: "j", words: "next sample", run: () => goTo(all, neighbours(row).after) },
      { keys: ["k"], shown: "k", words: "sample before", run: () => goTo(all, neighbours(row).before) },
      { keys: ["l", "ArrowRight"], shown: "l →", words: "next method", run: () => focusPane(1) },
      { keys: ["h", "ArrowLeft"], shown: "h ←", words: "method before", run: () => focusPane(-1) },
      { keys: ["Escape"], shown: "Esc", words: "back to the samples", run: () => go({ page: "samples", row, extra: {} }) },
      { keys: ["L"], shown: "L", words: "next explained label", run: () => nextLabel(all, row) },
      { keys: ["["], shown: "[", words: "layer of the edits before", run: () => stepLayer(detail, label, -1) },
      { keys: ["]"], shown: "]", words: "next layer of the edits", run: () => stepLayer(detail, label, 1) },
    ],
    [all, row, detail, label],
  );
}

function focusPane(by: number): void {
  const panes = Array.from(document.querySelectorAll<HTMLElement>("[data-pane]"));
  const at = panes.indexOf(document.activeElement as HTMLElement);
  panes[Math.max(0, Math.min(panes.length - 1, at < 0 ? 0 : at + by))]?.focus();
}

function nextLabel(all: Columns, row: number): void {
  const [from, to] = all.rowsOf(all.of[row]);
  showLabel(all, row + 1 < to ? row + 1 : from);
}

function stepLayer(detail: Detail | null, label: number, by: number): void {
  const layers = detail?.edits.find((one) => one.label === label)?.layers.length ?? 0;
  if (!layers) return;
  const now = view.peek().layer < 0 ? layers - 1 : view.peek().layer;
  show({ layer: Math.max(0, Math.min(layers - 1, now + by)) });
}

interface DetailsProps {
  detail: Detail;
  label: number;
  row: number;
  edits: Edits | undefined;
  pictures: Pictures | null;
  layer: number;
}

function Details({ detail, label, row, edits, pictures, layer }: DetailsProps) {
  const planes = pictures && !(pictures.picture instanceof Unshown) ? pictures.picture : null;
  return (
    <div class="parts">
      {edits ? (
        <section class="part wide">
          <h2>Edits</h2>
          <EditLayers edits={edits} planes={planes} layer={layer} />
        </section>
      ) : null}
      <Probabilities detail={detail} label={label} />
      <SampleScores detail={detail} label={label} row={row} />
      <Curves detail={detail} label={label} />
    </div>
  );
}

function EditLayers({ edits, planes, layer }: { edits: Edits; planes: Parameters<typeof Filmstrip>[0]["picture"]; layer: number }) {
  const dark = view.value.extra.hidden !== "seen";
  if (!edits.layers.length) return <p class="muted">No result: {cut(edits.reason) || "no reason was recorded"}.</p>;
  return (
    <>
      <p class="muted edits-words">
        <span>
          The least of the picture that keeps the decision, in steps: {percent(edits.part)} of it in the last. Mask{" "}
          <span class="mono">{cut(edits.mask, 40)}</span>.
        </span>
        <label class="choice">
          <input
            type="checkbox"
            checked={dark}
            onChange={(event) => showExtra("hidden", event.currentTarget.checked ? "" : "seen")}
          />
          darken what is hidden
        </label>
      </p>
      <Filmstrip picture={planes} edits={edits} size={180} layer={layer} choose={(next) => show({ layer: next })} dark={dark} />
    </>
  );
}

/** A chart for each metric and fill, with a line for each method. */
function Curves({ detail, label }: { detail: Detail; label: number }) {
  const { metrics, methods, run: facts } = run.value;
  const ours = detail.curves.filter((curve) => curve.label === label);
  const keys = [...new Set(ours.map(({ metric, fill }) => `${metric} ${fill}`))];
  if (!keys.length) return null;
  return (
    <section class="part wide">
      <h2>Curves</h2>
      <div class="charts">
        {keys.map((key) => {
          const curves = ours.filter(({ metric, fill }) => `${metric} ${fill}` === key);
          const series = curves.map(
            ({ method, x, y, area }): Series => ({
              name: methods[method].name,
              colour: methodColour(method, methods[method].kind === "control"),
              dash: methodDash(method, methods[method].kind === "control"),
              x,
              y,
              figure: figureOf(area),
            }),
          );
          const metric = metrics[curves[0].metric];
          return (
            <LineChart
              key={key}
              title={metric.name}
              words={`${curveWords(metric)} · filled with ${cut(curves[0].fill, 40)}`}
              x="part of the pixels changed"
              y={`probability of ${cut(facts.labels[label] ?? "?", 20)}`}
              series={series}
            />
          );
        })}
      </div>
    </section>
  );
}
