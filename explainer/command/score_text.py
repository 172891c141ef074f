"""The scores of a run as tables: methods by metrics, and one metric in detail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any

from explainer.analysis.limits import MOST_CONTROLS
from explainer.analysis.score_table import PARTS
from explainer.analysis.statistics import LEAST
from explainer.command.tables import Rows, Table
from explainer.report.metric_words import words_of
from explainer.summary.settings import mapping

Facts = dict[str, Any]
_Entries = dict[tuple[str, str], Facts]  # by metric and method
MOST_METHODS, MOST_METRICS = 60, 24
"""Rows and columns that are shown; --json has all."""
_MARK = re.compile(r"(?<= )[=~?][a-z]+")
_OF_A_TOTAL: Facts = {"low": None, "high": None, "rank": None, "control": False}


def scored_metrics(facts: Facts) -> list[str]:
    """The metrics that have scores, in the run's order, then those of jobs of the user's own."""
    scored = dict.fromkeys(entry["metric"] for entry in (*facts["statistics"], *facts["scores"]))
    return list(dict.fromkeys([*(name for name in facts["metrics"] if name in scored), *scored]))


def score_tables(facts: Facts, sort: str | None = None) -> list[Table]:
    """A row for each method, controls last or dimmed in their place, a column for each metric; none without scores.

    Args:
        facts: of the run.
        sort: the metric by whose rank methods are ordered, the best first.
    """
    entries, metrics = _entries(facts), scored_metrics(facts)
    if not metrics:
        return []
    letters = _letters(facts)
    methods = _ordered(_methods(entries, facts), sort, entries)
    shown, columns = methods[:MOST_METHODS], metrics[:MOST_METRICS]
    cells = [_column([entries.get((metric, name)) for name in shown], metric, facts, letters) for metric in columns]
    return [
        Table(
            heads=["Scores", *(score_head(metric, facts) for metric in columns)],
            rows=[[_named(name, letters), *row] for name, row in zip(shown, zip(*cells, strict=True), strict=True)],
            aligned="l" * (1 + len(columns)),
            dimmed=frozenset(place for place, name in enumerate(shown) if name in letters),
            notes=[
                _brackets(columns, facts, cells),
                *_legend(facts, letters, cells),
                *_left_out(entries, columns),
                *_more(methods, metrics),
            ],
        )
    ]


def tied_methods(metric: str, facts: Facts) -> list[str]:
    """The methods whose maps a metric does not tell from those of a control."""
    return [entry["explainer"] for entry in facts["statistics"] if entry["metric"] == metric and entry["tied_with"]]


def _entries(facts: Facts) -> _Entries:
    """Statistics, and the recorded totals of what has no single scores."""
    totals = {(total["metric"], total["explainer"]): total for total in facts["scores"]}
    single = {(entry["metric"], entry["explainer"]): entry for entry in facts["statistics"]}
    return {key: {**total, **_OF_A_TOTAL} for key, total in totals.items()} | single


def _methods(entries: _Entries, facts: Facts) -> list[str]:
    """Methods in the run's order, those of jobs of the user's own, controls."""
    scored = dict.fromkeys(name for _, name in entries)
    known = [name for name in facts["explainers"] if name in scored]
    own = [name for name in scored if name not in set(known)]
    controls = {entry["explainer"] for entry in facts["statistics"] if entry["control"]}
    return [*known, *sorted(own, key=lambda name: name in controls)]


def _ordered(methods: list[str], metric: str | None, entries: _Entries) -> list[str]:
    def rank(name: str) -> float:
        found = None if metric is None else entries.get((metric, name), {}).get("rank")
        return float("inf") if found is None else found

    return sorted(methods, key=rank)


def _letters(facts: Facts) -> dict[str, str]:
    """A letter for each control, "" where there are no more letters."""
    controls = dict.fromkeys(entry["explainer"] for entry in facts["statistics"] if entry["control"])
    return {name: ascii_lowercase[place : place + 1] for place, name in enumerate(controls)}


def _named(method: str, letters: Mapping[str, str]) -> str:
    return f"{letters[method]} {method}" if letters.get(method) else method


def score_head(metric: str, facts: Facts) -> str:
    """A metric with an arrow to where scores are better."""
    return f"{metric} {'↑' if _is_higher_better(metric, facts) else '↓'}"


def _is_higher_better(metric: str, facts: Facts) -> bool:
    return next((entry["higher_is_better"] for entry in facts["statistics"] if entry["metric"] == metric), True)


def _column(found: Sequence[Facts | None], metric: str, facts: Facts, letters: Mapping[str, str]) -> list[str]:
    """The texts of a metric's column: means below one another, then intervals, then marks."""
    entries = [entry or {} for entry in found]
    form = _form(entry.get("mean") for entry in entries)
    controls = _scored_controls(metric, facts)
    means = [told(entry["mean"], form) if entry else "-" for entry in entries]
    intervals = [_interval(entry, form) for entry in entries]
    marks = [_marks(entry, controls, letters) for entry in entries]
    width, reach = max(map(len, means)), max(map(len, intervals))
    columns = zip(means, intervals, marks, strict=True)
    return [f"{mean:>{width}} {interval:<{reach}} {mark}".rstrip() for mean, interval, mark in columns]


