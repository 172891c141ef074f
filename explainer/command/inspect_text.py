"""What `explainer inspect` says: a run as rows and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from explainer.analysis.facts import COMPLETE
from explainer.analysis.score_table import PARTS
from explainer.command.merge_text import merged_rows
from explainer.command.score_text import score_head, score_tables, tied_methods, told
from explainer.command.tables import Row, Rows, Table
from explainer.command.text import in_bytes, lost_rows, named, shortened
from explainer.remote import place_of
from explainer.summary.settings import mapping

Facts = dict[str, Any]
Blocks = list[Rows | Table]
_MOST = 12
_CUT = frozenset({"made with", "command", "merged", "labels", "explainer", "job", "uncertainty"})
"""Rows that have one line."""
_WHERE_WHOLE = "…: cut; --json has the whole"
_SAID_BEFORE = ("network", "network_factory", "checkpoint", "weights", "command", "configuration", "code_folder")
_OUR_JOBS = ("saliency", "benchmark", "hierarchical_occlusion", "uncertainty")

INSPECT = """\
Shows what a run in the summary folder DIR holds, the newest or the one of --run: samples, the scores of methods by
metrics beside controls, how well calibrated and how certain the network is, where the run comes from.
"""
INSPECT_END = """\
\b
Example:
  explainer inspect summary_dir/digits
  explainer inspect summary_dir/digits --metric IoSR --worst 10
  explainer inspect summary_dir/digits --json | python -m json.tool

docs/inspect.md has the marks in the tables and the keys of --json.

\b
Exit status:
  0  the summary is complete
  1  the run did not end or the file is damaged
  2  there is no summary to read, or a wrong argument
