/** Edits: the least of each picture that keeps the network's decision. */

import { computed } from "@preact/signals";
import { FilterChips } from "../components/facets";
import { Filmstrip } from "../components/filmstrip";
import { List } from "../components/list";
import { PageHead } from "../components/page_head";
import { useChunk } from "../data/chunks";
import type { Columns } from "../data/columns";
import { Unshown } from "../data/pictures";
import { detailChunks, detailKey } from "../data/run";
import type { Detail, Edits as EditsOfLabel } from "../data/types";
import { lacksEdits } from "../lacks";
import type { EditsFacet } from "../routes";
import { allSorted, filter } from "../rows";
import { useDetailPictures } from "../sample_pictures";
import { columns, go, hashWith, run, show, showExtra, view } from "../state";
import { facetsOf } from "../view/facets";
import { outcomeOf } from "../view/outcome";
import { count, counted, cut, decimals, percent } from "../words";

const FILM = 112;
const ROW = FILM + 44;

/** The rows whose label was searched, in the order of the sort. */
const searched = computed(() => {
  if (!columns.value || !allSorted.value) return null;
  const { has_edits } = columns.value.column;
  const { passes } = facetsOf(columns.value, { ...filter(), rows: "label", edits: "" }, run.value.run.labels.length);
  return allSorted.value.filter((row) => has_edits[row] > 0 && passes[row] === 1);
});

const CODES: Readonly<Record<EditsFacet, number>> = { "": 0, with: 1, failed: 2, without: 0 };

export function Edits() {
  if (!columns.value || !searched.value) return <PageHead title="Edits" />;
  if (lacksEdits())
    return (
      <>
        <PageHead title="Edits" />
        <p class="note">{lacksEdits()}</p>
      </>
    );
  const all = columns.value;
  const { has_edits } = all.column;
  const { edits } = view.value;
  const code = CODES[edits];
  const rows = code ? searched.value.filter((row) => has_edits[row] === code) : searched.value;
  return (
    <div class="edits">
      <PageHead title="Edits">
        <Words />
      </PageHead>
      <div class="bar">
        <Tabs rows={searched.value} has_edits={has_edits} />
        <Seen />
        <FilterChips keep={{ edits }} />
      </div>
      {code === 2 ? <Reasons /> : null}
      <Body rows={rows} columns={all} />
    </div>
  );
}

function Words() {
  const facts = run.value.hierarchical_occlusion as { median_part_of_image?: number | null; median_boxes?: number | null } | null;
  if (!facts) return null;
  return (
    <p class="muted">
      The least of a picture that keeps the decision: half of the results need no more than {percent(facts.median_part_of_image)} of it
      {facts.median_boxes ? `, in ${counted(facts.median_boxes, "box", "boxes")}` : ""}.
    </p>
  );
}

function Tabs({ rows, has_edits }: { rows: Uint32Array; has_edits: Uint8Array }) {
  const found = rows.reduce((sum, row) => sum + (has_edits[row] === 1 ? 1 : 0), 0);
  const tabs: readonly { key: EditsFacet; words: string; number: number }[] = [
    { key: "", words: "all", number: rows.length },
    { key: "with", words: "found", number: found },
    { key: "failed", words: "no result", number: rows.length - found },
  ];
  const chosen = view.value.edits === "without" ? "" : view.value.edits;
  return (
    <span class="joined" role="group" aria-label="Which">
      {tabs.map(({ key, words, number }) => (
        <button key={key} type="button" aria-pressed={chosen === key} onClick={() => show({ edits: key, row: -1 })}>
          {words} {count(number)}
        </button>
      ))}
    </span>
  );
}

/** Whether what is hidden is dark, or blurred as the network saw it. */
function Seen() {
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={isDark()}
        onChange={(event) => showExtra("hidden", event.currentTarget.checked ? "" : "seen")}
      />
      darken what is hidden
    </label>
  );
}

function isDark(): boolean {
  return view.value.extra.hidden !== "seen";
}

/** Why searches had no result, the most frequent reason first. */
function Reasons() {
  const facts = run.value.hierarchical_occlusion as { without_result?: Record<string, number> } | null;
  const reasons = Object.entries(facts?.without_result ?? {}).sort(([, a], [, b]) => b - a);
  if (!reasons.length) return null;
  return (
    <ul class="reasons muted">
      {reasons.slice(0, 6).map(([reason, number]) => (
        <li key={reason}>
          {count(number)}: <bdi>{cut(reason)}</bdi>
        </li>
      ))}
    </ul>
  );
}

function Body({ rows, columns: all }: { rows: Uint32Array; columns: Columns }) {
  if (!run.value.detail) return <p class="note">This report was written without details, which hold the edits: write it without --detail none.</p>;
  if (!rows.length) return <p class="note">No label of these samples was searched.</p>;
  return (
    <List
      label="Edits"
      count={rows.length}
      rowHeight={ROW}
      current={view.value.row < 0 ? -1 : rows.indexOf(view.value.row)}
      choose={(place) => show({ row: rows[place] })}
      keyOf={(place) => rows[place]}
    >
      {(place) => <EditRow row={rows[place]} columns={all} />}
    </List>
  );
}

function EditRow({ row, columns: all }: { row: number; columns: Columns }) {
  const sample = all.number(row);
  const chunk = useChunk(detailChunks, detailKey(sample));
  const detail = chunk.state === "ready" ? chunk.value : null;
  const edits = detail?.edits.find(({ label }) => label === all.column.label[row]);
  return (
    <>
      <EditHead row={row} columns={all} />
      <div class="edit-films">
        {chunk.state === "failed" ? (
          <p class="failed">
            {chunk.why}.{" "}
            <button type="button" class="link" onClick={() => detailChunks.retry(detailKey(sample))}>
              Retry
            </button>
          </p>
        ) : null}
        {edits && detail ? <Films edits={edits} detail={detail} row={row} /> : null}
        {detail && !edits ? <p class="muted">The search of this label cannot be read.</p> : null}
      </div>
    </>
  );
}

function EditHead({ row, columns: all }: { row: number; columns: Columns }) {
  const { column } = all;
  const i = all.of[row];
  const outcome = outcomeOf(all, row);
  const label = column.label[row];
  return (
    <div class="row-head">
      <div class="row-name clip">
        <a href={hashWith({ page: "sample", sample: column.sample[i], label, row })}>
          <b>{column.sample[i]}</b>
        </a>{" "}
        <span class="muted mono">
          <bdi>{cut(all.name(i), 80)}</bdi>
        </span>
      </div>
      <div class="clip">
        <bdi>{cut(run.value.run.labels[label] ?? "?", 60)}</bdi> {decimals(column.p[row])}
      </div>
      <div class="clip">
        <span class={outcome.tone}>
          <span aria-hidden="true">{outcome.shape}</span> {outcome.word}
        </span>
      </div>
    </div>
  );
}

function Films({ edits, detail, row }: { edits: EditsOfLabel; detail: Detail; row: number }) {
  const pictures = useDetailPictures(detail, -2); // of no label: the maps are not needed
  const picture = pictures && !(pictures.picture instanceof Unshown) ? pictures.picture : null;
  const open = (layer: number) => {
    show({ row });
    go({ page: "sample", sample: detail.sample, label: edits.label, layer });
  };
  return (
    <div class="films">
      <Filmstrip picture={picture} edits={edits} size={FILM} layer={-1} choose={open} dark={isDark()} original />
      {edits.layers.length ? null : <p class="muted">No result: {cut(edits.reason) || "no reason was recorded"}.</p>}
    </div>
  );
}
