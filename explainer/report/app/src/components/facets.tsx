import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { EditsFacet, Range, View } from "../routes";
import { facets, labelsOfSamples } from "../rows";
import { run, show, view } from "../state";
import { BINS, isFiltered, NO_FILTER, type Facets } from "../view/facets";
import { count, cut, decimals, isolated, OUTCOMES, PREDICTIONS, short, type Outcome } from "../words";
import { SearchBox } from "./search_box";

/** On a narrow screen the facets are a sheet. */
export const sheetOpen = signal(false);

const MANY = 12;
const MOST_LISTED = 200;
const NONE = "none";

/** What can be filtered, with the number of rows that each choice gives. */
export function FacetPanel() {
  const found = facets.value;
  return (
    <aside class={`facets ${sheetOpen.value ? "open" : ""}`} aria-label="Filter">
      <div class="facets-head">
        <h2>Filter</h2>
        <button type="button" class="link" disabled={!isFiltered(view.value)} onClick={() => show(NO_FILTER)}>
          Clear
        </button>
        <button type="button" class="close-sheet" onClick={() => (sheetOpen.value = false)}>
          Done
        </button>
      </div>
      <SearchBox />
      {found ? <AllFacets found={found} /> : null}
    </aside>
  );
}

function AllFacets({ found }: { found: Facets }) {
  const { counts, run: facts } = run.value;
  const { outcome, correct, truth, top, confidence, uncertainty } = view.value;
  const labels = [...facts.labels, NONE];
  return (
    <>
      <ListFacet
        title="Prediction"
        chosen={correct}
        counts={found.correct}
        words={PREDICTIONS.map(shapeAndWord)}
        names={PREDICTIONS.map(({ word }) => word)}
        order={[1, 2]}
        choose={(list) => show({ correct: list })}
      />
      <ListFacet
        title="Outcome of the label"
        chosen={outcome}
        counts={found.outcome}
        words={OUTCOMES.map(shapeAndWord)}
        names={OUTCOMES.map(({ word }) => word)}
        order={[1, 2, 3, 4, 0]}
        choose={(list) => show({ outcome: list })}
      />
      <ListFacet title="True label" chosen={truth} counts={found.truth} names={labels} present={labelsOfSamples.value?.truth} choose={(list) => show({ truth: list })} />
      <ListFacet title="Predicted" chosen={top} counts={found.top} names={labels} present={labelsOfSamples.value?.top} choose={(list) => show({ top: list })} />
      <RangeFacet
        title="Confidence"
        bins={found.confidence}
        most={1}
        range={confidence}
        choose={(range) => show({ confidence: range })}
      />
      {counts.with_uncertainty && found.most ? (
        <RangeFacet
          title="Uncertainty (nats)"
          bins={found.uncertainty}
          most={found.most}
          range={uncertainty}
          choose={(range) => show({ uncertainty: range })}
        />
      ) : null}
      {counts.with_edits ? <EditsChoice found={found} /> : null}
    </>
  );
}

function shapeAndWord({ shape, word, tone }: Outcome) {
  return (
    <>
      <span class={tone} aria-hidden="true">
        {shape}
      </span>{" "}
      {word}
    </>
  );
}

interface ListFacetProps {
  title: string;
  chosen: readonly number[];
  counts: Uint32Array;
  names: readonly string[];
  words?: readonly ComponentChildren[];
  order?: readonly number[];
  /** 1 where any sample has it, whatever the filter. */
  present?: Uint8Array;
  choose(list: readonly number[]): void;
}

/** Any of a list; many get a box to search them. */
function ListFacet({ title, chosen, counts, names, words, order, present, choose }: ListFacetProps) {
  const [needle, setNeedle] = useState("");
  const wanted = needle.trim().toLowerCase();
  const many = !order && names.length > MANY + 1;
  const last = names.length - 1; // that of no label
  const stays = (index: number) => !order && index < last && (!many || Boolean(present?.[index]));
  const all = (order ?? names.map((_, index) => index)).filter((index) => counts[index] > 0 || chosen.includes(index) || stays(index));
  const listed = many ? all.filter((index) => names[index].toLowerCase().includes(wanted)) : all;
  const toggle = (index: number) =>
    choose(chosen.includes(index) ? chosen.filter((other) => other !== index) : [...chosen, index]);
  return (
    <fieldset class="facet">
      <legend>{title}</legend>
      {many && all.length > MANY ? (
        <input
          type="search"
          placeholder="Find a label"
          aria-label={`Find a label: ${title}`}
          value={needle}
          onInput={(event) => setNeedle(event.currentTarget.value)}
        />
      ) : null}
      <div class="facet-list">
        {listed.slice(0, MOST_LISTED).map((index) => (
          <label key={index} class={`choice ${counts[index] ? "" : "muted"}`}>
            <input type="checkbox" checked={chosen.includes(index)} onChange={() => toggle(index)} />
            <span class="clip" title={cut(names[index])}>
              <bdi>{words?.[index] ?? cut(names[index], 60)}</bdi>
            </span>
            <span class="number muted">{count(counts[index])}</span>
          </label>
        ))}
      </div>
      {listed.length > MOST_LISTED ? <p class="muted">{count(listed.length - MOST_LISTED)} more: type to find them</p> : null}
    </fieldset>
  );
}

