"""The one translation between stored records and the protobuf messages of proto/explain.proto."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from explainer.errors import SummaryReadError
from explainer.records import (
    Benchmark,
    Box,
    DatasetOrder,
    Draws,
    EditTree,
    ImageFile,
    ObjectBoxes,
    Prediction,
    RawMapFile,
    RunEnd,
    RunMetadata,
    RunRepaired,
    RunResumed,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    StoredRecord,
    Uncertainty,
)
from explainer.summary import edit_trees
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.text import plain_text

FORMAT_MAJOR = 1
FORMAT_MINOR = 6
SHOWN_AS_PREDICTED = 0.5  # MindInsight calls a label predicted above this probability, whatever the run's threshold
_ENDED = "end"
_DEEPEST_JSON = 100  # lists and objects within one another; Python reads more than it writes
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def encode_metadata(metadata: RunMetadata) -> Explain:
    """The first message of a file."""
    message = Explain()
    message.metadata.label.extend(shown_labels(metadata))
    message.metadata.explain_method.extend(metadata.explainers)
    message.metadata.benchmark_method.extend(metadata.metrics)
    run = message.run
    run.format_major, run.format_minor = FORMAT_MAJOR, FORMAT_MINOR
    run.package_version = metadata.package_version
    run.label.extend(metadata.labels)
    run.job.extend(metadata.jobs)
    run.parameters = json.dumps(dict(metadata.parameters), sort_keys=True)
    run.explain_method.extend(metadata.explainers)
    run.benchmark_method.extend(metadata.metrics)
    return message


def encode_metadata_copy(metadata: RunMetadata) -> Explain:
    """The second message of a file: what the first says, in fields of our own, so that MindInsight reads it once."""
    return Explain(run=encode_metadata(metadata).run)


def shown_labels(metadata: RunMetadata) -> list[str]:
    """The labels as MindInsight gets them: its occlusion page cannot show a "_"."""
    if "hierarchical_occlusion" not in metadata.jobs:
        return list(metadata.labels)
    return [label.replace("_", " ") for label in metadata.labels]


def encode_sample(
    image: ImageFile,
    prediction: Prediction,
    uncertainty: Uncertainty | None = None,
    origin: SampleOrigin | None = None,
    objects: ObjectBoxes | None = None,
) -> Explain:
    """One message with the picture and the prediction; ground truth and its probabilities must be together."""
    message = Explain(sample_id=image.sample_id)
    sample = message.sample
    sample.image_path = image.path
    if image.digest:
        sample.image_digest = image.digest
    sample.ground_truth.extend(prediction.ground_truth)
    sample.predicted.extend(prediction.predicted)
    sample.explained.extend(prediction.explained)
    sample.probability.extend(prediction.probabilities.tolist())
    if origin is not None:
        _add_origin(sample, origin)
    if objects is not None:
        _add_objects(sample.objects, objects)
    if uncertainty is not None:
        _add_uncertainty(message.uncertainty, uncertainty)
    if image.shown:
        _show(message, image, prediction, uncertainty)
    return message


def is_shown(prediction: Prediction) -> bool:
    """Whether MindInsight may list the sample: its page breaks on one with neither a true nor a predicted label."""
    return bool(prediction.ground_truth) or bool(_shown_predictions(prediction))


def encode_saliency(saliency: SaliencyFile) -> Explain:
    """One saliency map."""
    message = Explain(sample_id=saliency.sample_id)
    entry = message.explanation.add(
        explain_method=saliency.explainer,
        label=saliency.label,
        heatmap_path=saliency.path,
        low=saliency.low,
        high=saliency.high,
    )
    if saliency.completeness_gap is not None:
        entry.completeness_gap = saliency.completeness_gap
    if saliency.standard_error is not None:
        entry.standard_error = saliency.standard_error
    if saliency.digest:
        entry.digest = saliency.digest
    if saliency.raw is not None:
        entry.raw.path, entry.raw.digest, entry.raw.exponent = (
            saliency.raw.path,
            saliency.raw.digest,
            saliency.raw.exponent,
        )
    return message


def encode_scores(sample_id: int, scores: Sequence[Score]) -> Explain:
    """The single scores of one sample."""
    message = Explain(sample_id=sample_id)
    for score in scores:
        entry = message.score.add(
            explain_method=score.explainer, benchmark_method=score.metric, value=_finite_or_nan(score.value)
        )
        if score.label is not None:
            entry.label = score.label
    return message


def encode_edit_trees(
    trees: Sequence[EditTree], image: ImageFile, prediction: Prediction, picture: tuple[int, int]
) -> Explain:
    """The hierarchical occlusions of one sample; what MindInsight can draw it gets in its own fields, too.

    Args:
        trees: of the sample's labels.
        image: its picture.
        prediction: of the sample; a job with a label that is neither true nor predicted never loads.
        picture: height and width of the saved picture, in whose pixels MindInsight's boxes are.
    """
    message = Explain(sample_id=image.sample_id)
    for tree in trees:
        edit_trees.add_tree(message, tree)
    for tree in redrawn_trees(trees, image, prediction):
        edit_trees.add_redrawn(message, tree, picture)
    return message


def redrawn_trees(trees: Sequence[EditTree], image: ImageFile, prediction: Prediction) -> list[EditTree]:
    """Those that MindInsight can draw."""
    labels = {*prediction.ground_truth, *_shown_predictions(prediction)} if image.shown else set()
    return [tree for tree in trees if tree.label in labels and edit_trees.is_redrawn(tree)]


def encode_curves(sample_id: int, curves: Sequence[ScoreCurve]) -> Explain:
    """The curves behind the scores of one sample."""
    message = Explain(sample_id=sample_id)
    for curve in curves:
        message.curve.add(
            explain_method=curve.explainer,
            benchmark_method=curve.metric,
            label=curve.label,
            fill=curve.fill,
            fraction=curve.fractions.tolist(),
            probability=curve.probabilities.tolist(),
        )
    return message


def encode_done(record: SampleDone) -> Explain:
    """The mark that a sample is complete."""
    return Explain(sample_id=record.sample_id, done=True)


def encode_skipped(record: SampleSkipped) -> Explain:
    """The mark that a sample was left out."""
    return Explain(sample_id=record.sample_id, skipped=_as_utf8(record.reason))  # file names in it need not be UTF-8


def encode_benchmarks(benchmarks: Sequence[Benchmark]) -> Explain:
    """The mean scores of a run."""
    message = Explain()
    for benchmark in benchmarks:
        message.benchmark.add(
            explain_method=benchmark.explainer,
            benchmark_method=benchmark.metric,
            total_score=_finite_or_nan(benchmark.total),
            label_score=[_finite_or_nan(score) for score in benchmark.by_label],
            defined=benchmark.defined,
            undefined=benchmark.undefined,
        )
    return message


def encode_end() -> Explain:
    """The mark that a run ended as planned."""
    return Explain(status=_ENDED)


def encode_repaired(record: RunRepaired) -> Explain:
    """The mark that a run was repaired."""
    return Explain(repaired=record.left_out)


def encode_order(record: DatasetOrder) -> Explain:
    """The order of the dataset of which the run worked on a part."""
    return Explain(order=Explain.Order(samples=record.samples, digest=record.digest))


def encode_resumed(record: RunResumed) -> Explain:
    """The mark that a run was resumed."""
    return Explain(resumed=json.dumps(dict(record.changed), sort_keys=True))


def as_event(message: Explain, wall_time: float) -> Event:
    """The message with its time, as it stands in a file."""
    return Event(wall_time=wall_time, step=1, explain=message)


def decode(event: Event) -> Iterator[StoredRecord]:
    """The records of one event; what this version does not know is passed over.

    Raises:
        SummaryReadError: the file was written by a later major version.
        UnicodeDecodeError: a text is not UTF-8.
    """
    message = event.explain
    if message.HasField("run"):
        yield _decode_metadata(message)
    if message.HasField("sample"):
        yield from _decode_sample(message)
    yield from _decode_maps(message)
    yield from _decode_scores(message)
    yield from (edit_trees.tree_of(message.sample_id, entry) for entry in message.edit_tree)
    if message.skipped:
        yield SampleSkipped(message.sample_id, plain_text(message.skipped))
    if message.done:
        yield SampleDone(message.sample_id)
    yield from _decode_benchmarks(message)
    yield from _decode_course(message)
    if message.status == _ENDED:
        yield RunEnd(event.wall_time)


def _decode_course(message: Explain) -> Iterator[StoredRecord]:
    """What became of the run as a whole."""
    if message.repaired:
        yield RunRepaired(plain_text(message.repaired))
    if message.resumed:
        yield RunResumed(_json_object(plain_text(message.resumed)))
    if message.HasField("order"):
        yield DatasetOrder(message.order.samples, message.order.digest)


def _show(message: Explain, image: ImageFile, prediction: Prediction, uncertainty: Uncertainty | None) -> None:
    probabilities, truth, predicted = (
        prediction.probabilities,
        list(prediction.ground_truth),
        _shown_predictions(prediction),
    )
    message.image_path = image.path
    message.ground_truth_label.extend(truth)
    inference = message.inference
    inference.ground_truth_prob.extend(probabilities[truth].tolist())
    inference.predicted_label.extend(predicted)
    inference.predicted_prob.extend(probabilities[predicted].tolist())
    if uncertainty is not None:
        inference.ground_truth_prob_sd.extend(uncertainty.deviation[truth].tolist())
        inference.ground_truth_prob_itl95_low.extend(uncertainty.low[truth].tolist())
        inference.ground_truth_prob_itl95_hi.extend(uncertainty.high[truth].tolist())
        inference.predicted_prob_sd.extend(uncertainty.deviation[predicted].tolist())
        inference.predicted_prob_itl95_low.extend(uncertainty.low[predicted].tolist())
        inference.predicted_prob_itl95_hi.extend(uncertainty.high[predicted].tolist())


def _add_origin(sample: Explain.Sample, origin: SampleOrigin) -> None:
    sample.input_digest = origin.input_digest
    if origin.source:
        sample.source = _as_utf8(origin.source)
    if origin.source_digest:
        sample.source_digest = origin.source_digest


def _add_objects(message: Explain.Objects, objects: ObjectBoxes) -> None:
    message.width, message.height = objects.size
    message.label.extend(box.label for box in objects.boxes)
    message.box.extend(edge for box in objects.boxes for edge in (box.x, box.y, box.width, box.height))


def _add_uncertainty(message: Explain.Uncertainty, uncertainty: Uncertainty) -> None:
    message.mean.extend(uncertainty.mean.tolist())
    message.deviation.extend(uncertainty.deviation.tolist())
    message.low.extend(uncertainty.low.tolist())
    message.high.extend(uncertainty.high.tolist())
    message.total, message.aleatoric, message.epistemic = (
        uncertainty.total,
        uncertainty.aleatoric,
        uncertainty.epistemic,
    )
    if uncertainty.draws is not None:
        message.drawn_label.extend(uncertainty.draws.labels)
        message.draw.extend(uncertainty.draws.probabilities.T.ravel().tolist())


def _shown_predictions(prediction: Prediction) -> list[int]:
    return [label for label in prediction.predicted if prediction.probabilities[label] > SHOWN_AS_PREDICTED]


def _as_utf8(text: str) -> str:
    """The text, with escapes for what UTF-8 has not, as in file names of other encodings."""
    return text.encode("utf-8", "backslashreplace").decode()


def _finite_or_nan(value: float) -> float:
    return value if abs(value) <= _LARGEST_FLOAT else math.nan  # beyond it, a float32 field holds infinity


def _decode_metadata(message: Explain) -> RunMetadata:
    if message.run.format_major > FORMAT_MAJOR:
        raise SummaryReadError(
            f"the summary has format {message.run.format_major}.{message.run.format_minor}, written by explainer "
            f"{message.run.package_version}; this version reads up to {FORMAT_MAJOR}.x, so install a newer one"
        )
    return RunMetadata(
        labels=_texts(message.run.label),
        explainers=_texts(message.metadata.explain_method or message.run.explain_method),
        metrics=_texts(message.metadata.benchmark_method or message.run.benchmark_method),
        jobs=_texts(message.run.job),
        parameters=_json_object(plain_text(message.run.parameters)),
        package_version=plain_text(message.run.package_version),
    )


def _texts(values: Iterable[str | bytes]) -> tuple[str, ...]:
    return tuple(plain_text(value) for value in values)


def _json_object(text: str) -> dict[str, Any]:
    """The object, if it can be written as JSON again; nan and infinities, which JSON has not, become None."""
    try:
        value = json.loads(text, parse_constant=lambda name: None, parse_float=_finite_or_none) if text else {}
    except (RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) and _is_flatter(value, _DEEPEST_JSON) else {}


def _finite_or_none(text: str) -> float | None:
    """The number; None for one such as 1e999, which would be infinite."""
    value = float(text)
    return value if math.isfinite(value) else None


def _is_flatter(value: Any, levels: int) -> bool:
    """Whether lists and objects lie at most so deep within one another."""
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flatter(entry, levels - 1) for entry in entries)


def _decode_sample(message: Explain) -> Iterator[StoredRecord]:
    sample = message.sample
    path, shown = plain_text(sample.image_path), bool(message.image_path)
    yield ImageFile(message.sample_id, path, shown, sample.image_digest)
    yield Prediction(
        sample_id=message.sample_id,
        ground_truth=tuple(sample.ground_truth),
        predicted=tuple(sample.predicted),
        explained=tuple(sample.explained),
        probabilities=np.array(sample.probability, np.float32),
    )
    if sample.HasField("input_digest"):
        yield SampleOrigin(message.sample_id, sample.input_digest, plain_text(sample.source), sample.source_digest)
    if sample.HasField("objects"):
        yield _decode_objects(message.sample_id, sample.objects)
    if message.HasField("uncertainty"):
        yield _decode_uncertainty(message.sample_id, message.uncertainty)


def _decode_uncertainty(sample_id: int, message: Explain.Uncertainty) -> Uncertainty:
    mean, deviation, low, high = (
        np.array(values, np.float32) for values in (message.mean, message.deviation, message.low, message.high)
    )
    entropies = message.total, message.aleatoric, message.epistemic
    return Uncertainty(sample_id, mean, deviation, low, high, *entropies, _decode_draws(message))


def _decode_draws(message: Explain.Uncertainty) -> Draws | None:
    """The draws; None where there are none, or not as many of each label."""
    labels, draws = tuple(message.drawn_label), np.array(message.draw, np.float32)
    if not labels or not draws.size or draws.size % len(labels):
        return None
    return Draws(labels, draws.reshape(len(labels), -1).T)


def _decode_objects(sample_id: int, message: Explain.Objects) -> ObjectBoxes:
    """The boxes; one that is cut short, or has no label, is left out."""
    edges = list(message.box)
    fours = [edges[at : at + 4] for at in range(0, len(edges) - 3, 4)]
    boxes = tuple(Box(label, *four) for label, four in zip(message.label, fours, strict=False))
    return ObjectBoxes(sample_id, boxes, (message.width, message.height))


def _decode_maps(message: Explain) -> Iterator[StoredRecord]:
    for entry in message.explanation:
        name, path = plain_text(entry.explain_method), plain_text(entry.heatmap_path)
        gap = entry.completeness_gap if entry.HasField("completeness_gap") else None
        raw = _raw_map(entry.raw) if entry.HasField("raw") else None
        error = entry.standard_error if entry.HasField("standard_error") else None
        own = entry.label, path, entry.low, entry.high, gap, entry.digest, raw, error
        yield SaliencyFile(message.sample_id, name, *own)


def _raw_map(entry: Explain.RawMap) -> RawMapFile:
    return RawMapFile(plain_text(entry.path), entry.digest, entry.exponent)


def _decode_scores(message: Explain) -> Iterator[StoredRecord]:
    for score in message.score:
        label = score.label if score.HasField("label") else None
        yield Score(
            message.sample_id, plain_text(score.explain_method), plain_text(score.benchmark_method), label, score.value
        )
    for curve in message.curve:
        if not curve.fraction or len(curve.fraction) != len(curve.probability):
            continue  # not written by us: no curve
        names = plain_text(curve.explain_method), plain_text(curve.benchmark_method)
        points = np.array(curve.fraction, np.float32), np.array(curve.probability, np.float32)
        yield ScoreCurve(message.sample_id, *names, curve.label, plain_text(curve.fill), *points)


def _decode_benchmarks(message: Explain) -> Iterator[StoredRecord]:
    for entry in message.benchmark:
        yield Benchmark(
            explainer=plain_text(entry.explain_method),
            metric=plain_text(entry.benchmark_method),
            total=entry.total_score,
            by_label=tuple(entry.label_score),
            defined=entry.defined,
            undefined=entry.undefined,
        )
