/** Overview: did it finish, what is it, which method can be trusted, where does the network fail? */

import { useMemo } from "preact/hooks";
import { PairList } from "../components/confusions";
import { Missing, RunStateLine } from "../components/run_state";
import { MetricWords } from "../components/metric_words";
import { PageHead } from "../components/page_head";
import { ScoreTable } from "../components/score_table";
import { Thumbs } from "../components/thumbs";
import { Whisker } from "../components/whisker";
import { confusion } from "../confusion";
import type { Columns } from "../data/columns";
import { book } from "../scores";
import { columns, columnsFailed, hashWith, run } from "../state";
import { confused, proportionInterval } from "../view/confusion";
import { NO_FILTER } from "../view/facets";
import { firstOf, sortValues } from "../view/sorts";
import { cut, counted, decimals, percent, short, timeWords } from "../words";

const METRICS = 5;
const PAIRS = 10;
const THUMBS = 8;
const INCORRECT = 2;

export function Overview() {
  const { run: facts } = run.value;
  return (
    <article class="overview">
      <PageHead title={cut(facts.name || "run", 80)}>
        <RunStateLine />
        <span class="spring" />
        <Accuracy />
      </PageHead>
      <Facts />
      <div class="cards">
        <MethodsCard />
        <FailsCard />
      </div>
      {columnsFailed.value ? <p class="part alarming">The samples cannot be shown: {columnsFailed.value}.</p> : null}
      {columns.value ? <Strips columns={columns.value} /> : null}
      <Missing />
    </article>
  );
}

function Accuracy() {
  const { correct, with_truth: n } = run.value.counts;
  if (!n) return <p class="muted">accuracy not known: no true labels</p>;
  const ends = proportionInterval(correct, n);
  return (
    <div class="accuracy">
      <b>accuracy {percent(correct / n, 1)}</b>{" "}
      <span class="muted">{ends ? `[${decimals(100 * ends[0], 1)}, ${decimals(100 * ends[1], 1)}]` : ""} of {counted(n, "sample")}</span>
      {ends ? <Whisker summary={{ mean: correct / n, low: ends[0], high: ends[1] }} domain={[0, 1]} method={-1} /> : null}
    </div>
  );
}

function Facts() {
  const { run: facts, counts, calibration } = run.value;
  const parts = [
    facts.network ? `network ${cut(facts.network, 60)}` : "",
    facts.started ? `started ${timeWords(facts.started)}` : "",
    counted(facts.labels.length, "label"),
    counted(counts.maps, "map"),
    calibration ? `calibration error ${short(calibration.of_predictions.ece)}` : "",
    run.value.uncertainty ? `mean deviation of the draws ${short(run.value.uncertainty.mean_deviation as number)}` : "",
  ].filter(Boolean);
  return (
    <p class="facts muted">
      {parts.join(" · ")} · <a href={hashWith({ page: "about", extra: {} })}>about this run</a>
    </p>
  );
}

function MethodsCard() {
  const { metrics } = book.value;
  return (
    <section class="card">
      <h2>
        Methods{" "}
        {metrics.length ? <a href={hashWith({ page: "scores", extra: {} })}>{metrics.length > METRICS ? `all ${metrics.length} metrics` : "counts, curves, classes"}</a> : null}
      </h2>
      {metrics.length ? (
        <>
          <ScoreTable metrics={metrics.slice(0, METRICS)} brief />
          <MetricWords />
        </>
      ) : (
        <p class="muted">
          No scores: <code>register_saliency(explainers, benchmarkers)</code> makes them.
        </p>
      )}
    </section>
  );
}

function FailsCard() {
  const { with_truth: known, incorrect } = run.value.counts;
  const found = confusion.value;
  const pairs = found ? confused(found) : [];
  const errors = hashWith({ ...NO_FILTER, page: "samples", correct: [INCORRECT], sort: "wrong", descending: true, rows: "sample", picked: [], row: -1, extra: {} });
  return (
    <section class="card">
      <h2>
        Where it fails {pairs.length ? <a href={hashWith({ page: "classes", extra: {} })}>all classes</a> : null}
      </h2>
      {known ? (
        found && (
          <>
            {pairs.length ? <PairList pairs={pairs} confusion={found} most={PAIRS} /> : <p class="muted">No sample is taken for another label.</p>}
            {incorrect ? (
              <p>
                <a href={errors}>
                  open {incorrect > 1 ? "all " : ""}
                  {counted(incorrect, "error")}
                </a>
                <span class="muted">, the most wrong first</span>
              </p>
            ) : null}
          </>
        )
      ) : (
        <p class="muted">The run knows no true labels: a dataset with labels has them.</p>
      )}
    </section>
  );
}

/** Three lines of samples that are worth a look. */
function Strips({ columns: all }: { columns: Columns }) {
  const { counts, methods } = run.value;
  const certainty = counts.with_uncertainty ? "total" : "confidence";
  const found = useMemo(() => {
    const first = (sort: string, descending: boolean, wanted: (row: number) => boolean) =>
      firstOf(sortValues(all, sort, null), descending, THUMBS, (row) => all.column.first[row] === 1 && wanted(row));
    return {
      wrong: first("wrong", true, (row) => all.column.correct[all.of[row]] === 2),
      unsure: first(certainty, certainty === "total", () => true),
      differing: methods.filter(({ maps }) => maps > 0).length > 1 ? first("disagreement", true, () => true) : [],
    };
  }, [all]);
  const { p_top, total, disagreement } = all.column;
  const confidence = (row: number) => `p ${decimals(p_top[all.of[row]])}`;
  const uncertainty = (row: number) => `${decimals(total[all.of[row]])} nats`;
  return (
    <div class="strips">
      {found.wrong.length ? <Thumbs title="Most wrong" rows={found.wrong} columns={all} sort="wrong" descending figure={confidence} /> : null}
      {found.unsure.length ? (
        <Thumbs title="Least certain" rows={found.unsure} columns={all} sort={certainty} descending={certainty === "total"} figure={certainty === "total" ? uncertainty : confidence} />
      ) : null}
      {found.differing.length ? (
        <Thumbs title="Methods disagree most" rows={found.differing} columns={all} sort="disagreement" descending figure={(row) => decimals(disagreement[row])} />
      ) : null}
    </div>
  );
}
