/** Samples: all methods side by side, filtered and sorted. */

import { Chips, FacetPanel } from "../components/facets";
import { Grid } from "../components/grid";
import { SamplesBar, toggleMethod } from "../components/samples_bar";
import { useLookKeys } from "../components/look_keys";
import { useShortcuts } from "../keyboard";
import { mapped, order } from "../rows";
import { columns, columnsFailed, show } from "../state";
import { NO_FILTER } from "../view/facets";

export function Samples() {
  useLookKeys();
  useShortcuts(
    () => [
      {
        keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
        shown: "1 … 9",
        words: "show or hide a method",
        run: (event) => toggleMethod(mapped.value[Number(event.key) - 1]),
      },
    ],
    [],
  );
  return (
    <div class="samples">
      <h1 class="unseen">Samples</h1>
      <FacetPanel />
      <div class="samples-main">
        <SamplesBar />
        <Rows />
      </div>
    </div>
  );
}

function Rows() {
  if (columnsFailed.value) return <p class="note alarming">The samples cannot be shown: {columnsFailed.value}.</p>;
  if (!columns.value || !order.value) return <div class="grid" aria-busy="true" />;
  if (!columns.value.rows) return <p class="note">This run has no samples yet.</p>;
  if (!order.value.length) return <NoneMatch />;
  return <Grid columns={columns.value} order={order.value} />;
}

function NoneMatch() {
  return (
    <div class="note">
      <p>No sample matches. Clear:</p>
      <p class="chips">
        <Chips />
        <button type="button" class="link" onClick={() => show(NO_FILTER)}>
          everything
        </button>
      </p>
    </div>
  );
}
