import type { Summary } from "../data/types";
import { run } from "../state";
import { methodColour, methodDash } from "../theme";

interface WhiskerProps {
  summary: Pick<Summary, "mean" | "low" | "high"> | undefined;
  domain: readonly [number, number];
  /** Whose colour it has; -1: of none. */
  method: number;
  muted?: boolean;
  /** A value at which a line stands. */
  mark?: number;
}

/** A mean as a dot and its interval as a line, as wide as there is room. */
export function Whisker({ summary, domain, method, muted = false, mark }: WhiskerProps) {
  const control = method >= 0 && run.value.methods[method].kind === "control";
  const colour = muted ? "var(--muted)" : method < 0 ? "var(--text)" : methodColour(method, control);
  const { mean = null, low = null, high = null } = summary ?? {};
  return (
    <svg class="whisker" height="14" aria-hidden="true">
      {mark === undefined ? null : <line class="mark" x1={placeIn(domain, mark)} x2={placeIn(domain, mark)} y1="0" y2="14" />}
      {low === null || high === null ? null : (
        <g stroke={colour} stroke-width="1.6">
          <line x1={placeIn(domain, low)} x2={placeIn(domain, high)} y1="7" y2="7" stroke-dasharray={control ? methodDash(method, true) : undefined} />
          <line x1={placeIn(domain, low)} x2={placeIn(domain, low)} y1="4" y2="10" />
          <line x1={placeIn(domain, high)} x2={placeIn(domain, high)} y1="4" y2="10" />
        </g>
      )}
      {mean === null ? null : (
        <circle cx={placeIn(domain, mean)} cy="7" r="3.5" fill={control ? "var(--bg)" : colour} stroke={colour} stroke-width="1.4" />
      )}
    </svg>
  );
}

/** Where a value lies in a domain, as a part of the width. */
export function placeIn([low, high]: readonly [number, number], value: number): string {
  const at = high > low ? (value - low) / (high - low) : 0.5;
  return `${Math.round(10000 * Math.max(0, Math.min(1, at))) / 100}%`;
}