"""
SORT_OPTION = "Order methods by this metric, the best first."
METRIC_OPTION = "One metric in detail, or whose worst samples."
WORST_OPTION = "List the N samples with the worst scores of --metric; without it, the surest errors."
UNCERTAIN_OPTION = "List the N samples that the network is least certain of."


def overview(facts: Facts, sort: str | None = None) -> Blocks:
    """All of a run: its state, its samples, scores, reliability, and where it comes from."""
    rows = [*provenance_rows(facts), *_content_rows(facts)]
    return [*short_overview(facts, sort), Rows(rows, cut=_CUT, where_whole=_WHERE_WHOLE)]


def short_overview(facts: Facts, sort: str | None = None) -> Blocks:
    """The state of a run, its samples, scores and reliability."""
    tables = [_samples(facts), *score_tables(facts, sort), *reliability_tables(facts)]
    return [head(facts), *tables]


# ------------------------------------------------- state and samples


def head(facts: Facts) -> Rows:
    """Which run it is, its state, and what is wrong with it."""
    return Rows(_state_rows(facts), bold=frozenset({"damage"} if facts["state"] == "ended" else {"state", "damage"}))


def _state_rows(facts: Facts) -> list[Row]:
    return [
        ("summary", f"{facts['folder']} ({facts['event_file']})"),
        ("state", f"{_state(facts)}, started {_time(facts['started'])}{_duration(facts)}, {_size(facts)}"),
        *lost_rows(facts["repaired"], merged=_is_merged(facts)),
        *named("resumed", (f"with other {settings_alone(_folded(changed))}" for changed in facts["resumed"])),
        *named("skipped", list(facts["samples_skipped"].values())[:_MOST]),
        *named("damage", _damage(facts["damage"])),
        *named("also here", _others(facts)),
        *named("left out", (f"{name} leads out of the folder" for name in facts["led_out"])),
    ]


def _state(facts: Facts) -> str:
    has_gaps = facts["repaired"] and _is_merged(facts) and facts["state"] in COMPLETE
    return "merged with gaps" if has_gaps else str(facts["state"])


def _is_merged(facts: Facts) -> bool:
    return bool(merged_rows(facts["parameters"].get("merged")))


def _folded(changed: Mapping[str, Any]) -> Facts:
    """Settings whose command can be folded between its words."""
    command = changed.get("command")
    return {**changed, "command": _command(command)} if isinstance(command, list) else dict(changed)


def _command(words: Sequence[Any]) -> str:
    return " ".join(map(str, words))


def _time(time: str | None) -> str:
    return "at an unknown time" if time is None else time.replace("T", " ").replace("+00:00", " UTC")


def _duration(facts: Facts) -> str:
    if facts["started"] is None or facts["ended"] is None:
        return ""
    taken = (datetime.fromisoformat(facts["ended"]) - datetime.fromisoformat(facts["started"])).total_seconds()
    return f", took {_span(taken)}" if taken >= 0 else ""


def _span(seconds: float) -> str:
    """A time in a fitting unit; what is shorter than the whole seconds that are recorded is said as that.

    >>> _span(0), _span(59), _span(90), _span(7200)
    ('under 1 s', '59 s', '1.5 min', '2.0 h')
    """
    if seconds < 1:
        return "under 1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _size(facts: Facts) -> str:
    return in_bytes(facts["event_bytes"] + facts["picture_bytes"])


def _damage(found: Sequence[Facts]) -> list[str]:
    more = [f"... ({len(found)} in all; `explainer verify` names each)"] if len(found) > _MOST else []
    return [*(f"{entry['what']} (byte {entry['offset']})" for entry in found[:_MOST]), *more]


def _others(facts: Facts) -> list[str]:
    names = facts["other_runs"]
    return [f"{len(names)} {'older' if facts['newest'] else 'other'}: {shortened(names)}"] if names else []


def _samples(facts: Facts) -> Table:
    correct = f"{facts['correct']} of {facts['with_ground_truth']}" if facts["with_ground_truth"] else "unknown"
    columns = {
        "Samples": f"{facts['samples']} complete",
        "correct": correct,
        "unfinished": str(len(facts["samples_unfinished"])),
        "skipped": str(len(facts["samples_skipped"])),
        **({"with boxes": str(facts["with_boxes"])} if facts["with_boxes"] else {}),
        "maps": str(sum(facts["maps"].values())),
    }
    return Table(list(columns), [list(columns.values())], "l" + "r" * (len(columns) - 1), notes=_map_notes(facts))


def _map_notes(facts: Facts) -> list[str]:
    """What is odd about maps, and how exact they are."""
    constant = {name: f"{count} of {facts['maps'][name]}" for name, count in facts["constant_maps"].items() if count}
    gaps, errors = facts["largest_completeness_gap"], facts["largest_standard_error"]
    kinds = {
        "constant maps": constant,
        "largest completeness gap": {name: f"{gap:.3g}" for name, gap in gaps.items()},
        "largest standard error": {name: f"{error:.3g}" for name, error in errors.items()},
    }
    return [
        f"{kind}: {shortened([f'{name} {text}' for name, text in found.items()])}"
        for kind, found in kinds.items()
        if found
    ]


# ------------------------------------------------- reliability


def reliability_tables(facts: Facts) -> list[Table]:
    """How well calibrated and how certain the network is, and which regions it needs; none where nothing is known."""
    rows = [
        *_calibration(facts["calibration"]),
        *_uncertainty(facts["uncertainty"]),
        *_regions(facts["hierarchical_occlusion"]),
    ]
    return [Table(["Reliability", "", "", ""], rows, "llrl", in_parts=False)] if rows else []


def _calibration(facts: Facts | None) -> list[list[str]]:
    if facts is None:
        return []
    found, draws = facts["of_predictions"], facts["of_mean_draws"]
    pairs = "" if found["kind"] == "classes" else " pairs of sample and label"
    kinds = {"ece": "error (ECE)", "brier": "Brier score"}
    return [
        [
            "calibration" if name == "ece" else "",
            text,
            told(found[name]),
            f"n {found['compared']}{pairs}" + ("" if draws is None else f"; mean of the draws {told(draws[name])}"),
        ]
        for name, text in kinds.items()
    ]


def _uncertainty(facts: Facts | None) -> list[list[str]]:
    if facts is None:
        return []
    detects = facts["error_detection_auroc"]
    apart = f"n {facts['samples']}"
    if detects is not None:
        correct, incorrect = (told(facts[f"mean_deviation_{part}"]) for part in PARTS)
        apart = f"{correct} correct, {incorrect} incorrect (n {facts['incorrect']})"
    parts = f"aleatoric {told(facts['mean_aleatoric_entropy'])}, epistemic {told(facts['mean_epistemic_entropy'])}"
    return [
        ["uncertainty", "sd of predicted label", told(facts["mean_deviation"]), apart],
        *([["", "detects errors (AUROC)", told(detects), "0.5 by chance"]] if detects is not None else []),
        ["", "entropy in nats", told(facts["mean_total_entropy"]), parts],
    ]


def _regions(facts: Facts | None) -> list[list[str]]:
    if facts is None:
        return []
    needed = "cannot do without it" if mapping(facts["settings"]).get("by_masking") else "enough for the label"
    part, boxes = facts["median_part_of_image"], facts["median_boxes"]
    rows = [["regions", needed, str(facts["results"]), f"of {facts['labels']} predicted labels"]]
    if part is not None:
        rows.append(["", "part of the image", f"{part:.0%}", f"median; {boxes:g} boxes"])
    return [*rows, *(["", "none", str(count), reason] for reason, count in facts["without_result"].items())]


# ------------------------------------------------- where a run comes from


def provenance_rows(facts: Facts) -> list[Row]:
    """Where the run comes from: network and weights, data, versions, command; what a file lacks is left out."""
    parameters = facts["parameters"]
    found = mapping(parameters.get("provenance"))
    known = {name: found[name] for name in found if name not in _SAID_BEFORE}
    network = [str(found[name]) for name in ("network", "network_factory", "checkpoint") if found.get(name)]
    if found.get("weights"):
        network.append(f"weights {found['weights']}")
    became = mapping(mapping(parameters.get("options")).get("preprocess"))
    return [
        *named("network", [", ".join(network)] if network else []),
        *named("engine", _engine(mapping(parameters.get("engine")))),
        *named("data", [settings_alone(mapping(parameters.get("dataset")))] if parameters.get("dataset") else []),
        *named("pictures", [settings_alone(became)] if became else []),
        *named("made with", [settings_alone(known)] if known else []),
        *merged_rows(parameters.get("merged")),
        *named("command", [_command(found["command"])] if isinstance(found.get("command"), list) else []),
    ]


def _engine(recorded: Mapping[str, Any]) -> list[str]:
    """What computed the network's outputs, and what else where it differs; nothing of runs that do not tell."""
    if not recorded.get("name"):
        return []
    difference, reason = recorded.get("difference"), recorded.get("reason")
    found = f"{recorded['name']} {recorded.get('version', '')}".rstrip()
    if recorded.get("device"):
        found += f" on {recorded['device']}"
    if isinstance(difference, float):
        found += f", outputs within {difference:.1e} of MindSpore's"
    questions = {name: mapping(entry) for name, entry in mapping(recorded.get("questions")).items()}
    others = [name for name, entry in questions.items() if entry.get("name") != recorded["name"]]
    if others:
        found += f"; {questions[others[0]].get('name')} for the {', the '.join(others)}"
    return [found if reason is None else f"{found} ({reason})"]


