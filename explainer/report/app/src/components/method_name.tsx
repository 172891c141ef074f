import { run } from "../state";
import { methodColour, methodDash } from "../theme";
import { cut } from "../words";

/** A method's name beside a piece of its line. */
export function MethodName({ method }: { method: number }) {
  const { name, kind } = run.value.methods[method];
  const control = kind === "control";
  return (
    <span class="method-name">
      <svg width="20" height="10" aria-hidden="true">
        <line x1="0" x2="20" y1="5" y2="5" stroke={methodColour(method, control)} stroke-width="2" stroke-dasharray={methodDash(method, control)} />
      </svg>
      <bdi class="clip" title={cut(name)}>
        {cut(name, 60)}
      </bdi>
      {control ? <span class="unseen"> (a control)</span> : null}
    </span>
  );
}
