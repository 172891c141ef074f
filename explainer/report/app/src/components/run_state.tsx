import { progress } from "../live";
import { run } from "../state";
import { count, counted, cut, duration, timeWords } from "../words";

/** How the run stands, in a sentence. */
export function RunStateLine() {
  const { run: facts, samples, counts, findings_in_all: findings } = run.value;
  const done = counted(samples, "complete sample");
  const rest = counts.unfinished ? `, ${count(counts.unfinished)} unfinished` : "";
  switch (facts.state) {
    case "running":
      if (run.value.served) return <p>○ Running: {progress() || `${counted(samples, "sample")} so far`}.</p>;
      return <p>○ Running: {counted(samples, "sample")} so far. This page is how it stood when it was written.</p>;
    case "ended":
      return <Ended />;
    case "repaired":
      return (
        <p>
          ● Repaired: {done}. Left out: <bdi>{cut(facts.repaired) || "nothing"}</bdi>.
        </p>
      );
    case "damaged":
      return (
        <p class="alarming">
          ▲ Damaged: {counted(findings, "finding")}; {done}
          {rest} can be shown.
        </p>
      );
    default:
      return (
        <p class="alarming">
          ▲ Ended before its end: {done}
          {rest}. <code>run(resume=True)</code> goes on with it.
        </p>
      );
  }
}

/** How long it took is not known of a run that was interrupted: the pause is in it. */
function Ended() {
  const { run: facts, samples } = run.value;
  const took = facts.resumed.length ? "" : duration(facts.started, facts.ended);
  return (
    <p class="muted" title={took ? `${timeWords(facts.started)} – ${timeWords(facts.ended)}` : undefined}>
      ● Ended · {counted(samples, "sample")}
      {took ? ` · ${took}` : ""}
    </p>
  );
}

const LISTED = 5;

/** What is missing of the run and why; nothing where nothing is. */
export function Missing({ most = LISTED }: { most?: number }) {
  const { findings, findings_in_all: all, skipped, unfinished, counts } = run.value;
  if (!all && !counts.skipped && !counts.unfinished && !counts.damaged_cells) return null;
  return (
    <section class="part missing">
      <h2>What is missing</h2>
      {all ? (
        <>
          <h3 class="alarming">▲ {counted(all, "finding")} in the event file</h3>
          <ul>
            {findings.slice(0, most).map(({ offset, what }, index) => (
              <li key={index}>
                {offset >= 0 ? <span class="muted mono">byte {count(offset)} </span> : null}
                <bdi>{cut(what)}</bdi>
              </li>
            ))}
            <More shown={Math.min(most, findings.length)} all={all} />
          </ul>
        </>
      ) : null}
      {counts.damaged_cells ? <p class="alarming">▲ {counted(counts.damaged_cells, "picture")} cannot be read; they are hatched, with the reason.</p> : null}
      {counts.skipped ? (
        <>
          <h3>{counted(counts.skipped, "sample")} skipped</h3>
          <ul>
            {skipped.slice(0, most).map(({ sample, reason }) => (
              <li key={sample}>
                <span class="muted">{sample}</span> <bdi>{cut(reason)}</bdi>
              </li>
            ))}
            <More shown={Math.min(most, skipped.length)} all={counts.skipped} />
          </ul>
        </>
      ) : null}
      {counts.unfinished ? (
        <p>
          {counted(counts.unfinished, "sample")} unfinished: {unfinished.slice(0, 20).join(", ")}
          {counts.unfinished > 20 ? " …" : ""}
        </p>
      ) : null}
    </section>
  );
}

function More({ shown, all }: { shown: number; all: number }) {
  return all > shown ? <li class="muted">and {count(all - shown)} more</li> : null;
}
