"""What a real MindInsight 2.3.1 shows of summary folders, and everything in it that breaks one of its pages.

Each SUMMARY_BASE gets a server of its own on a free loopback port: every job is loaded, every explain call is
asked, every picture is fetched. What MindInsight hides by design (a sample without an image, a map of a label
that its sample does not have) cannot be seen from here: say what must be there with the --expect options.

Exit code: 0 all is shown; 1 something is missing or wrong; 2 nothing could be checked.
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

Json = Any
T = TypeVar("T")

PINS = Path(__file__).with_name("mindinsight_pins.txt")
API = "/v1/mindinsight/explainer/"
MANIFEST_KEYS = ("saliency_map", "benchmark", "uncertainty", "hierarchical_occlusion")
MOST_JOBS = 999  # MindInsight lists no more
PAGE_SIZE = 100  # MindInsight gives no more samples per call
REFUSALS_BORNE_SECONDS = 8.0  # its loader comes back every 3 s: a call refused for longer stays refused
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy

# Why MindInsight answers HTTP 500, call by call, as far as is known.
LIKELY_CAUSES = {
    "explain-jobs": "a manifest.json is not JSON or lacks a key, which hides every job",
    "explain-job": "ground truth and inference in different events, a list shorter than its labels, a label"
    " index beyond the labels, a label twice in the metadata, or occlusion written before the inference",
    "evaluation": "more label scores than labels",
    "overlay": "the map is absent, outside the base folder, or no picture of mode L, RGB or RGBA",
    "outcome": 'a mask that is not "gaussian:<radius>", boxes not in fours, "_" in the label or a palette original',
}


class SetupError(Exception):
    """Nothing could be checked: no fitting Python, no installation or no server."""


class AnswerError(Exception):
    """An answer of MindInsight that a page could not use."""


@dataclass(frozen=True)
class Expected:
    """What every job must show."""

    samples: int | None = None
    explainers: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    empty_allowed: bool = False


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; status 0 when none came, the body then says why."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Picture:
    """A fetched picture: size in pixels, and what is wrong with it (empty: nothing)."""

    kind: str
    width: int
    height: int
    trouble: str = ""


@dataclass(frozen=True)
class PictureKind:
    """A file format that the pages can show."""

    name: str  # as in image/<name>
    signature: bytes  # the first bytes of a file
    size_of: Callable[[bytes], tuple[int, ...]]  # width and height; struct.error when cut off before them
    is_whole: Callable[[bytes], bool]


@dataclass(frozen=True)
class JobAnswers:
    """Everything MindInsight said of one job; None where it gave no usable answer."""

    listed: Json  # its entry in the list of jobs
    metadata: Json  # explain-job; empty when the job was never loaded
    samples: list[Json] | None  # saliency, all pages
    occlusions: list[Json] | None  # hoc, all pages, samples without layers left out
    evaluation: Json | None
    pictures: Mapping[str, Picture]  # by URL
    failures: tuple[str, ...]  # the calls that gave no usable answer


@dataclass(frozen=True)
class JobReport:
    """What one job shows, and what is wrong with it."""

    job: str
    samples: int
    labels: int
    explainers: tuple[str, ...]
    metrics: tuple[str, ...]
    uncertainty: bool
    maps: int
    pictures: int
    occlusion_layers: int
    errors: tuple[str, ...]


@dataclass(frozen=True)
class BaseReport:
    """What one summary base shows; `errors` are those that belong to no single job."""

    base: str
    jobs: tuple[JobReport, ...]
    errors: tuple[str, ...]
    seconds: float

    def all_errors(self) -> list[str]:
        """Every error, each led by the folder it belongs to."""
        of_jobs = [f"{self.base} {job.job}: {error}" for job in self.jobs for error in job.errors]
        return [*(f"{self.base}: {error}" for error in self.errors), *of_jobs]


# ----------------------------------------------------------------- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an ended check ends its server too
    options = parsed(arguments)
    try:
        venv = ready_venv(venv_folder())
        reports = [check_base(venv, base, options.expected, options.timeout) for base in options.bases]
    except SetupError as error:
        print(f"could not check: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the server is stopped", file=sys.stderr)
        return 130
    if options.json:
        options.json.write_text(as_json(reports), encoding="utf-8")
    print(as_text(reports))
    return 1 if any(report.all_errors() for report in reports) else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, with `expected` built from the --expect ones; exits with 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="check_mindinsight", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("bases", nargs="+", type=folder, metavar="SUMMARY_BASE", help="folder with job folders in it")
    option("--expect-samples", type=int, metavar="N", help="every job must show exactly N samples")
    option("--expect-explainers", type=names, default=(), metavar="A,B", help="every job must have these")
    option("--expect-metrics", type=names, default=(), metavar="A,B", help="every job must have these")
    option("--allow-empty", action="store_true", help="take a base without jobs and a job without samples")
    option("--json", type=new_file, metavar="FILE", help="also write the whole result here")
    option(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="for the start, for each job to load and for each call (default: 60)",
    )
    options = parser.parse_args(arguments)
    options.expected = Expected(
        options.expect_samples, options.expect_explainers, options.expect_metrics, options.allow_empty
    )
    return options


def folder(text: str) -> Path:
    """The folder of that name; a usage error when there is none."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; give the folder that holds the job folders")
    return Path(text)


