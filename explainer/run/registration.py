"""What is checked when something is registered, before any work: data, explainers, metrics, jobs and sinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explainer.benchmark.base import Metric
from explainer.checks import require_distinct, require_json, require_type
from explainer.data.labels import doubled
from explainer.data.mindspore_dataset import require_dataset
from explainer.explanation.base import Attribution

_RESERVED = (
    *("network", "provenance", "activation_fn", "dataset", "options", "label_format", "engine"),
    *("explainers", "metrics", "controls", "control_samples", "benchmark"),
)


def require_data(data: Any) -> tuple[Any, list[str]]:
    """The dataset and the labels; TypeError or ValueError unless they are what a run needs."""
    require_type("data", data, tuple, "a tuple (dataset, labels)")
    if len(data) != 2:
        raise ValueError(f"`data` must be a tuple of two, (dataset, labels), got {len(data)} entries")
    dataset, labels = data
    require_dataset(dataset)
    require_type("data[1]", labels, list, "a list of strings, the labels")
    for index, label in enumerate(labels):
        require_type(f"data[1][{index}]", label, str, "a string")
    if not labels:
        raise ValueError("`data[1]` must name every class, got an empty list")
    for index, label in enumerate(labels):
        _require_text(index, label)
    blank = [index for index, label in enumerate(labels) if not label.strip()]
    if blank:
        raise ValueError(f"`data[1]` must not hold blank labels, label {blank[0]} is {labels[blank[0]]!r}")
    for name, (first, second, *_) in doubled(labels).items():
        raise ValueError(
            f"`data[1]` must be distinct, got {name!r} twice, at {first} and {second}; results are filed under the "
            f"label's name, so number them: {name + ' (1)'!r}, {name + ' (2)'!r}"
        )
    return dataset, list(labels)


def _require_text(index: int, label: str) -> None:
    try:
        label.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"`data[1]` must hold text, label {index} is {label!r}: {error.reason}") from error


def require_sources(sources: Sequence[Any] | None, count: int | None) -> None:
    """Raises ValueError unless there is a file for each sample, where their number is known."""
    if sources is not None and count is not None and len(sources) != count:
        raise ValueError(
            f"`sources` must name the file of each sample, got {len(sources)} for {count} samples; give them in the "
            "order of the dataset"
        )


def require_explainers(explainers: Any, network: Any) -> None:
    """Raises TypeError or ValueError unless these are explainers of this network, of distinct names, for a run."""
    require_type("explainers", explainers, list, "a list of explainers")
    if not explainers:
        raise ValueError("`explainers` must hold at least one explainer, got an empty list")
    for index, explainer in enumerate(explainers):
        require_type(f"explainers[{index}]", explainer, Attribution, "an explainer of explainer.explanation")
        if explainer.network is not network:
            raise ValueError(
                f"`explainers[{index}]` ({explainer.name}) must be made for the same network object as the runner's, "
                "got another; its maps would not explain the runner's predictions"
            )
        if not explainer.gives_pictures:
            raise ValueError(
                f"`explainers[{index}]` ({explainer.name}) must give one picture per label, (N, L, H, W), for images "
                "(N, C, H, W); its data_format, per_channel, aggregate or score gives something else, so call it alone"
            )
    require_distinct("explainers", [explainer.name for explainer in explainers], "pass name=... to tell them apart")


def require_metrics(metrics: Any, boxes: bool, label_count: int) -> None:
    """Raises TypeError or ValueError unless these are metrics that the data can be scored by, of distinct names."""
    require_type("benchmarkers", metrics, list, "a list of metrics")
    for index, metric in enumerate(metrics):
        require_type(f"benchmarkers[{index}]", metric, Metric, "a metric of explainer.benchmark")
        if "boxes" in metric.needs and not boxes:
            raise ValueError(
                f"`benchmarkers[{index}]` ({metric.name}) needs bounding boxes, but the dataset has no third column; "
                "add the column bboxes or leave this metric out"
            )
        if getattr(metric, "num_labels", label_count) != label_count:
            raise ValueError(
                f"`benchmarkers[{index}]` ({metric.name}) must be made for the runner's {label_count} labels, got "
                f"num_labels={metric.num_labels}"
            )
    require_distinct("benchmarkers", [metric.name for metric in metrics], "metric.named(...) gives one another name")


def require_members(what: str, value: Any, names: Sequence[str]) -> None:
    """Raises TypeError, naming what is missing, unless the value has these members."""
    missing = [name for name in names if not hasattr(value, name)]
    if missing:
        raise TypeError(f"`{what}` must have {', '.join(names)}, {type(value).__name__} lacks {', '.join(missing)}")


def require_recordable(job: Any) -> None:
    """Raises TypeError or ValueError unless a summary can keep the job's name and, where it has any, its parameters."""
    require_type("job.name", job.name, str, "a string")
    if job.name in _RESERVED:
        raise ValueError(
            f"`job.name` must not be one of {', '.join(_RESERVED)}, which a summary uses, got {job.name!r}"
        )
    require_json(f"{job.name}.parameters", getattr(job, "parameters", {}))


def require_jobs(jobs: Sequence[Any], resume: bool) -> None:
    """Raises RuntimeError unless there is something to do, and the jobs can do it together."""
    names = {job.name for job in jobs}
    if not names:
        raise RuntimeError("nothing to do: call register_saliency (or register) before run")
    if "uncertainty" in names and "saliency" not in names:
        raise RuntimeError(
            "register_uncertainty was called without register_saliency; MindInsight shows uncertainty on the "
            "saliency page alone, so register saliency, too, or use explainer.uncertainty alone"
        )
    deaf = [job.name for job in jobs if not hasattr(job, "recall")]
    if resume and deaf:
        raise RuntimeError(
            f"the job {deaf[0]!r} cannot be in a run that is resumed: it has no method `recall(sample)`, which "
            "counts what was recorded of a sample for the totals; add one, empty where there are no totals"
        )
