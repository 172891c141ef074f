"""What `explainer` says: rows, a name and a text each, and notes. What inspect says is in inspect_text.py."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from explainer.analysis.score_table import PARTS
from explainer.remote import is_url

Facts = dict[str, Any]
Row = tuple[str, str]
_MOST_NAMES = 12


def interrupted(error: BaseException | None) -> str:
    """What is said when a signal has ended the command."""
    return (
        f"explainer: {error}" if error is not None and str(error) else "explainer: interrupted; what was finished stays"
    )


EXPLAINER = "Explains image classifiers, for whole datasets."
EXPLAINER_END = """\
\b
Example:
  explainer inspect summary_dir/digits
  explainer report summary_dir/digits
  explainer run --help
"""

RUN_OPTION = "The run with this number or event file; by default the newest."
MAX_PIXELS_OPTION = "Of a picture, which is not decoded if it has more; by default 64 megapixels."

VERIFY = """\
Says whether a run in the summary folder DIR is complete, the newest or the one of --run, and what is wrong where:
damage in its event file, unfinished samples, pictures that are missing, cannot be decoded or are not those that were
recorded, and files that belong to no sample.
"""
VERIFY_END = """\
\b
Example:
  explainer verify summary_dir/digits

\b
Exit status:
  0  the summary is complete
  1  the run did not end, or something is damaged or missing
  2  there is no summary to read
"""

REPAIR = """\
Copies a run of the summary folder DIR, the newest or the one of --run, into a new folder: every complete sample whose
pictures are those that were recorded, the totals, and the mark of its end where they are there. DIR is not changed, and
the copy passes `explainer verify`.
"""
REPAIR_END = """\
\b
Example:
  explainer repair summary_dir/digits --to summary_dir/repaired

\b
Exit status:
  0  the copy is complete; it says what it had to leave out
  1  it could not be written
  2  there is no summary to read, or NEW is not an empty folder
"""

REPORT = """\
Writes a page that shows a run of the summary folder DIR, the newest or the one of --run: every sample with its maps
side by side, scores with their intervals, curves, edits and uncertainty. A browser opens it from the disk; nothing is
loaded from elsewhere, and DIR is not needed any more. What is damaged is shown as damaged.
"""
REPORT_END = """\
\b
Example:
  explainer report summary_dir/digits
  explainer report summary_dir/digits --to digits.html --detail none
  explainer report summary_dir/before --against summary_dir/after

Up to 25 MB the report is one file, report.html in DIR, else a folder, DIR/report, whose page is index.html; the name of
--to, or --single or --folder, tells otherwise. An older report in its place is replaced, nothing else is.

\b
Exit status:
  0  the report is written, and the run is complete
  1  it is written, but a run did not end or something is damaged or missing
  2  there is no summary to read, the report could not be written, or the two runs cannot be compared
"""
AGAINST_OPTION = "Another run, the newest in that folder: says what is other in it, and shows the maps of both."
REPORT_TO_OPTION = "Where the report goes: a file if it ends in .html, else a folder."

SERVE = """\
Serves the page of `explainer report` from this machine, live while a run goes on: new samples are announced, and shown
when you say so. DIR is the summary folder of a run, or a folder of such folders, whose runs are then listed.
"""
SERVE_END = """\
\b
Example:
  explainer serve summary_dir/digits --open
  explainer serve summary_dir --port 8000

Nothing is written. Only this machine can reach it, where --host does not say otherwise; whoever can reach it sees the
pictures. Ctrl-C ends it. It needs pip install 'mindspore-explainer[serve]'.

\b
Exit status:
  0  it was ended
  2  it could not begin: no run is there, the address is taken, or the extra is not installed
"""
HOST_OPTION = "The address to listen at; one that others can reach is never taken unasked."

RUN = "Explains the images of a folder with a network of yours and writes a summary."
RUN_END = """\
\b
Example:
  explainer run --network mypackage.nets:resnet20 \\
      --checkpoint resnet20.ckpt --images photos/ --labels labels.txt \\
      --size 32 32 --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 \\
      --explainers Gradient,GradCAM:layer=layer3 \\
      --metrics Faithfulness:metric=DeletionAUC --uncertainty shift \\
      --summary-dir out/resnet20

