import { useMemo, useState } from "preact/hooks";
import { book } from "../scores";
import { hashWith, run, showExtra, view } from "../state";
import { methodColour } from "../theme";
import { NO_FILTER } from "../view/facets";
import { count, cut, isolated, short } from "../words";
import { WithTable } from "./chart";
import { Heads } from "./heads";
import { MethodName } from "./method_name";
import { betterWords } from "./metric_words";
import { DotColumns, DotsFoot } from "./score_dots";
import { placeIn } from "./whisker";

export interface LabelScores {
  label: number;
  /** Defined and undefined scores of the method that has most of them. */
  n: number;
  undefined: number;
  /** By place in the list of methods; null: none. */
  means: readonly (number | null)[];
}

const SHOWN = 100;

/** The scores of each explained label: a dot for each method. */
export function ClassScores() {
  const metric = labelledMetric();
  const { metrics } = run.value;
  const [all, setAll] = useState(false);
  const { methods, labels } = useMemo(() => labelScores(metric), [metric, run.value]);
  if (metric < 0) return <p class="part muted">No metric of this run has scores of single labels.</p>;
  const shown = all ? labels : labels.slice(0, SHOWN);
  const domain = domainOfDots(shown);
  return (
    <>
      <div class="part">
        <LabelMetricChoice />
      </div>
      <WithTable title={metrics[metric].name} words={`means by explained label; ${betterWords(metrics[metric])}`} table={<LabelTable methods={methods} labels={shown} />}>
        <Legend methods={methods} />
        <table class="dots by-label">
          <DotColumns />
          <Heads of={["label", "means", "n"]} unseen />
          <tbody>
            {shown.map((entry) => (
              <tr key={entry.label}>
                <th scope="row" class="clip">
                  <a href={hashWith({ page: "samples", ...NO_FILTER, truth: [entry.label], row: -1, extra: {} })}>
                    <bdi>{cut(run.value.run.labels[entry.label] ?? "?", 60)}</bdi>
                  </a>
                </th>
                <td>
                  <MethodDots means={entry.means} methods={methods} domain={domain} />
                </td>
                <td class="number muted">
                  n {count(entry.n)}
                  {entry.undefined ? <span class="wide-only"> · {count(entry.undefined)} undefined</span> : null}
                </td>
              </tr>
            ))}
          </tbody>
          <DotsFoot metric={metric} domain={domain} />
        </table>
      </WithTable>
      {shown.length < labels.length ? (
        <p class="part">
          <button type="button" onClick={() => setAll(true)}>
            Show all {count(labels.length)} labels
          </button>
        </p>
      ) : null}
    </>
  );
}

/** Which metric's scores of single labels are shown. */
export function LabelMetricChoice() {
  return (
    <label class="line">
      metric
      <select value={labelledMetric()} onChange={(event) => showExtra("metric-of", event.currentTarget.value)}>
        {labelledMetrics().map((metric) => (
          <option key={metric} value={metric}>
            {cut(run.value.metrics[metric].name, 40)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The metrics with scores of single labels, and the one that is chosen; -1: there is none. */
function labelledMetrics(): readonly number[] {
  return book.value.metrics.filter((metric) => book.value.methods.some((method) => book.value.at(metric, method)?.labels.label.length));
}

export function labelledMetric(): number {
  const all = labelledMetrics();
  const chosen = Number(view.value.extra["metric-of"] ?? -1);
  return all.includes(chosen) ? chosen : (all[0] ?? -1);
}

/** The methods scored by a metric, and the means of each label that was. */
export function labelScores(metric: number): { methods: readonly number[]; labels: readonly LabelScores[] } {
  const methods = book.value.methods.filter((method) => book.value.at(metric, method)?.labels.label.length);
  const found = new Map<number, { label: number; n: number; undefined: number; means: (number | null)[] }>();
  methods.forEach((method, place) => {
    const { label, mean, n, undefined: none } = book.value.at(metric, method)!.labels;
    label.forEach((key, index) => {
      const entry = found.get(key) ?? { label: key, n: 0, undefined: 0, means: methods.map(() => null) };
      entry.n = Math.max(entry.n, n[index]);
      entry.undefined = Math.max(entry.undefined, none[index]);
      entry.means[place] = mean[index];
      found.set(key, entry);
    });
  });
  return { methods, labels: [...found.values()].sort((a, b) => a.label - b.label) };
}

export function domainOfDots(labels: readonly LabelScores[]): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const { means } of labels)
    for (const mean of means) {
      if (mean === null) continue;
      least = Math.min(least, mean);
      most = Math.max(most, mean);
    }
  return least <= most ? [least, most] : [0, 1];
}

interface MethodDotsProps {
  means: readonly (number | null)[];
  methods: readonly number[];
  domain: readonly [number, number];
}

/** The means of a label on one line. */
export function MethodDots({ means, methods, domain }: MethodDotsProps) {
  const words = methods.map((method, place) => `${isolated(cut(run.value.methods[method].name, 30))} ${short(means[place])}`).join(", ");
  return (
    <span role="img" aria-label={words} title={words}>
      <svg class="whisker" height="14">
        <line class="base" x1="0" x2="100%" y1="7" y2="7" />
        {methods.map((method, place) => {
          const mean = means[place];
          const control = book.value.isControl(method);
          const colour = methodColour(method, control);
          return mean === null ? null : <circle key={method} cx={placeIn(domain, mean)} cy="7" r="3.5" fill={control ? "var(--bg)" : colour} stroke={control ? colour : "var(--bg)"} />;
        })}
      </svg>
    </span>
  );
}

/** Which colour is whose. */
export function Legend({ methods }: { methods: readonly number[] }) {
  return (
    <p class="legend-line" aria-hidden="true">
      {methods.map((method) => {
        const control = book.value.isControl(method);
        const colour = methodColour(method, control);
        return (
          <span key={method} class={control ? "muted" : ""}>
            <svg width="10" height="10">
              <circle cx="5" cy="5" r="3.5" fill={control ? "var(--bg)" : colour} stroke={colour} />
            </svg>{" "}
            <bdi>{cut(run.value.methods[method].name, 24)}</bdi>
          </span>
        );
      })}
    </p>
  );
}

function LabelTable({ methods, labels }: { methods: readonly number[]; labels: readonly LabelScores[] }) {
  return (
    <div class="scrolls">
      <table class="numbers">
        <Heads of={["label", ...methods.map((method) => <MethodName method={method} />), "n", "undefined"]} />
        <tbody>
          {labels.map(({ label, means, n, undefined: none }) => (
            <tr key={label}>
              <th scope="row">
                <bdi>{cut(run.value.run.labels[label] ?? "?", 60)}</bdi>
              </th>
              {means.map((mean, place) => (
                <td key={methods[place]}>{short(mean)}</td>
              ))}
              <td>{count(n)}</td>
              <td>{count(none)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
