import { copyText } from "../actions";
import { columns, link, run, show, view } from "../state";
import { facets, mapped, shownMethods, sortFailed } from "../rows";
import { LEAST, MOST } from "../view/layout";
import { scoreKey, scoreSort, sortsOf } from "../view/sorts";
import { count, cut, isolated } from "../words";
import { sheetOpen } from "./facets";
import { Choices, Slider } from "./choices";
import { LookMenu } from "./look_menu";
import { Menu } from "./menu";

/** How many samples are shown, and how. */
export function SamplesBar() {
  const found = facets.value;
  const words = view.value.rows === "sample" ? "samples" : "rows";
  return (
    <div class="bar" role="group" aria-label="How samples are shown">
      <button type="button" class="open-sheet" onClick={() => (sheetOpen.value = true)}>
        Filter
      </button>
      <span class="shown-count" role="status">
        {found ? `${count(found.shown)} of ${count(found.all)} ${words}` : "…"}
      </span>
      <SortSelect />
      <MethodsMenu />
      <LookMenu />
      <MoreMenu />
      <span class="spring" />
      <button type="button" class="copy" onClick={() => void copyText(link())} aria-keyshortcuts="y">
        Copy link
      </button>
      {sortFailed.value ? <span class="alarming">Not sorted: {sortFailed.value}</span> : null}
    </div>
  );
}

function SortSelect() {
  const { sort, descending } = view.value;
  const { methods, metrics, statistics } = run.value;
  const plain = sortsOf(run.value);
  const choose = (key: string) => {
    const byScore = scoreSort(key);
    const worstFirst = byScore ? metrics[byScore.metric]?.better === "lower" : false;
    show({ sort: key, descending: plain.find((entry) => entry.key === key)?.descending ?? worstFirst });
  };
  return (
    <span class="joined">
      <select aria-label="Sort" value={sort} onChange={(event) => choose(event.currentTarget.value)}>
        {plain.map(({ key, words }) => (
          <option key={key} value={key}>
            {words}
          </option>
        ))}
        {metrics.map(({ name, scores }, metric) =>
          scores ? (
            <optgroup key={metric} label={cut(name, 60)}>
              {statistics
                .filter((entry) => entry.metric === metric)
                .map(({ method }) => (
                  <option key={method} value={scoreKey({ metric, method })}>
                    {isolated(cut(name, 40))} of {isolated(cut(methods[method]?.name ?? "", 40))}
                  </option>
                ))}
            </optgroup>
          ) : null,
        )}
      </select>
      <button
        type="button"
        aria-label={descending ? "Sorted from high to low: turn round" : "Sorted from low to high: turn round"}
        onClick={() => show({ descending: !descending })}
      >
        {descending ? "high first ↓" : "low first ↑"}
      </button>
    </span>
  );
}

function MethodsMenu() {
  const shown = shownMethods();
  const others = mapped.value.filter((index) => !shown.includes(index));
  return (
    <Menu label="Methods" words={shown.length === mapped.value.length ? "methods" : `methods: ${shown.length} of ${mapped.value.length}`}>
      <ul class="plain-list">
        {[...shown, ...others].map((index) => (
          <MethodChoice key={index} index={index} shown={shown} />
        ))}
      </ul>
      <button type="button" onClick={() => show({ methods: null })} disabled={view.value.methods === null}>
        All, in the run's order
      </button>
    </Menu>
  );
}

function MethodChoice({ index, shown }: { index: number; shown: readonly number[] }) {
  const name = isolated(cut(run.value.methods[index].name, 60));
  const place = shown.indexOf(index);
  return (
    <li class="method-choice">
      <label class="choice">
        <input type="checkbox" checked={place >= 0} onChange={() => toggleMethod(index)} />
        <span class="clip">{name}</span>
      </label>
      <button type="button" aria-label={`${name}: further left`} disabled={place < 1} onClick={() => moveMethod(index, place - 1)}>
        ←
      </button>
      <button
        type="button"
        aria-label={`${name}: further right`}
        disabled={place < 0 || place === shown.length - 1}
        onClick={() => moveMethod(index, place + 1)}
      >
        →
      </button>
    </li>
  );
}

/** Takes a method out of the grid, or puts it back at its place in the run. */
export function toggleMethod(index: number): void {
  const shown = shownMethods();
  if (!mapped.value.includes(index)) return;
  const next = shown.includes(index) ? shown.filter((other) => other !== index) : [...shown, index];
  showMethods(next);
}

/** Puts a shown method at another place. */
export function moveMethod(index: number, place: number): void {
  const next = shownMethods().filter((other) => other !== index);
  next.splice(place, 0, index);
  showMethods(next);
}

function showMethods(next: readonly number[]): void {
  const same = next.length === mapped.value.length && next.every((index, place) => index === mapped.value[place]);
  show({ methods: same ? null : next });
}

function MoreMenu() {
  const { rows, size, metric } = view.value;
  const metrics = run.value.metrics;
  const severalLabels = columns.value ? columns.value.rows > columns.value.samples : false;
  return (
    <Menu label="Rows" words="rows">
      <Choices
        title="One row for each"
        name="rows"
        value={rows}
        choices={[
          { key: "sample", words: "sample: its first explained label" },
          { key: "label", words: severalLabels ? "explained label" : "explained label (one each here)" },
        ]}
        choose={(key) => show({ rows: key, picked: [], row: -1 })}
      />
      <Slider
        title="Picture"
        value={size || LEAST - 8}
        min={LEAST - 8}
        max={MOST}
        step={8}
        words={size ? `${size} px` : "fits"}
        change={(value) => show({ size: value < LEAST ? 0 : value })}
      />
      <label class="line">
        Score below the maps{" "}
        <select value={metric} onChange={(event) => show({ metric: Number(event.currentTarget.value) })}>
          <option value={-1}>none</option>
          {metrics.map(({ name, scores }, index) =>
            scores ? (
              <option key={index} value={index}>
                {cut(name, 60)}
              </option>
            ) : null,
          )}
        </select>
      </label>
    </Menu>
  );
}
