import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChunk } from "../data/chunks";
import type { Columns } from "../data/columns";
import { pairsChunks } from "../data/run";
import type { PairsChunk } from "../data/types";
import { filter, shape, shownMethods } from "../rows";
import { columns, columnsFailed, run, show, showExtra, view } from "../state";
import { changeCounts, changeOf, KINDS, PAIR_SORTS, pairedRows, pairLayoutOf, sortedPairs, type Kind, type PairLayout, type PairSort } from "../view/compared";
import { facetsOf } from "../view/facets";
import { count, cut } from "../words";
import { FilterChips } from "./facets";
import { List } from "./list";
import { useLookKeys } from "./look_keys";
import { LookMenu, scaleWords } from "./look_menu";
import { measured } from "./measured";
import { Menu } from "./menu";
import { PairPoint, PairValues, pointed } from "./pair_readout";
import { PairRow } from "./pair_row";
import { PaletteBar } from "./palette_bar";
import { Tabs } from "./tabs";

const HEAD = 74;
const KIND_WORDS: Readonly<Record<Kind, string>> = { "": "all", incorrect: "▲ now incorrect", correct: "● now correct", label: "other label" };
const SORT_WORDS: Readonly<Record<PairSort, string>> = { number: "number", likeness: "maps least alike", probability: "probability changed most" };

/** The samples of both runs one below the other: the maps of a, those of b, and their difference. */
export function PairList() {
  useLookKeys();
  useEffect(() => () => void (pointed.value = null), []);
  const chunk = useChunk(pairsChunks, "pairs");
  const why = columnsFailed.value || (chunk.state === "failed" ? chunk.why : "");
  if (why) return <p class="note alarming">The pairs cannot be shown: {why}.</p>;
  if (!columns.value || chunk.state !== "ready") return <div class="note" aria-busy="true" />;
  return <Loaded columns={columns.value} pairs={chunk.value} />;
}

function oneOf<T extends string>(list: readonly T[], text: string | undefined): T {
  return list.find((known) => known === text) ?? list[0];
}

function Loaded({ columns: all, pairs }: { columns: Columns; pairs: PairsChunk }) {
  const { extra, rows: which } = view.value;
  const [kind, by] = [oneOf(KINDS, extra.changed), oneOf(PAIR_SORTS, extra.by)];
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => measured(place.current as HTMLElement, ([wide]) => setWidth(wide)), []);
  const counts = useMemo(() => changeCounts(all, pairs), [all, pairs]);
  const wanted = filter();
  const rows = useMemo(() => {
    const { passes } = facetsOf(all, { ...wanted, rows: "label", edits: "" }, run.value.run.labels.length);
    const found = pairedRows(all, pairs, which === "label").filter((row) => passes[row] && (!kind || changeOf(all, pairs, all.of[row]) === kind));
    return sortedPairs(found, all, pairs, by);
  }, [all, pairs, wanted, which, kind, by]);
  const shown = shownMethods();
  const layout = useMemo(() => pairLayoutOf(width, shown.length + 1, shape.value || 1), [width, shown.length, shape.value]);
  return (
    <>
      <div class="bar" role="group" aria-label="Which samples, and how">
        <Tabs
          label="What became of them"
          value={kind}
          tabs={KINDS.map((key) => ({ key, words: `${KIND_WORDS[key]} ${count(counts[key])}`, off: key !== "" && !counts[key] }))}
          choose={(key) => show({ row: -1, extra: { ...extra, changed: key } })}
        />
        <select aria-label="Sort" value={by} onChange={(event) => showExtra("by", event.currentTarget.value)}>
          {PAIR_SORTS.map((key) => (
            <option key={key} value={key}>
              {SORT_WORDS[key]}
            </option>
          ))}
        </select>
        <LookMenu />
        <Menu label="More" words="more">
          <Switch words="every label of a sample" on={which === "label"} set={(on) => show({ rows: on ? "label" : "sample", picked: [] })} />
          <Switch words="stretch each difference to all colours" on={extra.stretch === "1"} set={(on) => showExtra("stretch", on ? "1" : "")} />
        </Menu>
        <FilterChips />
      </div>
      <div class="pair-list" ref={place}>
        {!width ? null : rows.length ? (
          <List
            label="Samples of both runs"
            count={rows.length}
            rowHeight={layout.rowHeight}
            head={<Head layout={layout} shown={shown} />}
            headHeight={HEAD}
            minWidth={layout.width}
            current={view.value.row < 0 ? -1 : rows.indexOf(view.value.row)}
            choose={(at) => show({ row: rows[at] })}
            keyOf={(at) => rows[at]}
          >
            {(at) => <PairRow row={rows[at]} columns={all} pairs={pairs} layout={layout} shown={shown} />}
          </List>
        ) : (
          <p class="note">No sample of both runs matches.</p>
        )}
      </div>
    </>
  );
}

function Switch({ words, on, set }: { words: string; on: boolean; set(on: boolean): void }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} />
      {words}
    </label>
  );
}

/** The names above the columns, the values below the cursor, and what the colours mean. */
function Head({ layout, shown }: { layout: PairLayout; shown: readonly number[] }) {
  const { palette, signed, extra } = view.value;
  const { cell, stepX } = layout.line;
  const spot = (place: number) => ({ left: `${layout.left + place * stepX}px`, width: `${cell}px` });
  const wide = extra.stretch === "1" ? "the largest difference" : "as wide as that scale";
  return (
    <div class="grid-head pair-columns" style={{ height: `${HEAD}px`, minWidth: `${layout.width}px` }}>
      <div class={`pair-legend ${layout.narrow ? "narrow" : ""}`} title={`a and b: ${scaleWords()}, both on one scale; b − a: ${wide}`}>
        <div class="legend-bars muted">
          <PaletteBar palette={palette} /> a, b
        </div>
        <div class="legend-bars muted">
          <PaletteBar palette={signed} /> b − a
        </div>
        <PairPoint />
      </div>
      <div class="pair-values muted signs" style={{ left: `${layout.left - 42}px` }} aria-hidden="true">
        <div>a</div>
        <div>b</div>
        <div>b − a</div>
      </div>
      {shown.map((method, index) => (
        <div key={method} class="column-head" style={spot(index + 1)} title={cut(run.value.methods[method].name)}>
          <div class="clip">
            <bdi>{cut(run.value.methods[method].name, 40)}</bdi>
          </div>
          <PairValues method={method} />
        </div>
      ))}
    </div>
  );
}