--network mindcv:resnet18 takes the network from the model zoo MindCV (pip install mindcv), --network net.mindir from a
MindIR file. `explainer layers` lists a network's layers, `explainer methods` and `explainer metrics` what there is to
choose from.

In --images, pictures lie in one folder per label (photos/cat/1.png), or directly in the folder, then without a true
label; or a file tells labels and boxes. labels.txt names one class per line, in the order of the network's outputs.
docs/pictures.md has more.

PNG, JPEG, BMP, WebP, GIF (the first frame), TIFF and AVIF are read, turned upright, transparency over white.

\b
Exit status:
  0    done
  1    the run failed, what was finished stays
  2    a wrong argument
  129, 130, 143  ended by a signal, what was finished stays

The same command with --resume goes on with a run that did not end.
"""


def verification_rows(facts: Facts) -> list[Row]:
    """What a verification found, human-readable."""
    state = "complete" if facts["complete"] else f"not complete: {len(facts['problems'])} problems"
    skipped = f", {facts['samples_skipped']} skipped" if facts["samples_skipped"] else ""
    return [
        ("summary", f"{facts['folder']} ({facts['event_file']})"),
        ("state", state),
        *lost_rows(facts["repaired"], merged=facts["merged"]),
        ("samples", f"{facts['samples']} complete{skipped}"),
        ("pictures", f"{facts['pictures']} can be decoded"),
        *named("raw maps", [f"{facts['raw_maps']} can be read"] if facts["raw_maps"] else []),
        *named("problem", (f"{problem['where']}: {problem['what']}" for problem in facts["problems"])),
    ]


def lost_rows(note: str, *, merged: bool) -> list[Row]:
    """What a run was left without by a repair or, of shards, by a merge; none where that is nothing."""
    return [("left out" if merged else "repaired", note)] if note else []


def repair_rows(folder: object, event_file: str, counts: tuple[int, int, int], note: str) -> list[Row]:
    """What was copied: where to, how many samples, pictures and raw maps, and what the copy is left without."""
    return [
        ("summary", f"{folder} ({event_file})"),
        ("samples", f"{counts[0]} copied"),
        ("pictures", f"{counts[1]} copied"),
        *named("raw maps", [f"{counts[2]} copied"] if counts[2] else []),
        ("left out", note or "nothing: it was complete"),
    ]


def left_out_rows(left_out: Mapping[int, str]) -> list[Row]:
    """The samples that a copy does not hold, and why."""
    return named("left out", (f"sample {number}: {why}" for number, why in left_out.items()))


def report_rows(facts: Facts) -> list[Row]:
    """Where a report is, how large, and how it is opened."""
    unreadable = facts["unreadable"]
    return [
        ("report", facts["page"]),
        ("bytes", f"{in_bytes(facts['bytes'])} in {_files(facts['files'])}"),
        ("samples", f"{facts['samples']} shown"),
        *named("state", [f"the run is {facts['state']}"] if facts["state"] != "ended" else []),
        *named("damage", [_unreadable(unreadable)] if unreadable else []),
        *named("against", _of_the_other_run(facts["against"], facts["against_unreadable"])),
        ("open", f"{facts['address']} in a browser"),
    ]


def _of_the_other_run(state: str, unreadable: int) -> list[str]:
    return [
        *([f"the other run is {state}"] if state not in ("", "ended") else []),
        *([f"of the other run {_unreadable(unreadable)}"] if unreadable else []),
    ]


def _unreadable(count: int) -> str:
    return "1 picture or map cannot be read" if count == 1 else f"{count} pictures or maps cannot be read"


def weights_of_the_factory(network: str) -> str:
    """The note on a network that no checkpoint was given for."""
    return f"no --checkpoint: {network} is explained with the weights that its factory gives it"


def not_explained(others: Counter[str], of_runs: int) -> list[str]:
    """The notes on what lies beside pictures in a folder: files by their endings, and how many files of runs."""
    notes = []
    if others:
        kinds = [f"{count} {ending or 'without ending'}" for ending, count in _by_count(others)]
        notes.append(f"{_files(others.total())} left out, no pictures by their endings: {shortened(kinds)}")
    if of_runs:
        notes.append(f"{_files(of_runs)} of earlier runs left out, so that no heat map is explained")
    return notes


def resumed(before: int, samples: int) -> str:
    """What was not computed again."""
    return f"resumed: {before} of {samples} samples were complete before"


def serve_lacks(package: str | None) -> str:
    """What is said where the server is not installed."""
    return (
        f"serve needs {package}: pip install 'mindspore-explainer[serve]', or pip install '.[serve]' in a checkout; "
        "explainer report writes the same page to the disk without it"
    )


def serve_rows(folder: object, url: str) -> list[Row]:
    """Where the page is."""
    return [("serving", str(folder)), ("open", f"{url} (Ctrl-C ends it)")]


def public_address(host: str) -> str:
    """The warning where others than this machine may look."""
    return (
        f"warning: whoever can reach {host} sees the pictures, names and scores of these runs, without a password and "
        "unencrypted; 127.0.0.1 and an ssh tunnel (ssh -L) show them to you alone"
    )


def look_again(summary_dir: object) -> str:
    """The hints at the end of a run; the last line is what to type next."""
    folder = shlex.quote(str(summary_dir))
    to = " --to report.html" if is_url(str(summary_dir)) else ""
    return f"these facts again: explainer inspect {folder}\nlook at it: explainer report {folder}{to}"


def named(name: str, texts: Iterable[str]) -> list[Row]:
    """A row of one name for each text."""
    return [(name, text) for text in texts]


def _by_count(others: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent first; ties by name."""
    return sorted(others.items(), key=lambda entry: (-entry[1], entry[0]))


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


