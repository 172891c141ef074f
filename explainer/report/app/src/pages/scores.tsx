/** Scores: which method is better, by how much, how sure? */

import { ClassScores } from "../components/class_scores";
import { MeanCurves } from "../components/mean_curves";
import { MetricWords } from "../components/metric_words";
import { PageHead } from "../components/page_head";
import { ParallelAxes } from "../components/parallel_axes";
import { ScoreDots } from "../components/score_dots";
import { ScoreTable } from "../components/score_table";
import { Tabs } from "../components/tabs";
import { Weighting } from "../components/weighting";
import { book, part, weights } from "../scores";
import { run, showExtra, view } from "../state";
import type { Part } from "../view/scores";
import { count, counted } from "../words";

type Form = "table" | "dots" | "axes" | "classes";

const FORMS: readonly { key: Form; words: string }[] = [
  { key: "table", words: "table" },
  { key: "dots", words: "dots" },
  { key: "axes", words: "parallel axes" },
  { key: "classes", words: "per class" },
];

export function Scores() {
  const { metrics } = book.value;
  if (!metrics.length) return <Lacking />;
  const form = FORMS.find(({ key }) => key === view.value.extra.as)?.key ?? "table";
  return (
    <article class="scores-page">
      <PageHead title="Scores">
        <p class="muted">
          Mean scores of {counted(run.value.counts.with_scores, "sample")} with 95 % intervals. Dashed: controls, which know nothing of the network{onSome()}.
        </p>
      </PageHead>
      <div class="bar">
        <Tabs label="Form" value={form} tabs={FORMS} choose={(key) => showExtra("as", key === "table" ? "" : key)} />
        {form === "classes" ? null : <PartTabs />}
        <span class="spring" />
        <WeightingSwitch />
      </div>
      <div class="score-parts">
        {form === "classes" ? null : <Weighting />}
        {form === "table" ? (
          <section class="part">
            <MetricWords />
            <ScoreTable metrics={metrics} />
          </section>
        ) : null}
        {form === "dots" ? <section class="part"><ScoreDots metrics={metrics} /></section> : null}
        {form === "axes" ? <section class="part"><ParallelAxes metrics={metrics} /></section> : null}
        {form === "classes" ? <ClassScores /> : null}
        <MeanCurves />
      </div>
    </article>
  );
}

/** ", scored on 6 of these samples" where controls are not scored on all. */
function onSome(): string {
  const drawn = run.value.control_samples;
  return drawn ? `, scored on ${count(drawn.samples)} of these samples; a method is compared with them on those` : "";
}

function PartTabs() {
  const { correct, incorrect } = run.value.counts;
  const tabs: readonly { key: Part; words: string; off?: boolean }[] = [
    { key: "all", words: "all samples" },
    { key: "correct", words: `correct ${correct}`, off: !correct },
    { key: "incorrect", words: `incorrect ${incorrect}`, off: !incorrect },
  ];
  return <Tabs label="Of which samples" value={part.value} tabs={tabs} choose={(key) => showExtra("of", key === "all" ? "" : key)} />;
}

function WeightingSwitch() {
  const on = weights.value !== null;
  const start = run.value.metrics.map(() => 1).join(",");
  return (
    <button type="button" aria-pressed={on} onClick={() => showExtra("w", on ? "" : start)}>
      Your weighting
    </button>
  );
}

function Lacking() {
  const recorded = run.value.metrics.length > 0;
  return (
    <>
      <PageHead title="Scores" />
      <p class="note">
        {recorded ? "No sample of this run has scores" : "This run has no scores"}: <code>register_saliency(explainers, benchmarkers)</code> makes them, one by each
        benchmarker for each map.
      </p>
    </>
  );
}