def new_file(text: str) -> Path:
    """The path of that name; a usage error when no file can be written there."""
    if Path(text).is_dir() or not os.access(Path(text).absolute().parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write {text!r}; give a file in a folder that is there")
    return Path(text)


def names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def as_json(reports: Sequence[BaseReport]) -> str:
    """The whole result as a JSON object."""
    errors = [error for report in reports for error in report.all_errors()]
    result = {"ok": not errors, "bases": [dataclasses.asdict(report) for report in reports], "errors": errors}
    return json.dumps(result, indent=1, ensure_ascii=False) + "\n"


def as_text(reports: Sequence[BaseReport]) -> str:
    """A table with one line per job, then one line per error, then the verdict."""
    rows = [row(report, job) for report in reports for job in report.jobs]
    errors = [error for report in reports for error in report.all_errors()]
    seconds = sum(report.seconds for report in reports)
    verdict = f"FAILED, {len(errors)} errors" if errors else "ok"
    return "\n".join(
        [
            *table(rows),
            *(f"error: {error}" for error in errors),
            f"{verdict}: {len(rows)} jobs in {seconds:.1f} s",
        ]
    )


def row(report: BaseReport, job: JobReport) -> tuple[str, ...]:
    """The cells of one job in the table."""
    counts = (
        job.samples,
        job.labels,
        len(job.explainers),
        len(job.metrics),
        job.maps,
        job.pictures,
        job.occlusion_layers,
        len(job.errors),
    )
    return (f"{report.base} {job.job}", *map(str, counts))


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The rows under their heads, in aligned columns; nothing for no rows."""
    if not rows:
        return []
    heads = ("job", "samples", "labels", "explainers", "metrics", "maps", "pictures", "hoc layers", "errors")
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return ["  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]) for cells in (heads, *rows)]


# ------------------------------------------------------------- asking a server


def check_base(venv: Path, base: Path, expected: Expected, timeout: float) -> BaseReport:
    """What MindInsight shows of one base; the server runs only in here."""
    started = time.monotonic()
    errors = manifest_findings(manifests(base))
    jobs: list[JobReport] = []
    with served(venv, base, timeout) as site:
        try:
            listing = usable("explain-jobs", site.get(API + "explain-jobs", offset="0", limit=str(MOST_JOBS)))
            errors += listing_findings(listing, explain_files(base), expected)
            jobs = [report_of(asked(site, listed), expected) for listed in listing["explain_jobs"]]
        except AnswerError as error:
            errors.append(str(error))
        errors += log_findings(site.log_lines())
    return BaseReport(str(base), tuple(jobs), tuple(errors), round(time.monotonic() - started, 1))


def asked(site: Site, listed: Json) -> JobAnswers:
    """Everything MindInsight says of one listed job."""
    failures: list[str] = []
    job = {"train_id": listed["train_id"]}
    metadata = tried(failures, loaded_metadata, site, listed["train_id"])
    if metadata is None:
        return JobAnswers(listed, {}, None, None, None, {}, tuple(failures))
    samples = tried(failures, paged, site, "saliency", {**job, "sorted_name": "confidence"})
    occlusions = tried(failures, paged, site, "hoc", {**job, "sorted_name": "confidence", "drop_empty": True})
    evaluation = tried(failures, usable, "evaluation", site.get(API + "evaluation", **job))
    for call, body in other_queries(metadata):
        tried(failures, paged, site, call, {**job, **body})
    pictures = {url: picture_of(site.get(url)) for url in picture_urls(samples or [], occlusions or [])}
    return JobAnswers(listed, metadata, samples, occlusions, evaluation, pictures, tuple(failures))


def tried(failures: list[str], call: Callable[..., T], *arguments: Any) -> T | None:
    """What the call gives; None, and one more failure, when MindInsight's answer is of no use."""
    try:
        return call(*arguments)
    except AnswerError as error:
        failures.append(str(error))
        return None


def loaded_metadata(site: Site, job: str) -> Json:
    """The job's metadata once it is LOADED; AnswerError when it is not in time or the call stays refused."""
    deadline = time.monotonic() + site.timeout
    refused_until = deadline
    while True:
        answer = site.get(API + "explain-job", train_id=job)
        if answer.status == 200:
            metadata = usable("explain-job", answer)
            refused_until = deadline
            if metadata["status"] == "LOADED":
                return metadata
        else:
            refused_until = min(refused_until, time.monotonic() + REFUSALS_BORNE_SECONDS)
        if time.monotonic() > min(deadline, refused_until):
            raise AnswerError(never_loaded(answer))
        time.sleep(0.3)


def never_loaded(answer: Answer) -> str:
    """Why a job was given up."""
    last = json.loads(answer.body)["status"] if answer.status == 200 else excerpt(answer.body)
    cause = f"likely cause: {LIKELY_CAUSES['explain-job']}"
    return f"never LOADED, last answer HTTP {answer.status} {last}; {cause}"


def other_queries(metadata: Json) -> list[tuple[str, Json]]:
    """The calls behind the pages' switches, filters and sorts, that give nothing new but must be answered."""
    labels = [label["label"] for label in metadata["classes"]]
    explainers = metadata["saliency"]["explainers"]
    queries = [
        ("hoc", {"drop_empty": False}),
        ("saliency", {"labels": labels, "explainers": explainers, "prediction_types": ["TP", "FP"]}),
    ]
    if metadata["uncertainty"]["enabled"]:
        queries.append(("saliency", {"sorted_name": "uncertainty", "sorted_type": "ascending"}))
    return queries


def paged(site: Site, call: str, body: Json) -> list[Json]:
    """The samples of all pages; AnswerError when a page is of no use or the pages do not add up."""
    samples: list[Json] = []
    for page in range(sys.maxsize):
        answer = usable(call, site.post(API + call, {**body, "limit": PAGE_SIZE, "offset": page}))
        samples += answer["samples"]
        if not answer["samples"] or len(samples) >= answer["count"]:
            break
    if len(samples) != answer["count"]:
        raise AnswerError(f"{call}: {len(samples)} samples on {page + 1} pages, {answer['count']} announced")
    return samples


def picture_urls(samples: Iterable[Json], occlusions: Iterable[Json]) -> list[str]:
    """The URL of every picture of the saliency and the occlusion page, each once."""
    urls: dict[str, None] = {}
    for sample in samples:
        urls[sample["image"]] = None
        urls.update((shown["overlay"], None) for _, shown in maps_of(sample))
    for sample in occlusions:
        urls[sample["image"]] = None
        urls.update((layer["outcome"], None) for _, _, layer in layers_of(sample))
    return list(urls)


def usable(call: str, answer: Answer) -> Json:
    """The JSON of an answer; AnswerError when it is refused or a browser would refuse it."""
    if answer.status != 200:
        cause = f"; likely cause: {LIKELY_CAUSES[call]}" if answer.status and call in LIKELY_CAUSES else ""
        raise AnswerError(f"{call}: HTTP {answer.status} {excerpt(answer.body)}{cause}")
    try:
        return json.loads(answer.body, parse_constant=refuse_constant)
    except ValueError as error:
        raise AnswerError(f"{call}: no JSON for a browser: {error}") from None


def refuse_constant(constant: str) -> Json:
    """Nothing: Python reads NaN and Infinity in JSON, a browser does not."""
    raise ValueError(f"it holds {constant}; write finite numbers, and NaN only as a score")


def excerpt(body: bytes) -> str:
    """The start of a body, for an error."""
    return " ".join(body[:200].decode("utf-8", "replace").split())


# --------------------------------------------------------- judging the answers


def report_of(answers: JobAnswers, expected: Expected) -> JobReport:
    """The counts and the errors of one job."""
    metadata = answers.metadata or {"classes": (), "saliency": {}, "uncertainty": {}}
    samples, occlusions = answers.samples or [], answers.occlusions or []
    return JobReport(
        job=answers.listed["train_id"],
        samples=len(samples),
        labels=len(metadata["classes"]),
        explainers=tuple(metadata["saliency"].get("explainers", ())),
        metrics=tuple(metadata["saliency"].get("metrics", ())),
        uncertainty=metadata["uncertainty"].get("enabled", False),
        maps=sum(len(maps_of(sample)) for sample in samples),
        pictures=sum(not picture.trouble for picture in answers.pictures.values()),
        occlusion_layers=sum(len(layers_of(sample)) for sample in occlusions),
        errors=tuple(job_findings(answers, expected)),
    )


def job_findings(answers: JobAnswers, expected: Expected) -> list[str]:
    """Everything in the answers that breaks a page or is not as expected."""
    findings = list(dict.fromkeys(answers.failures))
    if not answers.metadata:
        return findings
    findings += label_findings(answers)
    findings += expectation_findings(answers.metadata, expected)
    if answers.samples is not None:
        findings += sample_findings(answers)
        findings += count_findings(answers, answers.samples, expected)
    if answers.occlusions is not None:
        findings += occlusion_findings(answers, answers.occlusions)
    if answers.samples and answers.occlusions is not None:
        findings += switch_findings(answers.listed, answers.samples, answers.occlusions)
    if answers.evaluation is not None:
        findings += score_findings(answers.metadata, answers.evaluation)
    return findings


def label_findings(answers: JobAnswers) -> Iterator[str]:
    """The labels that no page can show."""
    occlusion = answers.listed["hierarchical_occlusion"] or bool(answers.occlusions)
    for label in (entry["label"] for entry in answers.metadata["classes"]):
        if not label.strip():
            yield f"label {label!r} is blank: nothing can be read or chosen on the pages"
        if occlusion and "_" in label:
            yield f'label {label!r} holds "_": its occlusion pictures cannot be fetched; write a blank there'


def expectation_findings(metadata: Json, expected: Expected) -> Iterator[str]:
    """What was expected by name and is not in the metadata."""
    for what, wanted in (("explainers", expected.explainers), ("metrics", expected.metrics)):
        found = metadata["saliency"][what]
        for name in wanted:
            if name not in found:
                yield f"{name!r} expected among the {what}, got {found}"


def count_findings(answers: JobAnswers, samples: Sequence[Json], expected: Expected) -> Iterator[str]:
    """Numbers of samples that do not fit one another or the expectation."""
    announced = answers.metadata["sample_count"]
    if not samples and not expected.empty_allowed:
        yield "no samples; MindInsight shows only samples with an image path, and ends at a broken event"
    if len(samples) != announced:
        yield f"the saliency page has {len(samples)} samples, the metadata says {announced}"
    if expected.samples is not None and len(samples) != expected.samples:
        yield f"{expected.samples} samples expected, got {len(samples)}"
    for sample_id, times in Counter(sample["id"] for sample in samples).items():
        if times > 1:
            yield f"sample {sample_id} is listed {times} times"


def sample_findings(answers: JobAnswers) -> Iterator[str]:
    """Everything wrong with the samples of the saliency page, sample by sample."""
    for sample in answers.samples or ():
        where = f"sample {sample['id']}"
        if not sample["inferences"]:
            yield f"{where} has no label: the page that it is on stays blank; leave out its image path"
        original = answers.pictures[sample["image"]]
        if original.trouble:
            yield f"{where}, original picture: {original.trouble}"
        for inference in sample["inferences"]:
            at_label = f"{where}, label {inference['label']!r}"
            yield from (f"{at_label}: {finding}" for finding in inference_findings(answers, inference))
        for inference, shown in maps_of(sample):
            problem = map_problem(answers.pictures[shown["overlay"]], original)
            if problem:
                yield f"{where}, label {inference['label']!r}, map of {shown['explainer']}: {problem}"


def inference_findings(answers: JobAnswers, inference: Json) -> Iterator[str]:
    """Everything wrong with one label of one sample, its pictures apart."""
    if not 0 <= inference["confidence"] <= 1:
        yield f"probability {inference['confidence']} lies outside [0, 1]"
    if answers.metadata["uncertainty"]["enabled"]:
        yield from uncertainty_findings(inference)
    explainers = answers.metadata["saliency"]["explainers"]
    found = [shown["explainer"] for shown in inference["saliency_maps"]]
    for name in found:
        if name not in explainers:
            yield f"a map of {name!r}, which has no column; name it in the metadata, that has {explainers}"
    if answers.listed["saliency_map"]:
        yield from (f"no map of {name}: its cell stays empty" for name in explainers if name not in found)


def uncertainty_findings(inference: Json) -> Iterator[str]:
    """What one label lacks in a job whose page shows uncertainty."""
    interval = inference.get("confidence_itl95", ())
    if "confidence_sd" not in inference or len(interval) != 2:
        yield "no uncertainty, while other labels have it: the table stays blank; write it for all or none"
    elif interval[0] > interval[1]:
        yield f"the 95 % interval {interval} is upside down"


def map_problem(overlay: Picture, original: Picture) -> str:
    """What is wrong with the picture of a map; empty when nothing is."""
    if overlay.trouble:
        return f"{overlay.trouble}; likely cause: {LIKELY_CAUSES['overlay']}"
    if not original.trouble and not same_shape(overlay, original):
        return (
            f"{overlay.width}x{overlay.height} pixels are stretched over an original of "
            f"{original.width}x{original.height}; save the map in the original's proportions"
        )
    return ""


def same_shape(overlay: Picture, original: Picture) -> bool:
    """Whether width : height is the same, up to one pixel of the smaller side of the map."""
    difference = abs(overlay.width * original.height - overlay.height * original.width)
    return difference <= max(original.width, original.height)


def occlusion_findings(answers: JobAnswers, occlusions: Sequence[Json]) -> Iterator[str]:
    """Everything wrong with the layers of the occlusion page."""
    for sample in occlusions:
        original = answers.pictures[sample["image"]]
        for inference, number, layer in layers_of(sample):
            where = f"sample {sample['id']}, label {inference['label']!r}, occlusion layer {number}"
            findings = layer_findings(layer, answers.pictures[layer["outcome"]], original)
            yield from (f"{where}: {finding}" for finding in findings)


def layer_findings(layer: Json, outcome: Picture, original: Picture) -> Iterator[str]:
    """Everything wrong with one layer."""
    if outcome.trouble:
        yield f"{outcome.trouble}; likely cause: {LIKELY_CAUSES['outcome']}"
    elif not original.trouble and (outcome.width, outcome.height) != (original.width, original.height):
        yield f"{outcome.width}x{outcome.height} pixels, the original has {original.width}x{original.height}"
    if not 0 <= layer["confidence"] <= 1:
        yield f"probability {layer['confidence']} lies outside [0, 1]"
    for box in layer["boxes"]:
        if len(box) != 4:
            yield f"box {box} is not x, y, width, height"
        elif not original.trouble and not inside(box, original):
            yield f"box {box} leaves the original of {original.width}x{original.height} pixels"


def inside(box: Sequence[int], original: Picture) -> bool:
    """Whether x, y, width, height lie in the picture."""
    x, y, width, height = box
    return min(box) >= 0 and x + width <= original.width and y + height <= original.height


def switch_findings(listed: Json, samples: list[Json], occlusions: list[Json]) -> Iterator[str]:
    """Pages that the manifest offers and that would be empty, or that it hides."""
    shown = {
        "saliency_map": sum(len(maps_of(sample)) for sample in samples),
        "hierarchical_occlusion": sum(len(layers_of(sample)) for sample in occlusions),
    }
    for key, found in shown.items():
        if bool(listed[key]) != bool(found):
            offered = "offers a page with" if listed[key] else "hides the page of"
            yield f"the manifest says {key}={listed[key]}, which {offered} {found} pictures"


def score_findings(metadata: Json, evaluation: Json) -> Iterator[str]:
    """Scores that are missing, or that the page, which pairs them by place, would show under a wrong name."""
    explainers, metrics = metadata["saliency"]["explainers"], metadata["saliency"]["metrics"]
    found = {
        scored["explainer"]: [entry["metric"] for entry in scored["evaluations"]]
        for scored in evaluation["explainer_scores"]
    }
    for name in found:
        if name not in explainers:
            yield f"scores of {name!r}, which is not among the explainers {explainers}"
    for name in explainers if metrics or found else ():
        if sorted(found.get(name, [])) != sorted(metrics):
            yield f"{name} is scored by {found.get(name, [])}, the metadata has {metrics}"
    complete = {tuple(order) for order in found.values() if sorted(order) == sorted(metrics)}
    if len(complete) > 1:
        yield f"the metrics stand in different orders, so the page mixes them up: {found}"


def maps_of(sample: Json) -> list[tuple[Json, Json]]:
    """Every (inference, map) of a sample."""
    return [(inference, shown) for inference in sample["inferences"] for shown in inference["saliency_maps"]]


def layers_of(sample: Json) -> list[tuple[Json, int, Json]]:
    """Every (inference, number of the layer, occlusion layer) of a sample."""
    inferences = sample["inferences"]
    return [(inference, n, layer) for inference in inferences for n, layer in enumerate(inference["hoc_layers"])]


# ---------------------------------------------------------- judging the folder


def listing_findings(listing: Json, files: Iterable[PurePosixPath], expected: Expected) -> list[str]:
    """What is wrong with the list of jobs, given the explain files that are really there."""
    listed = {job["train_id"] for job in listing["explain_jobs"]}
    findings = [] if listed or expected.empty_allowed else ["no explain job found"]
    if listing["total"] != len(listed):
        findings.append(f"{listing['total']} jobs announced, {len(listed)} listed, {MOST_JOBS} is the most")
    for parent, times in Counter(file.parent for file in files).items():
        job = "./" if parent == PurePosixPath(".") else f"./{parent}"
        if job not in listed:
            findings.append(f"{job} has an explain file, but is not listed: symlinks and deeper folders are skipped")
        if times > 1:
            findings.append(f"{job} has {times} explain files; only the latest is read: one folder per run")
        if parent.name.startswith("."):
            findings.append(f"{job} starts with a dot: its manifest is not found")
    return findings


def explain_files(base: Path) -> list[PurePosixPath]:
    """The explain files in the base, relative to it, down to a level deeper than MindInsight looks."""
    found = []
    for where, folders, files in os.walk(base, followlinks=True):
        place = PurePosixPath(Path(where).relative_to(base).as_posix())
        folders[:] = [name for name in folders if not name.startswith("_explain_") and len(place.parts) < 2]
        found += [place / name for name in files if re.search(r"summary\.\d+.*_explain$", name)]
    return sorted(found)


def manifests(base: Path) -> dict[str, bytes]:
    """The content of every manifest that MindInsight may read, by its place in the base."""
    paths = [*base.glob("_explain_*/manifest.json"), *base.glob("*/_explain_*/manifest.json")]
    readable = [path for path in sorted(paths) if os.access(path, os.R_OK)]
    return {path.relative_to(base).as_posix(): path.read_bytes() for path in readable}


def manifest_findings(contents: Mapping[str, bytes]) -> list[str]:
    """The manifests that hide every job of the base."""
    findings = []
    for place, content in contents.items():
        try:
            manifest = json.loads(content)
        except ValueError as error:
            findings.append(f"{place} is not JSON ({error}): no job of the base is listed; write it anew")
            continue
        for key in MANIFEST_KEYS:
            if not isinstance(manifest, dict) or not isinstance(manifest.get(key), bool):
                findings.append(f"{place} must say true or false for {key!r}; readers rely on all four keys")
    return findings


def log_findings(lines: Iterable[str]) -> list[str]:
    """The server's complaints: its errors, and its two warnings of unread events, each kind once."""
    complaint = re.compile(r"\[(ERROR|CRITICAL)\]|\[WARNING\].*(Check crc failed|and drop it)")
    said = Counter(complaint_in(line) for line in lines if complaint.match(line))
    kinds = [kind for kind in said if not any(kind != other and kind in other for other in said)]
    return [f"server log, {said[kind]} times: {kind}" for kind in kinds]


def complaint_in(line: str) -> str:
    """What a log line says, without its process, time and place in the source."""
    return re.sub(r"^\[[A-Z]+\] MI\(.*?\):\S+ \[\S+\]\[[A-Z_]+\] ", "", line.strip())[:400]


# -------------------------------------------------------------------- pictures


def picture_of(answer: Answer) -> Picture:
    """The picture in an answer; its trouble says what a browser or a reader would miss."""
    if answer.status != 200:
        return Picture("", 0, 0, f"HTTP {answer.status} {excerpt(answer.body)}")
    kind = next((kind for kind in PICTURE_KINDS if answer.body.startswith(kind.signature)), None)
    if kind is None:
        start = f"{answer.content_type}, {answer.body[:12]!r}"
        return Picture("", 0, 0, f"neither PNG, JPEG, GIF nor BMP: {start}")
    try:
        width, height = kind.size_of(answer.body)
    except struct.error:
        return Picture(kind.name, 0, 0, f"a {kind.name} cut off in its header ({len(answer.body)} bytes)")
    return Picture(kind.name, width, height, picture_trouble(kind, answer, width * height))


def picture_trouble(kind: PictureKind, answer: Answer, pixels: int) -> str:
    """What is wrong with a picture that could be measured; empty when nothing is."""
    if not pixels:
        return f"a {kind.name} without pixels"
    if not kind.is_whole(answer.body):
        return f"a {kind.name} without its end ({len(answer.body)} bytes)"
    if answer.content_type != f"image/{kind.name}":
        return f"a {kind.name}, but served as {answer.content_type}"
    return ""


def jpeg_size(body: bytes) -> tuple[int, int]:
    """Width and height from the start-of-frame segment; struct.error when there is none."""
    place = 2
    while True:
        marker, length = struct.unpack_from(">xBH", body, place)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", body, place + 5)
            return width, height
        place += 2 + length


def bmp_size(body: bytes) -> tuple[int, int]:
    """Width and height; a negative height only says that the rows stand top down."""
    width, height = struct.unpack_from("<ii", body, 18)
    return width, abs(height)


PICTURE_KINDS = (
    PictureKind(
        "png",
        b"\x89PNG\r\n\x1a\n",
        lambda body: struct.unpack_from(">II", body, 16),
        lambda body: body.endswith(b"IEND\xaeB`\x82"),
    ),
    PictureKind("jpeg", b"\xff\xd8\xff", jpeg_size, lambda body: body.rstrip(b"\0").endswith(b"\xff\xd9")),
    PictureKind("gif", b"GIF8", lambda body: struct.unpack_from("<HH", body, 6), lambda body: body.endswith(b";")),
    PictureKind("bmp", b"BM", bmp_size, lambda body: len(body) >= int(struct.unpack_from("<I", body, 2)[0])),
)


# ------------------------------------------------------------------ the server


@dataclass(frozen=True)
class Site:
    """A running MindInsight: where it listens, and the folder of its own."""

    url: str
    workspace: Path
    timeout: float

    def get(self, path: str, **parameters: str) -> Answer:
        """The answer to a GET."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return self._answer(urllib.request.Request(self.url + path + query))

    def post(self, path: str, body: Json) -> Answer:
        """The answer to a POST of JSON."""
        headers = {"Content-Type": "application/json"}
        return self._answer(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers))

    def log_lines(self) -> Iterator[str]:
        """The lines of all its logs."""
        for path in sorted((self.workspace / "log").rglob("*.log*")):
            with path.open(errors="replace") as log:
                yield from log

    def _answer(self, request: urllib.request.Request) -> Answer:
        try:
            with DIRECT.open(request, timeout=self.timeout) as reply:
                return Answer(reply.status, reply.headers.get_content_type(), reply.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers.get_content_type(), error.read())
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, "", str(error).encode())


@contextmanager
def served(venv: Path, base: Path, timeout: float) -> Iterator[Site]:
    """A MindInsight that shows the base and answers; it is gone afterwards, whatever happens."""
    with TemporaryDirectory(prefix="mindinsight-", ignore_cleanup_errors=True) as name:
        with loopback_socket() as listener:  # closed here, or calls to a server that died would wait for ever
            site = Site("http://{}:{}".format(*listener.getsockname()), Path(name), timeout)
            process = started(venv, base, site, listener)
        try:
            wait_for_answer(site, process)
            yield site
        finally:
            stop(process)


def loopback_socket() -> socket.socket:
    """A socket bound to a free loopback port; handing it on leaves nobody the time to take the port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def started(venv: Path, base: Path, site: Site, listener: socket.socket) -> subprocess.Popen[bytes]:
    """The process of a MindInsight, as its own start command would run it, but as our child and our group."""
    settings = next(venv.glob("lib/python3*/site-packages/mindinsight/backend/config/gunicorn_conf.py"))
    (site.workspace / "log" / "gunicorn").mkdir(parents=True)
    application = f"mindinsight.backend.application:APP -b fd://{listener.fileno()}".split()
    logger = "mindinsight.backend.run.GunicornLogger"
    with (site.workspace / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [
                venv / "bin" / "python",
                "-m",
                "gunicorn",
                *application,
                "-c",
                settings,
                "--logger-class",
                logger,
            ],
            env=server_environment(venv, base, site),
            cwd=site.workspace,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )


def server_environment(venv: Path, base: Path, site: Site) -> dict[str, str]:
    """The environment of the server: ours without proxies and settings of Python or MindInsight."""
    foreign = ("MINDINSIGHT_", "PYTHON", "GUNICORN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    direct = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    return direct | {
        "HOME": str(site.workspace),
        "PATH": f"{venv / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "PYTHONWARNINGS": "ignore",
        "MINDINSIGHT_SUMMARY_BASE_DIR": str(base.resolve()),
        "MINDINSIGHT_WORKSPACE": str(site.workspace),
        "MINDINSIGHT_HOST": "127.0.0.1",
        "MINDINSIGHT_PORT": str(urllib.parse.urlsplit(site.url).port),
    }


def wait_for_answer(site: Site, process: subprocess.Popen[bytes]) -> None:
    """Returns once any answer comes; SetupError when the server ends or stays silent."""
    deadline = time.monotonic() + site.timeout
    while site.get(API + "explain-jobs", offset="0", limit="1").status == 0:
        if process.poll() is not None or time.monotonic() > deadline:
            late = f"gave no answer in {site.timeout:g} s"
            fate = late if process.poll() is None else f"ended with {process.poll()}"
            said = (site.workspace / "output.txt").read_text(errors="replace")[-2000:]
            raise SetupError(f"MindInsight {fate}, it said:\n{said}")
        time.sleep(0.2)


def stop(process: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """Ends the process and all of its group: asks it first, kills what is left after `patience` seconds."""
    try:
        process.send_signal(signal.SIGINT)
        process.wait(patience)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# ------------------------------------------------------------ the installation


def venv_folder() -> Path:
    """Where MindInsight is installed: $EXPLAINER_MINDINSIGHT_VENV, or a folder in the user's cache."""
    default = Path.home() / ".cache" / "explainer" / "mindinsight-2.3.1"
    return Path(os.environ.get("EXPLAINER_MINDINSIGHT_VENV") or default).absolute()


def ready_venv(venv: Path) -> Path:
    """The virtual environment, with everything in it that the pins name; made on first use."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    with venv.with_name(f"{venv.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two checks at once, the second waits for the installation
        missing = missing_pins(venv)
        if missing:
            print(f"installing MindInsight into {venv} (a minute, 500 MB)", file=sys.stderr)
            install(venv)
            missing = missing_pins(venv)
        if missing:
            raise SetupError(f"{venv} still lacks {', '.join(missing)}; remove that folder and try again")
    return venv


def missing_pins(venv: Path) -> list[str]:
    """The pins that the virtual environment does not have, all of them when there is none."""
    pins = [line.strip() for line in PINS.read_text().splitlines() if re.match(r"\w", line)]
    if not (venv / "pyvenv.cfg").exists():
        return pins
    listing = "from importlib.metadata import distributions as all; [print(d.name, d.version) for d in all()]"
    output = finished([venv / "bin" / "python", "-I", "-c", listing])
    installed = {normal_name(line.split()[0]): line.split()[1] for line in output.splitlines()}
    return [pin for pin in pins if installed.get(normal_name(pin.split("==")[0])) != pin.split("==")[1]]


def normal_name(package: str) -> str:
    """The one spelling among the many that a package name may have."""
    return re.sub(r"[-_.]+", "-", package).lower()


def install(venv: Path) -> None:
    """Fills the folder with a virtual environment of the pins; SetupError when it holds something else."""
    if not (venv / "pyvenv.cfg").exists():
        if venv.exists() and any(venv.iterdir()):
            raise SetupError(
                f"{venv} holds other things and is no virtual environment; remove it, or name"
                " another folder in EXPLAINER_MINDINSIGHT_VENV"
            )
        finished([fitting_python(), "-m", "venv", venv])
    pip = ("-I", "-m", "pip", "--disable-pip-version-check")
    finished([venv / "bin" / "python", *pip, "install", "-q", "-r", PINS])


def fitting_python() -> str:
    """The first Python that MindInsight runs on."""
    for name in ("python3.11", "python3.12", "python3"):
        with suppress(SetupError):
            version = finished([name, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]).strip()
            if version in ("3.11", "3.12"):
                return name
    raise SetupError(
        "found neither Python 3.11 nor 3.12 as python3.11, python3.12 or python3; MindInsight 2.3.1"
        " does not run on others (3.13 has no imghdr): install one of them"
    )


def finished(command: Sequence[str | Path]) -> str:
    """The output of a command; SetupError when it fails."""
    try:
        result = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise SetupError(f"cannot run {command[0]}: {error}") from None
    if result.returncode:
        words = " ".join(map(str, command))
        raise SetupError(f"`{words}` ended with {result.returncode}:\n{result.stdout}{result.stderr[-2000:]}")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
