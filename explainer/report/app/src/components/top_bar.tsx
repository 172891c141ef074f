import { message } from "../actions";
import { heard, progress } from "../live";
import { hashWith, page, run } from "../state";
import { switchTheme, theme } from "../theme";
import { counted, cut } from "../words";
import { toggleHelp } from "./help";
import { SearchBox } from "./search_box";

/** The run, its state, and what is the same on every page. */
export function TopBar() {
  const { run: facts, counts, samples, methods } = run.value;
  const own = methods.filter((method) => method.kind === "method").length;
  return (
    <header class="top-bar">
      <a class="run-name" href={hashWith({ page: "overview", extra: {} })} dir="auto">
        {cut(facts.name || "run", 60)}
      </a>
      <span class="run-facts">
        {counted(samples, "sample")} · {counted(own, "method")}
      </span>
      <RunState />
      <span class="spring" />
      <span class="message" role="status">
        {message.value}
      </span>
      {page.value === "samples" ? null : <SearchBox opens />}
      <button type="button" class="quiet" onClick={switchTheme} aria-keyshortcuts="t">
        {theme.value === "dark" ? "Light" : "Dark"}
      </button>
      <button type="button" class="quiet" onClick={toggleHelp} aria-label="Keys and help" aria-keyshortcuts="?">
        ?
      </button>
      {counts.damaged_cells ? <span class="unseen">{counted(counts.damaged_cells, "picture")} cannot be shown</span> : null}
    </header>
  );
}

/** How the run stands, as a shape and words. */
function RunState() {
  const { run: facts, samples, counts, findings_in_all } = run.value;
  const state = heard.value?.state ?? facts.state; // what is heard of a run that goes on is newer than what is shown
  if (state === "ended") return <span class="state">● ended</span>;
  if (state === "repaired") return <span class="state">● repaired</span>;
  if (state === "running") return <span class="state">○ running{heard.value ? `: ${progress()}` : ""}</span>;
  if (state === "damaged")
    return <span class="state alarming">▲ damaged{findings_in_all ? `: ${counted(findings_in_all, "finding")}` : ""}</span>;
  return (
    <span class="state alarming">
      ▲ ended before its end: {counted(samples, "complete sample")}, {counts.unfinished} unfinished
    </span>
  );
}
