/** Compare: did the other run, of another network, seed or setting, change anything? */

import { useState } from "preact/hooks";
import { Heads } from "../components/heads";
import { JsonTree } from "../components/json_tree";
import { PageHead } from "../components/page_head";
import { Ticks } from "../components/score_dots";
import { Whisker } from "../components/whisker";
import type { ChangedSample, Comparison, Interval, ScoreChange, Verdict } from "../data/types";
import { hashWith, run } from "../state";
import { differencesDomain, ownSide, runNames, type Side } from "../view/compared";
import { NO_FILTER } from "../view/facets";
import { count, counted, cut, decimals, interval, percent, short } from "../words";

export function Compare() {
  const found = run.value.compare;
  return found ? <Compared found={found} /> : <Lacking />;
}

function Lacking() {
  return (
    <article class="compare">
      <PageHead title="Compare" />
      <section class="part">
        <p>This report shows one run alone. What is other in a second one, sample by sample, is said by:</p>
        <pre>explainer compare JOB_FOLDER OTHER_JOB_FOLDER</pre>
      </section>
    </article>
  );
}

const PAIRED_BY: Readonly<Record<string, string>> = {
  source: "the names of their files",
  input_digest: "the digests of the network's input",
  picture_digest: "the digests of their pictures",
  number: "their numbers",
};

function Compared({ found }: { found: Comparison }) {
  const { paired, a, b } = found;
  const names = runNames(a.folder, b.folder);
  const left = paired.only_in_a.length + paired.only_in_b.length;
  return (
    <article class="compare">
      <PageHead title="Compare">
        <p class="muted">
          <b>a</b> <bdi>{cut(names[0], 80)}</bdi>, {counted(a.samples, "sample")} · <b>b</b> <bdi>{cut(names[1], 80)}</bdi>, {counted(b.samples, "sample")}. This report is of{" "}
          <b>{ownSide(found, run.value)}</b>; a difference is b − a.
        </p>
      </PageHead>
      <p class="facts muted">
        {counted(paired.samples, "pair")} by {PAIRED_BY[paired.by] ?? paired.by}
        {left ? ` · only in a: ${count(paired.only_in_a.length)}, only in b: ${count(paired.only_in_b.length)}` : ""}
        {paired.other_input ? ` · ${count(paired.other_input)} pairs with another input` : ""}
      </p>
      <Predictions found={found} />
      <Scores found={found} />
      <Maps found={found} />
      <Settings found={found} />
    </article>
  );
}

function Predictions({ found }: { found: Comparison }) {
  const { predictions: of } = found;
  return (
    <section class="part">
      <h2>Predictions</h2>
      <p>
        Accuracy {percent(of.a.mean, 1)} → {percent(of.b.mean, 1)}, difference <b>{signed(of.difference.mean, 3)}</b> {interval(of.difference.low, of.difference.high, 3)}, n {count(of.samples)}:{" "}
        <VerdictWords verdict={of.verdict} />.{" "}
        <span class="muted">
          Both correct {count(of.both_correct)}, both incorrect {count(of.both_incorrect)}, another top label {count(of.other_top_label)}
          {of.other_true_labels ? `, other true labels ${count(of.other_true_labels)}` : ""}.
        </span>
      </p>
      <div class="two">
        <ChangedList title="Became incorrect" mark="▲" tone="false-positive" samples={of.became_incorrect} side={ownSide(found, run.value)} />
        <ChangedList title="Became correct" mark="●" tone="right" samples={of.became_correct} side={ownSide(found, run.value)} />
      </div>
    </section>
  );
}

interface ChangedListProps {
  title: string;
  mark: string;
  tone: string;
  samples: readonly ChangedSample[];
  side: Side;
}

const LISTED = 12;

