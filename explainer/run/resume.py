"""What is compared before a run is gone on with, and the samples that need no work any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from explainer.data.batch import Sample
from explainer.errors import EngineError, ResumeError
from explainer.network.engine import AUTO, MINDSPORE, Engine, version_of
from explainer.network.onnx.device import CPU
from explainer.records import RunMetadata
from explainer.summary import codec
from explainer.summary.recorded_run import RecordedRun
from explainer.summary.same_run import compared, free, in_words, told_differences
from explainer.summary.settings import mapping

_DO = "Give what the run was begun with, or begin a new one (without resume)"


def require_same(recorded: RecordedRun, metadata: RunMetadata) -> dict[str, Any]:
    """What is other now, and may be, of the recorded parameters: their new values.

    Raises:
        ResumeError: what would change the results is other than it was; names each difference.
    """
    now = as_recorded(metadata)
    then_compared, now_compared = compared(recorded.metadata), compared(now)
    # Earlier versions told less of pictures; their digests are compared one by one.
    known = mapping(then_compared.get("dataset"))
    now_compared["dataset"] = {name: mapping(now_compared.get("dataset")).get(name) for name in known}
    found = [in_words(found) for found in told_differences(then_compared, now_compared)]
    if found:
        raise ResumeError(f"cannot go on with {recorded.event_file}: {'; '.join(found)}. {_DO}")
    return _changed(free(recorded.metadata), free(now))


def require_label_format(recorded: RecordedRun, label_format: str | None) -> None:
    """Raises ResumeError unless the labels of the data are read as they were."""
    then = recorded.metadata.parameters.get("label_format")
    if then != label_format:
        raise ResumeError(
            f"cannot go on with {recorded.event_file}: label_format differs: {then!r} then, {label_format!r} now. {_DO}"
        )


def engine_of(recorded: RecordedRun, asked: str, device: str = CPU) -> str:
    """The engine that goes on with a run: the one that has begun it.

    Raises:
        ResumeError: another one is asked for, or another device.
    """
    engine = mapping(recorded.metadata.parameters.get("engine"))
    then = engine.get("name", MINDSPORE)  # earlier versions had no other
    now = then if asked == AUTO else asked
    for what, before, after in (("engine", then, now), ("device", engine.get("device", CPU), device)):
        if before != after:
            raise ResumeError(
                f"cannot go on with {recorded.event_file}: {what} differs: {before!r} then, {after!r} now. {_DO}"
            )
    return str(then)


def engine_now(recorded: RecordedRun) -> dict[str, Any] | None:
    """What was recorded of the engine, with the version that is here; None where nothing was."""
    then = mapping(recorded.metadata.parameters.get("engine"))
    return {**then, "version": version_of(str(then.get("name")))} if then else None


@contextmanager
def same_engine(recorded: RecordedRun) -> Iterator[None]:
    """Raises ResumeError where the engine that has begun a run can no longer compute the network."""
    try:
        yield
    except EngineError as error:
        raise ResumeError(
            f"cannot go on with {recorded.event_file}: engine differs: ONNX Runtime has begun it. {error}. Begin a new "
            "run (without resume)"
        ) from error


def require_same_engines(recorded: RecordedRun, now: Engine) -> None:
    """Raises ResumeError where another engine than then would answer for gradients or a layer."""
    then = mapping(mapping(recorded.metadata.parameters.get("engine")).get("questions"))
    for question, found in now.questions.items():
        name = mapping(then.get(question)).get("name", found.name)
        if name != found.name:
            why = f" ({found.reason})" if found.reason else ""
            raise ResumeError(
                f"cannot go on with {recorded.event_file}: engine of the {question} differs: {name!r} then, "
                f"{found.name!r} now{why}. {_DO}"
            )


def as_recorded(metadata: RunMetadata) -> RunMetadata:
    """The metadata as a file gives it back: tuples are lists, and what JSON has not is None."""
    event = codec.as_event(codec.encode_metadata(metadata), 0.0)
    (found,) = codec.decode(event)
    assert isinstance(found, RunMetadata)
    return found


class CompleteSamples:
    """The samples of a dataset that a run need not work on any more.

    Args:
        recorded: the run that is gone on with; None for a new one.
    """

    def __init__(self, recorded: RecordedRun | None = None) -> None:
        self._recorded = recorded
        self._left = set() if recorded is None else {*recorded.complete}

    def has(self, sample: Sample) -> bool:
        """Whether this sample of the dataset is complete, or was left out.

        Raises:
            ResumeError: the dataset has another image, or another label, in its place.
        """
        if self._recorded is None:
            return False
        if sample.sample_id in self._left:
            self._left.remove(sample.sample_id)
            self._require_same(self._recorded, sample)
            return True
        return sample.sample_id in self._recorded.skipped

    def require_all_met(self) -> None:
        """Raises ResumeError where the dataset ended before the last sample that was complete."""
        if self._recorded is not None and self._left:
            raise ResumeError(
                f"cannot go on with {self._recorded.event_file}: images differ: the dataset ends before sample "
                f"{max(self._left)}, which was explained. {_DO}"
            )

    def _require_same(self, recorded: RecordedRun, sample: Sample) -> None:
        before = recorded.sample(sample.sample_id)
        what = None
        if before.origin is None:
            what = f"an earlier version wrote it, which kept no digest of {_image(sample)} to know it by"
        elif before.origin.input_digest != sample.digest:
            what = f"images differ: {_image(sample)} is not the one that was explained"
        elif before.prediction.ground_truth != sample.labels:
            then, now = list(before.prediction.ground_truth), list(sample.labels)
            what = f"true labels differ: {_image(sample)} had {then}, has {now}"
        if what is not None:
            do = "The dataset must come in the same order, without random changes (shuffle=False, or a fixed seed)"
            raise ResumeError(f"cannot go on with {recorded.event_file}: {what}. {do}; or begin a new run")


def _image(sample: Sample) -> str:
    return f"{sample.named}{f', {sample.fault},' if sample.fault else ''}"


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in now.items() if then.get(name) != value}
