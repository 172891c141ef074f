import text from "../../../../../LICENSE-THIRD-PARTY";

/** The licences of what the viewer is made of; a report is a copy of it, so they stand in every report. */
export function Licences() {
  return (
    <details class="licences">
      <summary>Licences of the viewer’s parts</summary>
      <pre>{text}</pre>
    </details>
  );
}