interface RangeFacetProps {
  title: string;
  bins: Uint32Array;
  most: number;
  range: Range | null;
  choose(range: Range | null): void;
}

/** A histogram with two handles. */
function RangeFacet({ title, bins, most, range, choose }: RangeFacetProps) {
  const [low, high] = range ?? [0, most];
  const step = most / 100;
  const set = (from: number, to: number) => choose(from <= 0 && to >= most ? null : [from, to]);
  const tallest = Math.max(1, ...bins);
  const words = most === 1 ? (value: number) => decimals(value) : short;
  return (
    <fieldset class="facet">
      <legend>{title}</legend>
      <div class="range">
        <svg viewBox={`0 0 ${BINS} 32`} preserveAspectRatio="none" aria-hidden="true">
          {Array.from(bins, (value, bin) => {
            const inside = ((bin + 1) / BINS) * most > low && (bin / BINS) * most < high + step / 2;
            const height = value ? Math.max(1, (32 * value) / tallest) : 0;
            return <rect key={bin} class={inside ? "in" : ""} x={bin + 0.08} y={32 - height} width={0.84} height={height} />;
          })}
        </svg>
        <input
          type="range"
          min={0}
          max={most}
          step={step}
          value={low}
          aria-label={`${title}, from`}
          aria-valuetext={words(low)}
          onInput={(event) => set(Math.min(event.currentTarget.valueAsNumber, high), high)}
        />
        <input
          type="range"
          min={0}
          max={most}
          step={step}
          value={high}
          aria-label={`${title}, to`}
          aria-valuetext={words(high)}
          onInput={(event) => set(low, Math.max(event.currentTarget.valueAsNumber, low))}
        />
      </div>
      <div class="range-ends muted">
        <span>{words(low)}</span>
        <span>{words(high)}</span>
      </div>
    </fieldset>
  );
}

const EDITS: readonly { key: EditsFacet; words: string; code: number }[] = [
  { key: "with", words: "found", code: 1 },
  { key: "failed", words: "searched, no result", code: 2 },
  { key: "without", words: "not searched", code: 0 },
];

function EditsChoice({ found }: { found: Facets }) {
  const chosen = view.value.edits;
  return (
    <fieldset class="facet">
      <legend>Edits</legend>
      {EDITS.map(({ key, words, code }) => (
        <label key={key} class={`choice ${found.edits[code] ? "" : "muted"}`}>
          <input type="checkbox" checked={chosen === key} onChange={() => show({ edits: chosen === key ? "" : key })} />
          <span class="clip">{words}</span>
          <span class="number muted">{count(found.edits[code])}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface Chip {
  words: string;
  clear(): void;
}

/** What is filtered now, each with what takes it away. */
export function chips(): Chip[] {
  const { search, outcome, correct, truth, top, confidence, uncertainty, edits } = view.value;
  const labels = run.value.run.labels;
  const name = (index: number) => isolated(cut(labels[index] ?? NONE, 40));
  const found: Chip[] = [];
  if (search.trim()) found.push({ words: `“${cut(search, 40)}”`, clear: () => show({ search: "" }) });
  for (const code of correct)
    found.push({ words: `prediction ${PREDICTIONS[code]?.word}`, clear: () => show({ correct: correct.filter((other) => other !== code) }) });
  for (const code of outcome)
    found.push({
      words: `${OUTCOMES[code]?.shape} ${OUTCOMES[code]?.word}`,
      clear: () => show({ outcome: outcome.filter((other) => other !== code) }),
    });
  for (const index of truth)
    found.push({ words: `true label ${name(index)}`, clear: () => show({ truth: truth.filter((other) => other !== index) }) });
  for (const index of top)
    found.push({ words: `predicted ${name(index)}`, clear: () => show({ top: top.filter((other) => other !== index) }) });
  if (confidence) found.push({ words: `confidence ${spanWords(confidence)}`, clear: () => show({ confidence: null }) });
  if (uncertainty) found.push({ words: `uncertainty ${spanWords(uncertainty)}`, clear: () => show({ uncertainty: null }) });
  if (edits) found.push({ words: `edits ${EDITS.find(({ key }) => key === edits)?.words}`, clear: () => show({ edits: "" }) });
  return found;
}

function spanWords([low, high]: Range): string {
  return `${short(low)} – ${short(high)}`;
}

export function Chips() {
  return (
    <>
      {chips().map(({ words, clear }) => (
        <button key={words} type="button" class="chip" onClick={clear}>
          <bdi>{words}</bdi> <span aria-label="clear">×</span>
        </button>
      ))}
    </>
  );
}

/** The chips on a page that has no facets of its own; keep: what clearing leaves. */
export function FilterChips({ keep = {} }: { keep?: Partial<View> }) {
  if (!isFiltered({ ...view.value, ...NO_EDITS })) return null;
  return (
    <span class="chips">
      <Chips />
      <button type="button" class="link" onClick={() => show({ ...NO_FILTER, ...keep })}>
        Clear the filter
      </button>
    </span>
  );
}

const NO_EDITS = { edits: "" } as const;