def _content_rows(facts: Facts) -> list[Row]:
    """Labels, and explainers, jobs and draws with their settings."""
    return [
        ("labels", shortened(facts["labels"])),
        *named("explainer", _first_of([_explainer(name, facts) for name in facts["explainers"]])),
        *named("job", _first_of(_own_jobs(facts["jobs"]))),
        *named("uncertainty", _draws(facts["uncertainty"])),
    ]


def _first_of(texts: list[str]) -> list[str]:
    return [*texts[:_MOST], f"... ({len(texts)} in all)"] if len(texts) > _MOST else texts


def _explainer(name: str, facts: Facts) -> str:
    recorded = mapping(mapping(facts["parameters"].get("explainers")).get(name))
    return f"{name}: {facts['maps'][name]} maps{_settings(name, recorded)}"


def _settings(name: str, recorded: Facts) -> str:
    """Settings in brackets: what is not None, the class left out where it is the name."""
    shown = [
        f"{key}={value}" for key, value in recorded.items() if value is not None and (key, value) != ("class", name)
    ]
    return f" ({', '.join(shown)})" if shown else ""


def settings_alone(recorded: Facts) -> str:
    """Settings without brackets: "batch_size 4, columns image+label"."""
    return ", ".join(f"{key} {_value(value)}" for key, value in recorded.items() if value is not None)


