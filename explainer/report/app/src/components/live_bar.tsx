import { heard, heardLast, news, renew, renewing, silent } from "../live";
import { count } from "../words";

/** Says what is new, and what went wrong; nothing where nothing did. */
export function LiveBar() {
  const words = newsWords();
  if (!silent.value && !words) return null;
  return (
    <aside class="live-bar" aria-label="What is new">
      {silent.value ? (
        <span class="alarming" role="status">
          ▲ {silent.value}. What is shown is how it stood{heardLast.value ? ` at ${new Date(heardLast.value).toLocaleTimeString()}` : ""}.
        </span>
      ) : (
        <>
          <span>{words}</span>
          <button type="button" class="link" disabled={renewing.value} onClick={() => void renew()}>
            show
          </button>
        </>
      )}
    </aside>
  );
}

function newsWords(): string {
  const found = news();
  switch (found.kind) {
    case "samples":
      return `${count(found.count)} new${heard.value?.state === "running" ? "" : "; the run does not go on"}:`;
    case "measured":
      return "More is known of the maps:";
    case "other rows":
      return "The run has other samples than are shown:";
    default:
      return "";
  }
}
