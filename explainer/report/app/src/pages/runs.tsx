/** Runs: those that are served beside this one, the newest first. */

import { useEffect, useState } from "preact/hooks";
import { Heads } from "../components/heads";
import { PageHead } from "../components/page_head";
import { Polled, reasonOf } from "../data/server";
import { count, counted, cut } from "../words";

const EVERY = 2000; // ms

interface RunLine {
  key: string;
  name: string;
  started: string | null;
  /** null: not read yet. */
  state: string | null;
  samples: number | null;
  methods: string[];
  why?: string;
}

interface Listed {
  runs: RunLine[];
  in_all: number;
}

const SHAPES: Readonly<Record<string, string>> = { running: "○", ended: "●", repaired: "●" };

export function Runs() {
  const [listed, failed] = useListed();
  return (
    <article class="about">
      <PageHead title="Runs">
        {listed && listed.in_all > listed.runs.length ? <p class="muted">The newest of {counted(listed.in_all, "run")}.</p> : null}
        {failed ? <p class="alarming">▲ {failed}.</p> : null}
      </PageHead>
      {listed ? (
        <div class="part scrolls">
          <table class="numbers meanings">
            <Heads of={["name", "started", "state", "samples", "methods"]} />
            <tbody>
              {listed.runs.map((line) => (
                <Line key={line.key} line={line} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </article>
  );
}

function Line({ line }: { line: RunLine }) {
  const here = location.pathname.endsWith(`/${line.key}/`);
  const alarming = line.state !== null && !(line.state in SHAPES);
  return (
    <tr>
      <th scope="row">
        <a href={`/runs/${line.key}/`} aria-current={here ? "page" : undefined}>
          <bdi>{cut(line.name, 80)}</bdi>
        </a>
      </th>
      <td>{line.started ? line.started.slice(0, 19).replace("T", " ") : "–"}</td>
      <td class={alarming ? "alarming" : undefined} title={line.why}>
        {line.state === null ? "…" : `${SHAPES[line.state] ?? "▲"} ${line.state}`}
      </td>
      <td>{line.samples === null ? "…" : count(line.samples)}</td>
      <td>
        <bdi>{cut(line.methods.join(", "))}</bdi>
      </td>
    </tr>
  );
}

/** The list, asked for again while the page is there; and why it cannot be had. */
function useListed(): readonly [Listed | null, string] {
  const [listed, setListed] = useState<Listed | null>(null);
  const [failed, setFailed] = useState("");
  useEffect(() => {
    const polled = new Polled<Listed>("/runs.json");
    let waiting = 0;
    let left = false;
    const ask = async () => {
      try {
        const next = document.hidden ? null : await polled.next();
        if (left) return;
        if (next) setListed(next);
        setFailed("");
      } catch (error) {
        setFailed(reasonOf(error));
      }
      if (!left) waiting = window.setTimeout(() => void ask(), EVERY);
    };
    void ask();
    return () => {
      left = true;
      window.clearTimeout(waiting);
    };
  }, []);
  return [listed, failed];
}