def _value(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _own_jobs(jobs: Facts) -> list[str]:
    """A text for each job of the user's own, with its settings; what ours did is said elsewhere."""
    return [f"{name}{_settings(name, mapping(recorded))}" for name, recorded in jobs.items() if name not in _OUR_JOBS]


def _draws(facts: Facts | None) -> list[str]:
    if facts is None:
        return []
    settings = mapping(facts["settings"])
    by = ", ".join(f"{key} {value}" for key, value in settings.items() if key != "method")
    return [f"{settings.get('method', 'unknown method')}{f' ({by})' if by else ''}"]


# ------------------------------------------------- lists of samples


def errors_table(entries: Sequence[Facts], facts: Facts) -> Table:
    """The surest errors."""
    count = facts["with_ground_truth"] - facts["correct"]
    note = f"the surest of {count} incorrect predictions" if entries else "no sample is predicted incorrectly"
    return _list("Surest errors", entries, {}, facts, note)


def worst_table(entries: Sequence[Facts], facts: Facts, metric: str) -> Table:
    """The samples with the worst scores by a metric."""
    columns = {
        score_head(metric, facts): [told(entry["score"]) for entry in entries],
        "worst method": [f"{entry['worst_method']} {told(entry['worst_score'])}" for entry in entries],
    }
    tied = tied_methods(metric, facts)
    but = f"; without {shortened(tied)}, which it does not tell from a control" if tied else ""
    return _list("Worst scores", entries, columns, facts, f"{metric}: the mean over the methods{but}")


def uncertain_table(entries: Sequence[Facts], facts: Facts) -> Table:
    """The least certain samples."""
    columns = {
        "sd": [told(entry["deviation"]) for entry in entries],
        "entropy": [told(entry["total_entropy"]) for entry in entries],
    }
    return _list("Least certain", entries, columns, facts, "sd: of the predicted label's probability over the draws")


def _list(title: str, entries: Sequence[Facts], columns: Mapping[str, Sequence[str]], facts: Facts, note: str) -> Table:
    """A row for each sample, with its number, file, labels, and further columns.

    Where no file is known, the picture in the summary stands for it.
    """
    pictures = not any(entry["source"] for entry in entries)
    folder = _folder(entries) if pictures else ""
    known = {
        title: [str(entry["sample"]) for entry in entries],
        "picture" if pictures else "file": [
            entry["picture"].removeprefix(folder) if pictures else entry["source"] or "" for entry in entries
        ],
        "true": [_true(entry) for entry in entries],
        "predicted": [entry["predicted_label"] or "-" for entry in entries],
        "p": [told(entry["probability"]) for entry in entries],
        **columns,
    }
    where = [f"pictures: {place_of(facts['folder']) / folder}"] if pictures and entries else []
    rows = list(zip(*known.values(), strict=True))
    return Table(list(known), rows, "llll" + "r" * (len(known) - 4), notes=[note, *where], in_parts=False)


def _folder(entries: Sequence[Facts]) -> str:
    """The folder that all pictures lie in, with a slash."""
    parents = {entry["picture"].rpartition("/")[0] for entry in entries}
    return f"{parents.pop()}/" if len(parents) == 1 and parents != {""} else ""


def _true(entry: Facts) -> str:
    labels = entry["true_labels"]
    return "unknown" if labels is None else "+".join(labels) or "none"