function ChangedList({ title, mark, tone, samples, side }: ChangedListProps) {
  const [all, setAll] = useState(false);
  const shown = all ? samples : samples.slice(0, LISTED);
  const predicted = ({ label, probability }: ChangedSample["a"]) => (
    <>
      <bdi>{cut(label, 30)}</bdi> <span class="muted">{decimals(probability)}</span>
    </>
  );
  return (
    <div class="scrolls">
      <h3>
        <span class={tone} aria-hidden="true">
          {mark}
        </span>{" "}
        {title}: {count(samples.length)}
      </h3>
      {shown.length ? (
        <table class="numbers">
          <Heads of={["sample", "true", "a", "b"]} />
          <tbody>
            {shown.map((changed) => (
              <tr key={changed.sample_a}>
                <th scope="row">
                  <a href={sampleHash(side === "a" ? changed.sample_a : changed.sample_b)}>
                    <bdi>{cut(changed.name, 40)}</bdi>
                  </a>
                </th>
                <td>
                  <bdi>{cut(changed.true_labels.join(", "), 40)}</bdi>
                </td>
                <td>{predicted(changed.a)}</td>
                <td>{predicted(changed.b)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p class="muted">none</p>
      )}
      {shown.length < samples.length ? (
        <button type="button" class="link" onClick={() => setAll(true)}>
          all {count(samples.length)}
        </button>
      ) : null}
    </div>
  );
}

function sampleHash(sample: number): string {
  return hashWith({ ...NO_FILTER, page: "sample", sample, label: -1, row: -1, extra: {} });
}

/** For each metric the paired differences of the methods on one axis, with 0 marked. */
function Scores({ found }: { found: Comparison }) {
  const metrics = [...new Set(found.scores.map(({ metric }) => metric))];
  return (
    <section class="part">
      <h2>Scores</h2>
      {metrics.length ? (
        metrics.map((metric) => <MetricChanges key={metric} changes={found.scores.filter((change) => change.metric === metric)} />)
      ) : (
        <p class="muted">No method was scored by one metric in both runs.</p>
      )}
      {found.scores_left_out ? <p class="muted">There are more pairs of metric and method than were worked out.</p> : null}
      <p class="muted">Each sample counts once. “Not distinguishable” does not say equal: the interval says how far apart they may be.</p>
    </section>
  );
}

function MetricChanges({ changes }: { changes: readonly ScoreChange[] }) {
  const domain = differencesDomain(changes.map(({ difference }) => difference));
  const { metric, higher_is_better: higher } = changes[0];
  return (
    <div class="scrolls">
      <table class="numbers changes">
        <Heads
          of={[
            <b>
              <bdi>{cut(metric, 40)}</bdi> {higher ? "↑" : "↓"}
            </b>,
            ...["a", "b", "difference", "95 % interval", "n", "", higher ? "b better →" : "← b better"],
          ]}
        />
        <tbody>
          {changes.map((change) => (
            <ChangeRow key={change.explainer} change={change} domain={domain} />
          ))}
        </tbody>
        <tfoot aria-hidden="true">
          <tr>
            <td colSpan={7} />
            <td>
              <Ticks domain={domain} />
            </td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function ChangeRow({ change, domain }: { change: ScoreChange; domain: readonly [number, number] }) {
  const { a, b, difference, samples, undefined_pairs: none, verdict, explainer, control } = change;
  const method = run.value.methods.findIndex(({ name }) => name === explainer);
  return (
    <tr class={control ? "control" : ""}>
      <th scope="row">
        <bdi>{cut(explainer, 40)}</bdi>
      </th>
      <td>{short(a.mean)}</td>
      <td>{short(b.mean)}</td>
      <td>
        <b>{signed(difference.mean, 3)}</b>
      </td>
      <td>{interval(difference.low, difference.high, 3) || "–"}</td>
      <td>
        {count(samples)}
        {none ? <span class="muted"> · {count(none)} undefined</span> : null}
      </td>
      <td>
        <VerdictWords verdict={verdict} />
      </td>
      <td>
        <Whisker summary={difference} domain={domain} method={method} mark={0} />
      </td>
    </tr>
  );
}

function VerdictWords({ verdict }: { verdict: Verdict }) {
  if (verdict === "better") return <span class="right">● better</span>;
  if (verdict === "worse") return <span class="false-positive">▲ worse</span>;
  return <span class="muted">{verdict ?? "too few samples"}</span>;
}

function Maps({ found }: { found: Comparison }) {
  if (!found.maps.length) return null;
  const own = ownSide(found, run.value) === "a";
  const numbers = new Map(found.paired.pairs);
  return (
    <section class="part">
      <h2>Maps</h2>
      <p class="muted">How alike they are, by the correlation of their ranks: 1 is the same order of the pixels.</p>
      <div class="scrolls">
        <table class="numbers">
          <Heads of={["method", "mean", "median", "lowest", "n", "constant", "unreadable", "changed most"]} />
          <tbody>
            {found.maps.map((change) => (
              <tr key={change.explainer}>
                <th scope="row">
                  <bdi>{cut(change.explainer, 40)}</bdi>
                </th>
                <td>{decimals(change.mean)}</td>
                <td>{decimals(change.median)}</td>
                <td>{decimals(change.lowest)}</td>
                <td>{count(change.samples)}</td>
                <td>{count(change.constant_pairs)}</td>
                <td>{count(change.unreadable_pairs)}</td>
                <td class="changed-most">
                  {change.most_changed.map(({ name, sample_a: number, correlation }) => (
                    <a key={number} href={sampleHash(own ? number : (numbers.get(number) ?? number))} title={cut(name, 80)}>
                      {decimals(correlation)}
                    </a>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Settings({ found }: { found: Comparison }) {
  const { differences, explainers, metrics } = found;
  const only = [...explainers.only_in_a, ...metrics.only_in_a];
  const other = [...explainers.only_in_b, ...metrics.only_in_b];
  return (
    <section class="part">
      <h2>What differs in the settings</h2>
      {differences.length ? (
        <div class="scrolls">
          <table class="numbers meanings">
            <Heads of={["setting", "a", "b"]} />
            <tbody>
              {differences.map(({ name, a, b }) => (
                <tr key={name}>
                  <th scope="row">
                    <bdi>{cut(name, 80)}</bdi>
                  </th>
                  <td>
                    <JsonTree value={a} />
                  </td>
                  <td>
                    <JsonTree value={b} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="muted">Nothing.</p>
      )}
      {only.length || other.length ? (
        <p class="muted">
          Methods and metrics only in a: <bdi>{cut(only.join(", ")) || "none"}</bdi>; only in b: <bdi>{cut(other.join(", ")) || "none"}</bdi>.
        </p>
      ) : null}
    </section>
  );
}

function signed(value: Interval["mean"], places: number): string {
  return `${value !== null && value > 0 ? "+" : ""}${decimals(value, places)}`;
}
