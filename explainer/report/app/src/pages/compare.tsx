/** Compare: did the other run, of another network, seed or setting, change anything? */

import { useState } from "preact/hooks";
import { Heads } from "../components/heads";
import { JsonTree } from "../components/json_tree";
import { PageHead } from "../components/page_head";
import { PairList } from "../components/pair_list";
import { Ticks } from "../components/score_dots";
import { Tabs } from "../components/tabs";
import { Whisker } from "../components/whisker";
import type { ChangedSample, Comparison, ScoreChange, Verdict } from "../data/types";
import { hashWith, run, show, view } from "../state";
import { differencesDomain, runNames, type Kind } from "../view/compared";
import { NO_FILTER } from "../view/facets";
import { count, counted, cut, decimals, interval, percent, short, signed } from "../words";

export function Compare() {
  const found = run.value.compare;
  if (!found) return <Lacking />;
  return view.value.extra.show === "maps" ? <SideBySide found={found} /> : <Compared found={found} />;
}

function Lacking() {
  return (
    <article class="compare">
      <PageHead title="Compare" />
      <section class="part">
        <p>This report shows one run alone. What is other in a second one, sample by sample, is shown by:</p>
        <pre>explainer report JOB_FOLDER --against OTHER_JOB_FOLDER</pre>
      </section>
    </article>
  );
}

const PARTS = [
  { key: "", words: "what changed" },
  { key: "maps", words: "maps side by side" },
] as const;
type Part = (typeof PARTS)[number]["key"];

function Head({ found, part }: { found: Comparison; part: Part }) {
  const { a, b } = found;
  const names = runNames(a, b);
  return (
    <PageHead title="Compare">
      <p class="muted clip">
        <b>a</b> <bdi>{cut(names[0], 80)}</bdi>, {counted(a.samples, "sample")} · <b>b</b> <bdi>{cut(names[1], 80)}</bdi>, {counted(b.samples, "sample")}
      </p>
      <StateOfB found={found} />
      <Tabs label="What is shown" value={part} tabs={PARTS} choose={(key) => show({ extra: { ...view.value.extra, show: key } })} />
    </PageHead>
  );
}

const STATES: Readonly<Record<string, string>> = {
  running: "b is still running",
  damaged: "b is damaged",
  repaired: "b was repaired",
  "not ended": "b ended before its end",
};

/** How the other run stands, where it is not simply ended; that of a is at the top of every page. */
function StateOfB({ found: { b, damaged_in_b: damaged } }: { found: Comparison }) {
  const words = [STATES[b.state] ?? "", damaged ? `${counted(damaged, "picture or map", "pictures or maps")} of b cannot be read` : ""].filter(Boolean);
  if (!words.length) return null;
  const mild = !damaged && ["running", "repaired"].includes(b.state);
  return (
    <p class={mild ? "" : "alarming"}>
      {mild ? "○" : "▲"} {words.join("; ")}
    </p>
  );
}

function SideBySide({ found }: { found: Comparison }) {
  return (
    <div class="edits pairs-page">
      <Head found={found} part="maps" />
      <PairList />
    </div>
  );
}

/** Where the samples that became this are shown side by side. */
function pairsHash(changed: Kind): string {
  return hashWith({ ...NO_FILTER, page: "compare", row: -1, extra: { show: "maps", changed } });
}

const PAIRED_BY: Readonly<Record<string, string>> = {
  source: "the names of their files",
  input_digest: "the digests of the network's input",
  picture_digest: "the digests of their pictures",
  number: "their numbers",
};

function Compared({ found }: { found: Comparison }) {
  const { paired } = found;
  const left = paired.only_in_a_in_all + paired.only_in_b_in_all;
  return (
    <article class="compare">
      <Head found={found} part="" />
      <p class="facts muted">
        {counted(paired.samples, "pair")} by {PAIRED_BY[paired.by] ?? paired.by}
        {left ? ` · only in a: ${count(paired.only_in_a_in_all)}, only in b: ${count(paired.only_in_b_in_all)}` : ""}
        {paired.other_input ? ` · ${count(paired.other_input)} pairs with another input` : ""} · this report is of a; a difference is b − a
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
        <ChangedList title="Became incorrect" kind="incorrect" mark="▲" tone="false-positive" samples={of.became_incorrect} all={of.became_incorrect_in_all} />
        <ChangedList title="Became correct" kind="correct" mark="●" tone="right" samples={of.became_correct} all={of.became_correct_in_all} />
        {of.relabelled_in_all ? <ChangedList title="Another label" kind="label" mark="○" tone="muted" samples={of.relabelled} all={of.relabelled_in_all} /> : null}
      </div>
    </section>
  );
}

interface ChangedListProps {
  title: string;
  kind: Kind;
  mark: string;
  tone: string;
  /** The first ones, and how many there are. */
  samples: readonly ChangedSample[];
  all: number;
}

const LISTED = 12;

function ChangedList({ title, kind, mark, tone, samples, all }: ChangedListProps) {
  const [open, setOpen] = useState(false);
  const shown = open ? samples : samples.slice(0, LISTED);
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
        {title}: {count(all)} {all ? <a href={pairsHash(kind)}>maps side by side</a> : null}
      </h3>
      {shown.length ? (
        <table class="numbers changed">
          <Heads of={["sample", "true", "a", "b"]} />
          <tbody>
            {shown.map((changed) => (
              <tr key={changed.sample_a}>
                <th scope="row">
                  <a href={sampleHash(changed.sample_a)}>
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
        <button type="button" class="link" onClick={() => setOpen(true)}>
          {samples.length < all ? `the first ${count(samples.length)}` : `all ${count(all)}`}
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
  return (
    <section class="part">
      <h2>
        Maps <a href={pairsHash("")}>side by side</a>
      </h2>
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
                    <a key={number} href={sampleHash(number)} title={cut(name, 80)}>
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
