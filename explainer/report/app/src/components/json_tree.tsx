import { cut, short } from "../words";

const MOST_ENTRIES = 200;
const DEEPEST = 6;
const LONGEST_LINE = 90;

/** A JSON value as it was recorded: names and values, what lies within others further in. */
export function JsonTree({ value, depth = 0 }: { value: unknown; depth?: number }) {
  const line = plainWords(value);
  if (line !== null || depth >= DEEPEST) return <bdi class="value">{cut(line ?? JSON.stringify(value))}</bdi>;
  const entries = Object.entries(value as object);
  const unnamed = Array.isArray(value);
  return (
    <dl class="tree">
      {entries.slice(0, MOST_ENTRIES).map(([name, inner]) => (
        <div key={name}>
          <dt>{unnamed ? Number(name) + 1 : <bdi>{cut(name, 60)}</bdi>}</dt>
          <dd>
            <JsonTree value={inner} depth={depth + 1} />
          </dd>
        </div>
      ))}
      {entries.length > MOST_ENTRIES ? <div class="muted">and {entries.length - MOST_ENTRIES} more</div> : null}
    </dl>
  );
}

/** A value that fits in a line; null for one that does not. */
function plainWords(value: unknown): string | null {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : numberWords(value);
  if (typeof value !== "object") return String(value);
  if (!Array.isArray(value)) return Object.keys(value).length ? null : "none";
  const parts = value.slice(0, MOST_ENTRIES).map(plainWords);
  const line = value.length ? parts.join(", ") : "none";
  return parts.includes(null) || (line.length > LONGEST_LINE && value.length > 12) ? null : line;
}

/** All digits of a short number: a setting is no measurement. */
function numberWords(value: number): string {
  const text = String(value);
  return text.length <= 10 ? text : short(value);
}
