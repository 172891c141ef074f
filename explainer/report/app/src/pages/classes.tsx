/** Classes: what is confused with what, and which classes explain badly? */

import { useMemo, useState } from "preact/hooks";
import { domainOfDots, labelledMetric, LabelMetricChoice, labelScores, Legend, MethodDots, type LabelScores } from "../components/class_scores";
import { ConfusionMatrix } from "../components/confusion_matrix";
import { PairList } from "../components/confusions";
import { PageHead } from "../components/page_head";
import { Whisker } from "../components/whisker";
import { confusion } from "../confusion";
import { columnsFailed, hashWith, run, showExtra, view } from "../state";
import { confused, present, proportionInterval, type Confusion, type OfClass } from "../view/confusion";
import { NO_FILTER } from "../view/facets";
import { MOST_NUMBERED } from "../view/matrix";
import { count, counted, cut, decimals, percent } from "../words";

const SHOWN = 100;
const PAIRS = 12;

export function Classes() {
  const found = confusion.value;
  const { labels } = run.value.run;
  if (columnsFailed.value) return <p class="note alarming">The classes cannot be shown: {columnsFailed.value}.</p>;
  if (!run.value.counts.with_truth) return <Lacking />;
  return (
    <article>
      <PageHead title="Classes">
        <p class="muted">
          {count(labels.length)} labels, {count(run.value.counts.with_truth)} samples with a true one.
        </p>
      </PageHead>
      {found ? (
        <div class="classes">
          <section>
            {present(found).length > MOST_NUMBERED ? <ManyPairs found={found} /> : null}
            <ConfusionMatrix confusion={found} />
          </section>
          <ClassTable found={found} />
        </div>
      ) : (
        <div class="note" aria-busy="true" />
      )}
    </article>
  );
}

function Lacking() {
  return (
    <>
      <PageHead title="Classes" />
      <p class="note">
        This run knows no true labels: a dataset of images <b>and labels</b>, given to the runner, has them. The scores of each explained label are on the{" "}
        <a href={hashWith({ page: "scores", extra: { as: "classes" } })}>page of scores</a>.
      </p>
    </>
  );
}

function ManyPairs({ found }: { found: Confusion }) {
  const pairs = confused(found);
  return (
    <div class="many-pairs">
      <h3>Most frequent confusions</h3>
      {pairs.length ? <PairList pairs={pairs} confusion={found} most={PAIRS} /> : <p class="muted">No sample is taken for another label.</p>}
    </div>
  );
}

type Column = "label" | "n" | "accuracy" | "confidence";

const COLUMNS: readonly { key: Column; words: string; of(entry: OfClass): number }[] = [
  { key: "label", words: "label", of: ({ label }) => label },
  { key: "n", words: "n", of: ({ n }) => -n },
  { key: "accuracy", words: "accuracy", of: ({ correct, n }) => (n ? correct / n : Infinity) },
  { key: "confidence", words: "mean confidence", of: ({ confidence }) => (Number.isNaN(confidence) ? Infinity : confidence) },
];

/** A line for each class; with the scores of its explanations, a dot for each method. */
function ClassTable({ found }: { found: Confusion }) {
  const [all, setAll] = useState(false);
  const metric = labelledMetric();
  const { methods, labels } = useMemo(() => labelScores(metric), [metric, run.value]);
  const by = COLUMNS.find(({ key }) => key === view.value.extra.by) ?? COLUMNS[0];
  const classes = useMemo(() => {
    const told = new Set([...present(found), ...labels.map(({ label }) => label)]);
    const listed = found.labels > SHOWN ? found.classes.filter(({ label }) => told.has(label)) : [...found.classes];
    return listed.sort((a, b) => by.of(a) - by.of(b) || a.label - b.label);
  }, [found, labels, by]);
  const shown = all ? classes : classes.slice(0, SHOWN);
  const scores = useMemo(() => new Map(labels.map((entry) => [entry.label, entry])), [labels]);
  const domain = useMemo(() => domainOfDots(labels), [labels]);
  return (
    <section class="class-table">
      {metric < 0 ? null : (
        <>
          <LabelMetricChoice />
          <Legend methods={methods} />
        </>
      )}
      <div class="scrolls">
        <table class="numbers">
          <thead>
            <tr>
              {COLUMNS.map(({ key, words }) => (
                <th key={key} scope="col" aria-sort={key === by.key ? "ascending" : undefined}>
                  <button type="button" class="metric-name" aria-pressed={key === by.key} onClick={() => showExtra("by", key === "label" ? "" : key)}>
                    {words}
                  </button>
                </th>
              ))}
              {metric < 0 ? null : (
                <th scope="col" class="dots-head">
                  <bdi>{cut(run.value.metrics[metric].name, 30)}</bdi> {run.value.metrics[metric].better === "higher" ? "better →" : "← better"}
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {shown.map((entry) => (
              <ClassRow key={entry.label} entry={entry} scores={scores.get(entry.label)} methods={metric < 0 ? null : methods} domain={domain} />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < classes.length ? (
        <button type="button" onClick={() => setAll(true)}>
          Show all {count(classes.length)} labels
        </button>
      ) : null}
      {classes.length < found.labels ? (
        <p class="muted">{counted(found.labels - classes.length, "label")} of no sample {found.labels - classes.length === 1 ? "is" : "are"} left out.</p>
      ) : null}
    </section>
  );
}

interface ClassRowProps {
  entry: OfClass;
  scores: LabelScores | undefined;
  methods: readonly number[] | null;
  domain: readonly [number, number];
}

function ClassRow({ entry, scores, methods, domain }: ClassRowProps) {
  const { label, n, correct, confidence } = entry;
  const ends = proportionInterval(correct, n);
  const part = n ? correct / n : null;
  return (
    <tr>
      <th scope="row" class="clip">
        <a href={hashWith({ ...NO_FILTER, page: "samples", truth: [label], row: -1, extra: {} })}>
          <bdi>{cut(run.value.run.labels[label] ?? "?", 40)}</bdi>
        </a>
      </th>
      <td>{count(n)}</td>
      <td title={ends ? `95 % interval [${decimals(ends[0])}, ${decimals(ends[1])}]` : "fewer than 5 samples: no interval"}>
        <span class="mean">
          {percent(part)}
          <Whisker summary={{ mean: part, low: ends?.[0] ?? null, high: ends?.[1] ?? null }} domain={[0, 1]} method={-1} />
        </span>
      </td>
      <td>{decimals(confidence)}</td>
      {methods ? <td class="dots-cell">{scores ? <MethodDots means={scores.means} methods={methods} domain={domain} /> : <span class="muted">not explained</span>}</td> : null}
    </tr>
  );
}
