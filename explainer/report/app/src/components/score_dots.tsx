import { book, part } from "../scores";
import { run } from "../state";
import { linear } from "../view/axis";
import { rangeWords } from "../view/scores";
import { cut, decimals, interval, short } from "../words";
import { WithTable } from "./chart";
import { Heads } from "./heads";
import { MethodName } from "./method_name";
import { betterWords } from "./metric_words";
import { domainOfMetric, weakWords } from "./score_table";
import { placeIn, Whisker } from "./whisker";

/** A chart for each metric: the methods' means and intervals on one axis. */
export function ScoreDots({ metrics }: { metrics: readonly number[] }) {
  return (
    <div class="charts">
      {metrics.map((metric) => (
        <Dots key={metric} metric={metric} />
      ))}
    </div>
  );
}

function Dots({ metric }: { metric: number }) {
  const { metrics } = run.value;
  const of = part.value;
  const domain = domainOfMetric(metric, of);
  const methods = book.value.methods.filter((method) => book.value.summary(metric, method, of));
  return (
    <WithTable title={metrics[metric].name} words={[betterWords(metrics[metric]), rangeWords(metrics[metric])].filter(Boolean).join(", ")} table={<DotTable metric={metric} methods={methods} />}>
      <table class="dots">
        <DotColumns />
        <Heads of={["method", "interval", "mean"]} unseen />
        <tbody>
          {methods.map((method) => {
            const summary = book.value.summary(metric, method, of);
            const weak = weakWords(metric, method, of);
            return (
              <tr key={method} class={book.value.isControl(method) ? "control" : weak ? "muted" : ""} title={weak}>
                <th scope="row">
                  <MethodName method={method} />
                </th>
                <td>
                  <Whisker summary={summary} domain={domain} method={method} muted={Boolean(weak)} />
                  <span class="unseen">
                    {interval(summary?.low ?? null, summary?.high ?? null)} {weak}
                  </span>
                </td>
                <td class="number">{short(summary?.mean)}</td>
              </tr>
            );
          })}
        </tbody>
        <DotsFoot metric={metric} domain={domain} />
      </table>
    </WithTable>
  );
}

/** The widths of a table of name, dots and number. */
export function DotColumns() {
  return (
    <colgroup>
      <col class="names" />
      <col />
      <col class="figures" />
    </colgroup>
  );
}

/** The axis below dots, and which way is better. */
export function DotsFoot({ metric, domain }: { metric: number; domain: readonly [number, number] }) {
  return (
    <tfoot aria-hidden="true">
      <tr>
        <th class="muted">{run.value.metrics[metric].better === "higher" ? "better →" : "← better"}</th>
        <td>
          <Ticks domain={domain} />
        </td>
        <td />
      </tr>
    </tfoot>
  );
}

/** The round values of an axis. */
export function Ticks({ domain }: { domain: readonly [number, number] }) {
  const ticks = linear(domain, [0, 1]).ticks(4);
  const places = Math.max(0, Math.min(6, -Math.floor(Math.log10((ticks[1] ?? 1) - (ticks[0] ?? 0) || 1) + 1e-9)));
  return (
    <svg class="whisker ticks" height="18" aria-hidden="true">
      {ticks.map((tick) => (
        <g key={tick}>
          <line x1={placeIn(domain, tick)} x2={placeIn(domain, tick)} y1="0" y2="4" />
          <text x={placeIn(domain, tick)} y="15" text-anchor="middle">
            {decimals(tick, places)}
          </text>
        </g>
      ))}
    </svg>
  );
}

function DotTable({ metric, methods }: { metric: number; methods: readonly number[] }) {
  const heads = ["method", "mean", "95 % interval", "median", "n", "undefined", ""];
  return (
    <div class="scrolls">
      <table class="numbers">
        <Heads of={heads} />
        <tbody>
          {methods.map((method) => {
            const summary = book.value.summary(metric, method, part.value);
            return (
              <tr key={method} class={book.value.isControl(method) ? "control" : ""}>
                <th scope="row">
                  <bdi>{cut(run.value.methods[method].name, 40)}</bdi>
                </th>
                <td>{short(summary?.mean)}</td>
                <td>{interval(summary?.low ?? null, summary?.high ?? null, 3) || "–"}</td>
                <td>{short(summary?.median)}</td>
                <td>{summary?.n}</td>
                <td>{summary?.undefined}</td>
                <td class="muted">{weakWords(metric, method, part.value)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
