import type { Method, Summary } from "../data/types";
import { book, part } from "../scores";
import { run, showExtra, view } from "../state";
import { domainOf, rangeWords, type Part } from "../view/scores";
import { count, counted, cut, interval, short } from "../words";
import { MethodName } from "./method_name";
import { MetricName } from "./metric_words";
import { Whisker } from "./whisker";

interface ScoreTableProps {
  metrics: readonly number[];
  /** Without counts, in the run's order. */
  brief?: boolean;
}

/** A row for each method, a column for each metric: the mean and its 95 % interval. */
export function ScoreTable({ metrics, brief = false }: ScoreTableProps) {
  const shown = book.value;
  const of = brief ? "all" : part.value;
  const by = brief ? -1 : sortedBy();
  const methods = by < 0 ? shown.methods : inOrder(by, of);
  return (
    <div class="scrolls">
      <table class={`numbers scores ${brief ? "brief" : ""}`}>
        <caption class="unseen">Mean scores with 95 % intervals</caption>
        <thead>
          <tr>
            <th scope="col">method</th>
            {metrics.map((metric) => (
              <th key={metric} scope="col" aria-sort={metric === by ? "descending" : undefined}>
                <MetricName metric={metric} pressed={brief ? undefined : metric === by} onClick={brief ? undefined : () => showExtra("by", metric === by ? "" : `${metric}`)} />
                {brief ? null : <div class="small">{rangeWords(run.value.metrics[metric]) || " "}</div>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {methods.map((method) => (
            <tr key={method} class={shown.isControl(method) ? "control" : ""}>
              <th scope="row">
                <MethodName method={method} />
              </th>
              {metrics.map((metric) => (
                <ScoreCell key={metric} metric={metric} method={method} of={of} brief={brief} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface CellProps {
  metric: number;
  method: number;
  of: Part;
  brief: boolean;
}

function ScoreCell({ metric, method, of, brief }: CellProps) {
  const summary = book.value.summary(metric, method, of);
  if (!summary) return <td class="muted">not scored</td>;
  const weak = weakWords(metric, method, of);
  const domain = domainOfMetric(metric, of);
  return (
    <td class={weak ? "muted" : ""} title={[cellTitle(summary), weak].filter(Boolean).join("; ")}>
      <span class="mean">
        {short(summary.mean)}
        <span class="unseen"> {interval(summary.low, summary.high, 3)}</span>
        <Whisker summary={summary} domain={domain} method={method} muted={Boolean(weak)} />
      </span>
      {brief ? null : <div class="small muted">{cellWords(summary, run.value.metrics[metric].per_label ? "map" : "sample")}</div>}
      {weak ? <div class={brief ? "unseen" : "small"}>{weak}</div> : null}
    </td>
  );
}

function cellTitle({ mean, low, high, n }: Summary): string {
  return `mean ${short(mean)} ${interval(low, high, 3) || "without an interval: fewer than 5 scores"}, n ${n}`;
}

/** what: a label's map, or a sample, has one score. */
function cellWords({ n, undefined: none }: Summary, what: string): string {
  return `n ${counted(n, what)}${none ? ` · ${count(none)} undefined` : ""}`;
}

/** "not better than random", "too few to tell from random"; "" for a method that is better than all controls. */
export function weakWords(metric: number, method: number, of: Part): string {
  const [unbeaten, untold] = [book.value.unbeaten(metric, method, of), book.value.untold(metric, method, of)];
  const said = (before: string, controls: readonly Method[]) => (controls.length ? `${before} ${controls.map(({ name }) => controlWords(name)).join(", ")}` : "");
  return [said("not better than", unbeaten), said("too few to tell from", untold)].filter(Boolean).join("; ");
}

/** "random" for a control that is named "RandomControl" or "control: random". */
function controlWords(name: string): string {
  return cut(name.replace(/^control\b:?|control$/i, "").trim().toLowerCase() || name, 30);
}

/** What is between the ends of the intervals of all methods. */
export function domainOfMetric(metric: number, of: Part): [number, number] {
  const { methods } = book.value;
  return domainOf(methods.map((method) => book.value.summary(metric, method, of)), run.value.metrics[metric]);
}

function sortedBy(): number {
  const metric = Number(view.value.extra.by ?? -1);
  return book.value.metrics.includes(metric) ? metric : -1;
}

/** The methods by a metric, the best first, those without a mean last. */
function inOrder(metric: number, of: Part): number[] {
  const sign = run.value.metrics[metric].better === "higher" ? -1 : 1;
  const key = (method: number) => {
    const mean = book.value.summary(metric, method, of)?.mean ?? null;
    return mean === null ? Infinity : sign * mean;
  };
  return [...book.value.methods].sort((a, b) => key(a) - key(b) || a - b);
}