def shortened(names: Sequence[str]) -> str:
    """The first dozen names, and how many there are if there are more."""
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def in_bytes(count: float) -> str:
    """A number of bytes in a fitting unit."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


# What `explainer export` says.

EXPORT = """\
Writes a run of the summary folder DIR, the newest or the one of --run, in the format of other tools: a table with a row
for each sample, label and method (csv, json), maps as arrays (npz), overlays and scores for TensorBoard (tensorboard),
or pictures with a line about each for tools that load image datasets (metadata). DIR is not changed.
"""
EXPORT_END = """\
\b
Example:
  explainer export summary_dir/digits --format csv --to digits.csv
  explainer export summary_dir/digits --format tensorboard --to logs/digits

docs/export.md has every column and array. PATH may be an earlier export of the same format, which is replaced.

\b
Exit status:
  0  the summary is complete, and all of it was written
  1  the run did not end, something is damaged or missing, or the disk refused
  2  there is no summary to read, or something else lies at PATH
"""
FORMAT_OPTION = "What is written."


def export_rows(
    place: object, chosen_format: str, counts: Mapping[str, int], left_out: tuple[int, Sequence[str]]
) -> list[Row]:
    """What was written where, and what was left out: how much, and why, of the first ones."""
    count, reasons = left_out
    more = [f"... ({count} in all)"] if count > len(reasons) else []
    return [
        ("export", f"{place} ({chosen_format})"),
        ("written", ", ".join(f"{number} {what if number != 1 else what[:-1]}" for what, number in counts.items())),
        *named("left out", [*reasons, *more]),
    ]


def export_notes(damage: Sequence[str], hints: Sequence[str]) -> list[Row]:
    """What of the run is damaged, and how to look at what was written."""
    more = [f"... ({len(damage)} in all; `explainer verify` names each)"] if len(damage) > _MOST_NAMES else []
    return [*named("damage", [*damage[:_MOST_NAMES], *more]), *named("hint", hints)]


# ------------------------------------------------- compare

COMPARE = """\
Says what is other in the run of the summary folder B, beside that of A: settings, predictions, scores and maps of the
samples that both have. They are paired by the names of their files, else by the digests of their images, else by their
numbers.
"""
COMPARE_END = """\
A score is better or worse where the 95 % interval of its mean difference, b - a over the paired samples, does not
hold 0; unclear where it does; same where scores differ by no more than rounding. Of 20 intervals one misses the true
difference by chance.