def _form(means: Iterable[float | None]) -> tuple[str, str]:
    """The formats of the means of a metric and of the ends of their intervals."""
    largest = max((abs(mean) for mean in means if mean is not None), default=0.0)
    if largest >= 1e5 or 0 < largest < 1e-3:
        return ".3g", ".2g"
    if largest >= 100:
        return ".1f", ".0f"
    return (".4f", ".3f") if 0 < largest < 0.1 else (".3f", ".2f")


def told(value: float | None, form: tuple[str, str] = (".3f", ".2f"), *, end: bool = False) -> str:
    """A mean, or the end of an interval; what is rounded to 0 has no sign."""
    if value is None:
        return "undefined"
    text = f"{value:{form[end]}}"
    return text.removeprefix("-") if float(text) == 0 else text


def _interval(entry: Facts, form: tuple[str, str]) -> str:
    if entry.get("low") is not None:
        return f"[{told(entry['low'], form, end=True)},{told(entry['high'], form, end=True)}]"
    return f"(n {entry['defined']})" if entry.get("defined") and "median" in entry else ""


def _scored_controls(metric: str, facts: Facts) -> list[str]:
    """The controls that methods are compared with by a metric."""
    found = (entry for entry in facts["statistics"] if entry["control"] and entry["metric"] == metric)
    return [entry["explainer"] for entry in found][:MOST_CONTROLS]


def _marks(entry: Facts, controls: Sequence[str], letters: Mapping[str, str]) -> str:
    """How a method stands to those controls that it is not better than: "=a ~b", "?ab"."""
    if not entry or entry["control"] or "median" not in entry:
        return ""
    kinds: dict[str, str] = {}
    for control in controls:
        mark = _mark(entry, control)
        kinds[mark] = kinds.get(mark, "") + letters[control]
    return " ".join(f"{mark}{kinds[mark]}" for mark in "=~?" if kinds.get(mark))


def _mark(entry: Facts, control: str) -> str:
    if control in entry["tied_with"]:
        return "="
    if control in entry["too_few"]:
        return "?"
    return "" if control in entry["better_than"] else "~"


# What stands below.


def _legend(facts: Facts, letters: Mapping[str, str], columns: Sequence[Sequence[str]]) -> list[str]:
    """What the marks in some columns say, and what the letters are."""
    return [*_controls(facts, letters), *_marks_told(columns)]


def _controls(facts: Facts, letters: Mapping[str, str]) -> list[str]:
    known = [letter for letter in letters.values() if letter]
    if not known:
        return []
    drawn = facts["control_samples"]
    on = "" if drawn is None else f"; scored on {drawn['samples']} of {facts['samples']} samples"
    what = "a control, which knows" if len(known) == 1 else "controls, which know"
    return [f"{', '.join(known)}: {what} nothing of the network{on}"]


