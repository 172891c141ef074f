import { useChunk } from "../data/chunks";
import { scoreChunks } from "../data/run";
import type { Detail, DetailScore } from "../data/types";
import { run } from "../state";
import { count, cut, decimals, short } from "../words";

const MOST_RANKED = 4_000_000; // scores that are read to rank one

/** Scores of the methods by each metric, with their rank among those of the run's samples. */
export function SampleScores({ detail, label, row }: { detail: Detail; label: number; row: number }) {
  const { methods, metrics } = run.value;
  const ours = detail.scores.filter((score) => score.label === null || score.label === label);
  const shownMetrics = metrics.map((_, metric) => metric).filter((metric) => ours.some((score) => score.metric === metric));
  const shownMethods = methods.map((_, method) => method).filter((method) => ours.some((score) => score.method === method));
  if (!ours.length) return <Lacking />;
  return (
    <section class="part">
      <h2>Scores</h2>
      <div class="scrolls">
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">method</th>
              {shownMetrics.map((metric) => (
                <th key={metric} scope="col" title={cut(metrics[metric].question)}>
                  <bdi>{cut(metrics[metric].name, 30)}</bdi> {metrics[metric].better === "higher" ? "↑" : "↓"}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shownMethods.map((method) => (
              <tr key={method} class={methods[method].kind === "control" ? "control" : ""}>
                <th scope="row">
                  <bdi>{cut(methods[method].name, 40)}</bdi>
                </th>
                {shownMetrics.map((metric) => (
                  <td key={metric}>
                    <ScoreCell score={ours.find((score) => score.metric === metric && score.method === method)} row={row} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted">Below each score: its rank among the method’s scores in this run, 1 for the best.</p>
    </section>
  );
}

function Lacking() {
  return (
    <section class="part">
      <h2>Scores</h2>
      <p class="muted">This label has no scores.</p>
    </section>
  );
}

function ScoreCell({ score, row }: { score: DetailScore | undefined; row: number }) {
  if (!score) return null;
  if (score.value === null) return <span class="muted">undefined</span>;
  return (
    <>
      {score.value && Math.abs(score.value) < 0.001 ? short(score.value) : decimals(score.value, Math.abs(score.value) >= 100 ? 0 : 3)}
      <Rank score={score} row={row} />
    </>
  );
}

function Rank({ score, row }: { score: DetailScore; row: number }) {
  const { rows, methods, metrics } = run.value;
  const metric = metrics[score.metric];
  const few = rows * methods.length <= MOST_RANKED;
  const chunk = useChunk(scoreChunks, few && metric.scores ? `score-${score.metric}` : "");
  if (chunk.state !== "ready" || row < 0) return null;
  const { rank, of } = rankOf(chunk.value.values, chunk.value.methods, score.method, row, metric.better === "higher");
  return rank ? (
    <div class="muted rank">
      {count(rank)} of {count(of)}
    </div>
  ) : null;
}

/** The rank of a row's score among all of the method, 1 for the best; 0 where it has none. Ties have the same rank. */
export function rankOf(values: Float32Array, methods: number, method: number, row: number, higher: boolean): { rank: number; of: number } {
  const own = values[row * methods + method];
  if (Number.isNaN(own)) return { rank: 0, of: 0 };
  let [better, of] = [0, 0];
  for (let at = method; at < values.length; at += methods) {
    const value = values[at];
    if (Number.isNaN(value)) continue;
    of++;
    if (higher ? value > own : value < own) better++;
  }
  return { rank: better + 1, of };
}
