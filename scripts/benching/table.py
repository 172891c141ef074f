"""What was measured, as a table for a terminal and as the section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from benching.estimates import GOAL
from benching.measuring import Measured
from benching.results import Results
from benching.rows import BEFORE, COLUMNS, ONNX, OURS, PEER, PEERS, ROWS, Goal, Row
from benching.sides import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- written by scripts/bench: begin -->", "<!-- written by scripts/bench: end -->"
NOISE = 1.05
"""Ours against before: a row within it is no slower."""
MEMORY = 1.5
"""How many times the bare session's peak ours may take."""
HEADINGS = (
    *("ms for", "ours", "before", "MindSpore", "ONNX Runtime", "peer", "channels last", "32 at a time"),
    *("first call: ours, peer", "peak MB: ours, ONNX Runtime, peer", "goals"),
)


def printed(results: Results) -> str:
    """The rows for a terminal, and what was reached."""
    text = []
    for network, rows in _by_network(results):
        text += ["", network, *_aligned([HEADINGS, *(_cells(row, results) for row in rows)])]
    return _plain(
        "\n".join([*text, "", *_verdicts(results), *_flatness(results), *_shares(results), *_estimates(results)])
    )


def write_page(results: Results, command: str, page: Path = PAGE) -> None:
    """Puts the section of these results in the page, in place of the last."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"{page.name} must have the lines {BEGIN!r} and {END!r}; the section goes between them")
    page.write_text(f"{before}{BEGIN}\n{_section(results, command)}\n{END}{after}", encoding="utf-8")


def _section(results: Results, command: str) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    text = [f"{results.machine}; {versions}; {results.date}; `{command}`."]
    for network, rows in _by_network(results):
        text += ["", f"**{network}**", "", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
        text += [_line(_cells(row, results)) for row in rows]
    return "\n".join([*text, "", *(f"- {verdict}" for verdict in _verdicts(results))])


def _by_network(results: Results) -> Iterator[tuple[str, list[Row]]]:
    measured = (row for row in ROWS if row.key in results.rows)
    return ((network, list(rows)) for network, rows in groupby(measured, lambda row: row.network))


def _cells(row: Row, results: Results) -> list[str]:
    found = results.rows[row.key]
    busy = f" (others took {found.others:.1f} cores)" if found.busy else ""
    firsts = [f"{found.first[column]:.2f} s" if column in found.first else "" for column in (OURS, PEER)]
    peaks = [f"{found.peak[column]:.0f}" if column in found.peak else "" for column in (OURS, ONNX, PEER)]
    peer = f", {row.peer}" if row.peer else ""
    return [
        f"{row.name}{peer}{busy}",
        *(_time(found, column) for column in COLUMNS),
        _joined(firsts),
        _joined(peaks),
        "; ".join(_told(goal, row, results) for goal in row.goals if _ratio(goal, row, results) is not None),
    ]


def _time(found: Measured, column: str) -> str:
    """The median and half the spread; a star where it is the first call, which took too long to ask again."""
    median = found.median(column)
    if median is None:
        return ""
    figure = f"{1000 * median:.3g}" if median < 1 else f"{1000 * median:.0f}"
    if len(found.seconds[column]) == 1:
        return figure + ("\\*" if found.seconds[column][0] == found.first[column] else "")
    return f"{figure} ±{100 * found.spread(column) / 2:.0f} %"


def _joined(figures: Sequence[str]) -> str:
    return ", ".join(figure or "-" for figure in figures) if any(figures) else ""


def _told(goal: Goal, row: Row, results: Results) -> str:
    ratio = _ratio(goal, row, results)
    assert ratio is not None
    met = "" if ratio <= goal.times else " **not met**"
    if goal.of in PEERS or goal.times < 1:
        return f"{1 / ratio:.2f} times ahead of {goal.of} (goal {1 / goal.times:.4g}){met}"
    return f"{ratio:.2f} of {goal.of} (goal {goal.times:.4g}){met}"


def _ratio(goal: Goal, row: Row, results: Results) -> float | None:
    """Ours against a column, or against ours in another row of the network; None where one was not measured."""
    ours = results.rows[row.key].median(OURS)
    if goal.of in COLUMNS:
        other = results.rows[row.key].median(goal.of)
    else:
        measured = results.rows.get(f"{row.network}: {goal.of}")
        other = measured.median(OURS) if measured else None
    return ours / other if ours and other else None


def _verdicts(results: Results) -> Iterator[str]:
    """What holds of all rows together."""
    rows = [row for row in ROWS if row.key in results.rows]
    goals = [(row, goal, _ratio(goal, row, results)) for row in rows for goal in row.goals]
    known = [(row, goal, ratio) for row, goal, ratio in goals if ratio is not None]
    missed = [f"{row.key} ({_told(goal, row, results)})" for row, goal, ratio in known if ratio > goal.times]
    yield f"{len(known) - len(missed)} of {len(known)} goals met"
    yield _listed("not met", missed)
    against = {column: Goal(column, 1.0) for column in (BEFORE, *PEERS)}
    yield _listed("slower than before", _behind(rows, results, [against[BEFORE]], NOISE))
    yield _listed("slower than a peer in any of its columns", _behind(rows, results, [against[one] for one in PEERS]))
    yield _listed(f"peak memory above {MEMORY} of ONNX Runtime's", _larger(rows, results, ONNX, MEMORY))
    yield _listed("peak memory above the peer's", _larger(rows, results, PEER, 1.0))
    yield _listed("left out", _reasons(results))
    yield from _company(results.rows.values())
    yield _listed("disturbed by others, to be repeated", [key for key, row in results.rows.items() if row.busy])


def _company(rows: Collection[Measured]) -> Iterator[str]:
    """Who else was on the machine."""
    if rows:
        loads = [row.load for row in rows]
        most = max(row.others for row in rows)
        minutes = sum(row.took for row in rows) / 60
        yield f"load {min(loads):.1f} to {max(loads):.1f}, others took up to {most:.1f} cores; {minutes:.1f} minutes"


def _behind(rows: list[Row], results: Results, goals: list[Goal], allowed: float = 1.0) -> list[str]:
    told = []
    for row in rows:
        ratios = [ratio for ratio in (_ratio(goal, row, results) for goal in goals) if ratio is not None]
        if ratios and max(ratios) > allowed:
            told.append(f"{row.key} ({max(ratios):.2f})")
    return told


def _larger(rows: list[Row], results: Results, column: str, allowed: float) -> list[str]:
    peaks = {row.key: results.rows[row.key].peak for row in rows}
    both = {key: peak[OURS] / peak[column] for key, peak in peaks.items() if OURS in peak and peak.get(column)}
    return [f"{key} ({ratio:.2f})" for key, ratio in both.items() if ratio > allowed]


def _reasons(results: Results) -> list[str]:
    """Each reason once, with the rows that it holds for, or how many."""
    rows: dict[str, list[str]] = {}
    for key, found in results.rows.items():
        for side, reason in found.reasons.items():
            rows.setdefault(f"{side}: {reason}", []).append(key)
    return [f"{reason} ({keys[0] if len(keys) == 1 else f'{len(keys)} rows'})" for reason, keys in rows.items()]


def _listed(title: str, entries: Sequence[str]) -> str:
    return f"{title}: {'; '.join(entries) or 'none'}"


def _flatness(results: Results) -> Iterator[str]:
    for row in results.memory:
        yield f"{row.name:<58}{row.least:>7.0f} MB{row.most:>7.0f} MB"
    if results.memory:
        yield "above the loaded network's; an image and its map take 1 MB at 224 x 224, 48 MB at 1500 x 2000"


def _shares(results: Results) -> Iterator[str]:
    for row in results.shares:
        yield f"{row.name:<65}{row.inside:>7.3f} of{row.whole:>7.2f} s of CPU{row.inside / row.whole:>7.1%}"
    if results.shares:
        yield f"the goal is less than {results.shares[0].goal:.0%}"


def _estimates(results: Results) -> Iterator[str]:
    for row in results.estimates:
        missed = " **not met**" if row.counts and row.times > GOAL else ""
        yield f"{row.name:<48}{row.told:>9.3f} s told{row.taken:>9.3f} s taken{row.taken / row.told:>7.2f}{missed}"
    if results.estimates:
        met = sum(row.times <= GOAL for row in results.estimates if row.counts)
        yield f"{met} of {sum(row.counts for row in results.estimates)} within a factor of {GOAL}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    plain = [list(map(_plain, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in (0, len(row) - 1) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in plain
    ]


def _plain(text: str) -> str:
    """Without what only Markdown understands."""
    return text.replace("\\*", "*").replace("**", "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
