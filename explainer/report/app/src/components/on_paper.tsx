import { printing } from "../theme";
import { count } from "../words";

/** Which rows stand on the paper, where these are not all; end: the place behind the last one. */
export function OnPaper({ first, end, all }: { first: number; end: number; all: number }) {
  if (!printing.value || end - first >= all) return null;
  return (
    <p class="muted">
      Rows {count(first + 1)} to {count(end)} of {count(all)}: those that were on the screen.
    </p>
  );
}