\b
Example:
  explainer compare summary_dir/before summary_dir/after
  explainer compare summary_dir/digits summary_dir/digits --run-a 1700000000

\b
Exit status:
  0  the runs were compared
  2  they cannot be compared, or not be read
"""

_NAME_WIDTH = 18  # of a method, so that numbers stand below one another
_WIDTH = 68  # of a text beside its name, so that a row fits 80 columns
_PAIRED_BY = {
    "source": "the names of their files",
    "input_digest": "the digests of their images",
    "picture_digest": "the digests of their pictures",
    "number": "their numbers, as no names and no digests are recorded",
}
_VERDICTS = {
    "better": "better",
    "worse": "worse",
    "same": "same",
    "not distinguishable": "unclear",
    None: "too few",
}


def comparison_rows(facts: Facts) -> list[Row]:
    """The facts of a comparison, human-readable; rows fit 80 columns unless a single name does not."""
    return [
        *(row for name in ("a", "b") for row in _wrapped(name, _compared(facts[name]))),
        *_wrapped("paired", _paired(facts["paired"])),
        *_wrapped("images", _other_images(facts["paired"])),
        *(row for text in map(_other_setting, facts["differences"]) for row in _wrapped("differs", text)),
        *(row for kind in ("explainers", "metrics") for row in _wrapped(kind, _in_one(facts[kind]))),
        *_prediction_rows(facts["predictions"], facts["paired"]["samples"]),
        *_score_rows(facts["scores"]),
        *_map_rows(facts["maps"]),
    ]


def _wrapped(name: str, text: str) -> list[Row]:
    """A row for each line of the text; none where there is none."""
    lines = textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [(name if number == 0 else "", line) for number, line in enumerate(lines)]


def _compared(run: Facts) -> str:
    return f"{run['folder']} ({run['event_file']}), {run['state']}, {run['samples']} samples"


def _paired(facts: Facts) -> str:
    left = [f"{len(facts[f'only_in_{run}'])} only in {run}" for run in "ab" if facts[f"only_in_{run}"]]
    return "; ".join([f"{facts['samples']} samples by {_PAIRED_BY[facts['by']]}", ", ".join(left)]).removesuffix("; ")


def _other_images(facts: Facts) -> str:
    other = facts["other_input"]
    return f"{other} of {facts['samples']} pairs gave the network another image" if other else ""


def _other_setting(difference: Facts) -> str:
    a, b = (_setting_value(difference[run]) for run in "ab")
    return f"{difference['name']}: {a} -> {b}"


def _setting_value(value: Any) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _in_one(facts: Facts) -> str:
    found = [f"only in {run}: {shortened(facts[f'only_in_{run}'])}" for run in "ab" if facts[f"only_in_{run}"]]
    return "; ".join(found)


def _prediction_rows(facts: Facts, samples: int) -> list[Row]:
    rows = _wrapped("top label", f"another one for {facts['other_top_label']} of {samples} samples")
    if facts["other_true_labels"]:
        rows += _wrapped("true labels", f"others for {facts['other_true_labels']} samples, which are left out below")
    if not facts["samples"]:
        return rows
    became = {name: facts[f"became_{name}"] for name in PARTS}
    counts = ", ".join(f"{len(samples)} became {name}" for name, samples in became.items())
    return [
        *rows,
        *_wrapped("accuracy", f"a {_mean_of(facts['a'])}, b {_mean_of(facts['b'])}, n {facts['samples']}"),
        *_wrapped(_VERDICTS[facts["verdict"]], f"difference {_mean_of(facts['difference'], '+')}; {counts}"),
        *(row for name, samples in became.items() for row in _became_rows(name, samples)),
    ]


def _became_rows(name: str, samples: list[Facts]) -> list[Row]:
    shown = [row for sample in samples[:_MOST_NAMES] for row in _wrapped(name, _became(sample))]
    more = len(samples) - _MOST_NAMES
    return [*shown, *(_wrapped(name, f"and {more} more, see --json") if more > 0 else [])]


def _became(sample: Facts) -> str:
    a, b = (f"{sample[run]['label']} {sample[run]['probability']:.2f}" for run in "ab")
    return f"{sample['name']}: {a} -> {b}"


def _mean_of(facts: Facts, sign: str = "") -> str:
    mean, low, high = (facts[name] for name in ("mean", "low", "high"))
    if mean is None:
        return "undefined"
    return f"{mean:{sign}.3f}" if low is None else f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _score_rows(scores: list[Facts]) -> list[Row]:
    """For each metric a row with its direction, and one for each method, which begins with the verdict."""
    rows = _wrapped("means", "over samples; those of `explainer inspect` are over maps") if scores else []
    width = min(max((len(score["explainer"]) for score in scores), default=0), _NAME_WIDTH)
    for metric, of_metric in groupby(scores, lambda score: score["metric"]):
        methods = list(of_metric)
        direction = "higher" if methods[0]["higher_is_better"] else "lower"
        rows += _wrapped("score", f"{metric} ({direction} is better): a -> b, difference, n")
        for score in methods:
            rows += _wrapped(_VERDICTS[score["verdict"]], f"{score['explainer']:<{width}} {_score_change(score)}")
    return rows


def _score_change(score: Facts) -> str:
    undefined = f", {score['undefined_pairs']} undefined" if score["undefined_pairs"] else ""
    if score["difference"]["mean"] is None:
        return f"undefined{undefined}"
    a, b = (f"{score[run]['mean']:.3f}" for run in "ab")
    return f"{a} -> {b} {_mean_of(score['difference'], '+')} n {score['samples']}{undefined}"


def _map_rows(maps: list[Facts]) -> list[Row]:
    if not maps:
        return []
    head = "how alike, by the correlation of their ranks: 1 is the same order"
    return [*_wrapped("maps", head), *(row for method in maps for row in _wrapped("", _map_change(method)))]


def _map_change(method: Facts) -> str:
    kinds = {"constant_pairs": "constant", "unreadable_pairs": "unreadable", "resized_pairs": "of two sizes"}
    left = "".join(f", {method[key]} {name}" for key, name in kinds.items() if method[key])
    if method["mean"] is None:
        return f"{method['explainer']}: undefined{left}"
    numbers = f"mean {method['mean']:.3f}, median {method['median']:.3f}, n {method['samples']}{left}"
    return f"{method['explainer']}: {numbers}; lowest {method['lowest']:.3f} ({method['most_changed'][0]['name']})"


# ------------------------------------------------- figure

FIGURE = """\
Draws samples of a run in the summary folder DIR with the maps of methods over them, a row for each sample: its name,
true and predicted label with the probability, picture, maps. It needs matplotlib, which the
extra "figure" brings.
"""
FIGURE_END = """\
\b
Example:
  explainer figure summary_dir/digits --samples 3,17 \\
      --explainers Gradient,GradCAM --to figure.pdf
  explainer figure summary_dir/digits --scale method --to figure.png

\b
Exit status:
  0  the figure was written
  1  it could not be written, or matplotlib is not there
  2  a wrong argument, or there is no summary to read
"""
FIGURE_TO_OPTION = "The figure: .png, .pdf or .svg. A file of that name is replaced."
SAMPLES_OPTION = "Numbers of samples, or names of their files, separated by commas."
LABELS_OPTION = "Whose maps are shown: a label, by number or name, or one for each sample."
SCALE_OPTION = "What has colours of its own: each map, or each method over all rows."
DPI_OPTION = "Of a PNG, and of the pictures in a PDF or SVG."


def figure_rows(path: object, size: Sequence[float], written: int) -> list[Row]:
    """What was drawn: where, how large in inches, how many bytes."""
    return [("figure", f"{path} ({size[0]:.1f} x {size[1]:.1f} inches, {in_bytes(written)})")]