def _marks_told(columns: Sequence[Sequence[str]]) -> list[str]:
    found = sorted({mark for column in columns for text in column for mark in _MARK.findall(text)})
    said = {
        "=": "nearly every sample scores as with that control, to a hundredth of the range: "
        "the metric does not tell these maps from its (docs/metrics.md)",
        "~": "not clearly better than that control",
        "?": f"fewer than {LEAST} pairs of scores with that control, too few to tell",
    }
    return [
        f"{', '.join(mark for mark in found if mark[0] == kind)}: {text}"
        for kind, text in said.items()
        if any(mark[0] == kind for mark in found)
    ]


def _brackets(metrics: Iterable[str], facts: Facts, columns: Sequence[Sequence[str]]) -> str:
    directions = {_is_higher_better(metric, facts) for metric in metrics}
    arrows = [
        text for higher, text in ((True, "↑ higher is better"), (False, "↓ lower is better")) if higher in directions
    ]
    few = any("(n " in text for column in columns for text in column)
    without = f", (n) without one, fewer than {LEAST} scores" if few else ""
    return f"mean over maps [95 % interval]{without}; {', '.join(arrows)}"


def _left_out(entries: _Entries, metrics: Sequence[str]) -> list[str]:
    """How many scores of each metric were undefined, of the method with the most of them."""
    found = []
    for metric in metrics:
        of_metric = [entry for (name, _), entry in entries.items() if name == metric]
        worst = max(of_metric, key=lambda entry: entry["undefined"])
        if worst["undefined"]:
            found.append(f"{metric} up to {worst['undefined']} of {worst['defined'] + worst['undefined']}")
    return [f"left out as undefined: {', '.join(found)}"] if found else []


def _more(methods: Sequence[str], metrics: Sequence[str]) -> list[str]:
    counts = {"methods": (len(methods), MOST_METHODS), "metrics": (len(metrics), MOST_METRICS)}
    return [
        f"the first {most} of {count} {what}; --json has them all"
        for what, (count, most) in counts.items()
        if count > most
    ]


# One metric in detail.


def metric_tables(facts: Facts, metric: str, sort: str | None = None) -> list[Rows | Table]:
    """What a metric asks, and for each method all that is known of its scores, the best first.

    Args:
        facts: of the run.
        metric: its name.
        sort: another metric by whose rank methods are ordered.
    """
    entries = _entries(facts)
    scored = [name for name in _methods(entries, facts) if (metric, name) in entries]
    methods = _ordered(scored, sort or metric, entries)[:MOST_METHODS]
    return [
        Rows([("metric", score_head(metric, facts)), *_asked(metric, facts)]),
        _in_all(metric, methods, facts),
        *_by_part(metric, methods, facts),
        *_areas(metric, methods, facts),
    ]


def _asked(metric: str, facts: Facts) -> list[tuple[str, str]]:
    settings = mapping(mapping(facts["parameters"].get("metrics")).get(metric))
    words = words_of(settings)
    others = {name: value for name, value in settings.items() if name not in ("higher_is_better", "bounds")}
    told = ", ".join(f"{name}={value}" for name, value in others.items() if value is not None)
    rows = [("asks", words.question), ("formula", words.formula), ("bounds", _bounds(settings.get("bounds")))]
    return [(name, text) for name, text in (*rows, ("settings", told)) if text]


def _bounds(declared: Any) -> str:
    if not isinstance(declared, list) or len(declared) != 2:
        return ""
    low, high = (f"{end:g}" if isinstance(end, int | float) else "none" for end in declared)
    return f"from {low} to {high}"


