/** About: parameters, seeds, versions, network, findings, licences, what each metric means. */

import type { ComponentChildren } from "preact";
import { Heads } from "../components/heads";
import { JsonTree } from "../components/json_tree";
import { Licences } from "../components/licences";
import { betterWords } from "../components/metric_words";
import { MethodName } from "../components/method_name";
import { PageHead } from "../components/page_head";
import { Missing, RunStateLine } from "../components/run_state";
import { run } from "../state";
import { rangeWords } from "../view/scores";
import { seedsOf } from "../view/seeds";
import { count, cut } from "../words";

const FORMS = { single: "in one file", folder: "with files beside it", served: "served while the run goes on" };
const MOST_FINDINGS = 100;
/** Parameters that have a place of their own. */
const PLACED = new Set(["network", "provenance", "dataset", "explainers", "metrics", "controls", "activation_fn", "seed", "label_format"]);

export function About() {
  const { run: facts } = run.value;
  const { network, weights, command, explainer: _, ...versions } = facts.provenance; // `explainer` is the package's version once more
  const seeds = seedsOf(facts.parameters);
  const others = Object.fromEntries(Object.entries(facts.parameters).filter(([name]) => !PLACED.has(name)));
  return (
    <article class="about">
      <PageHead title="About this run">
        <RunStateLine />
      </PageHead>
      <div class="about-parts">
        <Part title="Run">
          <Facts
            of={{
              name: facts.name,
              started: facts.started?.replace("T", " "),
              jobs: facts.jobs,
              command: Array.isArray(command) ? command.join(" ") : command,
              "event file": facts.event_file,
              "on disk": `${bytes(run.value.bytes.events)} of events, ${bytes(run.value.bytes.pictures)} of pictures`,
              repaired: facts.repaired || undefined,
              resumed: facts.resumed.length ? facts.resumed : undefined,
            }}
          />
        </Part>
        <Part title="Network and data">
          <Facts
            of={{
              network: facts.network ?? undefined,
              class: network,
              "weights digest": weights,
              activation: facts.parameters.activation_fn,
              dataset: facts.dataset ?? undefined,
              labels: `${count(facts.labels.length)}${typeof facts.parameters.label_format === "string" ? `, given as ${facts.parameters.label_format}` : ""}`,
            }}
          />
        </Part>
        <Part title="Seeds">{Object.keys(seeds).length ? <Facts of={seeds} /> : <p class="muted">No seed was recorded.</p>}</Part>
        <Part title="Versions and machine">
          <Facts of={{ "explainer (run)": facts.package_version, "explainer (report)": run.value.version, ...versions }} />
        </Part>
        {Object.keys(others).length ? (
          <Part title="Parameters">
            <JsonTree value={others} />
          </Part>
        ) : null}
        <Part title="Methods">
          <dl class="tree">
            {run.value.methods.map(({ settings, maps, constant_maps: constant, largest_gap: gap }, method) => (
              <div key={method}>
                <dt>
                  <MethodName method={method} />
                </dt>
                <dd>
                  <span class="muted">
                    {count(maps)} maps{constant ? `, ${count(constant)} constant` : ""}
                    {gap === null ? "" : `, largest completeness gap ${gap.toPrecision(3)}`}
                  </span>
                  {Object.keys(settings).length ? <JsonTree value={settings} depth={1} /> : null}
                </dd>
              </div>
            ))}
          </dl>
        </Part>
      </div>
      <Metrics />
      <Missing most={MOST_FINDINGS} />
      <section class="part">
        <h2>This report</h2>
        <p class="muted">
          One page for the browser, {FORMS[run.value.form]}
          {run.value.detail ? "" : ", without details"}; it asks no other machine for anything.
        </p>
        <Licences />
      </section>
    </article>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="part">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** What is known of these; what is undefined is left out. */
function Facts({ of }: { of: Readonly<Record<string, unknown>> }) {
  return <JsonTree value={Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined && value !== ""))} />;
}

function bytes(value: number): string {
  return value < 1e6 ? `${(value / 1e3).toFixed(0)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** What each metric asks, and how it was set. */
function Metrics() {
  const { metrics } = run.value;
  return (
    <section class="part">
      <h2>What each metric means</h2>
      {metrics.length ? (
        <div class="scrolls">
          <table class="numbers meanings">
            <Heads of={["metric", "better", "range", "what it asks", "settings"]} />
            <tbody>
              {metrics.map((metric, index) => (
                <tr key={index}>
                  <th scope="row">
                    <bdi>{cut(metric.name, 60)}</bdi>
                  </th>
                  <td>{betterWords(metric)}</td>
                  <td>{rangeWords(metric) || "–"}</td>
                  <td>
                    {metric.question || "A metric of this run's own."} <div class="mono muted">{metric.formula}</div>
                  </td>
                  <td>
                    <Settings of={metric.settings} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="muted">
          This run has no metrics: <code>register_saliency(explainers, benchmarkers)</code> scores with them.
        </p>
      )}
      <p class="muted">An undefined score, as that of a constant map, is counted and is never 0. Intervals hold the mean by 95 %.</p>
    </section>
  );
}

function Settings({ of }: { of: Readonly<Record<string, unknown>> }) {
  const { bounds: _, higher_is_better: __, ...rest } = of;
  return <JsonTree value={rest} />;
}