def _in_all(metric: str, methods: Sequence[str], facts: Facts) -> Table:
    entries, letters = _entries(facts), _letters(facts)
    found = [entries[metric, name] for name in methods]
    form = _form(entry["mean"] for entry in found)
    cells = _column(found, metric, facts, letters)
    rows = [
        [_named(name, letters), *_numbers(entry, form), _marks(entry, _scored_controls(metric, facts), letters)]
        for name, entry in zip(methods, found, strict=True)
    ]
    return Table(
        heads=["All samples", "rank", "mean", "95 % interval", "median", "sd", "n", ""],
        rows=rows,
        aligned="lrrrrrrl",
        dimmed=frozenset(place for place, name in enumerate(methods) if name in letters),
        notes=["means are over maps", *_legend(facts, letters, [cells])],
    )


def _numbers(entry: Facts, form: tuple[str, str]) -> list[str]:
    """Rank, mean, interval, median, deviation, and how many scores there are, of how many with the undefined ones."""
    mean, median, deviation = (_or_dash(entry.get(name), form) for name in ("mean", "median", "deviation"))
    low, high = (_or_dash(entry[name], form) for name in ("low", "high"))
    return [_rank(entry), mean, "-" if low == "-" else f"[{low}, {high}]", median, deviation, _count(entry)]


def _or_dash(value: float | None, form: tuple[str, str]) -> str:
    return "-" if value is None else told(value, form)


def _rank(entry: Facts) -> str:
    return "-" if entry["rank"] is None else f"{entry['rank']:g}"


def _count(entry: Facts) -> str:
    undefined = f" of {entry['defined'] + entry['undefined']}" if entry["undefined"] else ""
    return f"{entry['defined']}{undefined}"


def _by_part(metric: str, methods: Sequence[str], facts: Facts) -> list[Table]:
    """The same of the correctly and of the incorrectly predicted samples; nothing where neither has a score."""
    entries, letters = _entries(facts), _letters(facts)
    single = [name for name in methods if "median" in entries[metric, name]]
    found = {part: [entries[metric, name][part] for name in single] for part in PARTS}
    if not any(entry["defined"] for part in PARTS for entry in found[part]):
        return []
    columns: list[Sequence[str]] = [[_named(name, letters) for name in single]]
    for part in PARTS:
        columns += _in_part(found[part])
    return [
        Table(
            heads=["By prediction", *(head for part in PARTS for head in (part, "n", "rank"))],
            rows=list(zip(*columns, strict=True)),
            aligned="l" + "lrr" * len(PARTS),
            dimmed=frozenset(place for place, name in enumerate(single) if name in letters),
        )
    ]


def _in_part(entries: Sequence[Facts]) -> list[list[str]]:
    form = _form(entry["mean"] for entry in entries)
    means = [_or_dash(entry["mean"], form) for entry in entries]
    intervals = ["" if entry["low"] is None else _interval(entry, form) for entry in entries]
    width = max(map(len, means))
    told_means = [f"{mean:>{width}} {interval}".rstrip() for mean, interval in zip(means, intervals, strict=True)]
    return [told_means, [_count(entry) for entry in entries], [_rank(entry) for entry in entries]]


def _areas(metric: str, methods: Sequence[str], facts: Facts) -> list[Table]:
    """The areas under the mean curves with each fill, where there are any."""
    found = {(entry["explainer"], entry["fill"]): entry for entry in facts["curves"] if entry["metric"] == metric}
    letters, fills = _letters(facts), list(dict.fromkeys(fill for _, fill in found))[:MOST_METRICS]
    drawn = [name for name in methods if any((name, fill) in found for fill in fills)]
    if not drawn:
        return []
    return [
        Table(
            heads=["Area under the mean curve", *(f"fill {fill}" for fill in fills)],
            rows=[[_named(name, letters), *(_area(found.get((name, fill))) for fill in fills)] for name in drawn],
            aligned="l" + "r" * len(fills),
            dimmed=frozenset(place for place, name in enumerate(drawn) if name in letters),
        )
    ]


def _area(entry: Facts | None) -> str:
    return "" if entry is None else f"{told(entry['area'])} (n {entry['curves']})"
