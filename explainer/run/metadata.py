"""What a summary says of a run as a whole: its first record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from explainer.data.mindspore_dataset import description_of
from explainer.network.onnx_classifier import OnnxClassifier
from explainer.records import RunMetadata
from explainer.run.job import Job
from explainer.run.options import RunOptions
from explainer.run.provenance import provenance_of
from explainer.run.saliency import SaliencyJob
from explainer.version import __version__


def metadata_of(
    subject: tuple[Any, Any, OnnxClassifier],
    data: tuple[Any, Sequence[str]],
    jobs: Sequence[Job],
    options: RunOptions,
    found: Mapping[str, Any],
) -> RunMetadata:
    """The metadata of a run.

    Args:
        subject: the network, its activation, and both as a classifier.
        data: the dataset and the labels.
        jobs: those that were registered.
        options: of the run.
        found: what the first batch told: how labels are read, which engine computes the network.
    """
    network, activation, classifier = subject
    dataset, labels = data
    saliency = _saliency_of(jobs)
    return RunMetadata(
        labels=tuple(labels),
        explainers=tuple(explainer.name for explainer in saliency.explainers),
        metrics=tuple(metric.name for metric in saliency.metrics),
        jobs=tuple(job.name for job in jobs) + (("benchmark",) if saliency.metrics else ()),
        parameters={
            "network": type(network).__name__,
            "provenance": provenance_of(network, classifier.weights_digest(), options.provenance) | _of_jobs(jobs),
            "activation_fn": type(activation).__name__,
            "dataset": description_of(dataset),
            "options": options.recorded,
            **found,
            **settings_of(jobs),
        },
        package_version=__version__,
    )


def settings_of(jobs: Sequence[Job]) -> dict[str, Any]:
    """The settings of jobs, of explainers and metrics; the first images may tell more of them (a layer)."""
    saliency = _saliency_of(jobs)
    return {
        "explainers": {explainer.name: explainer.parameters for explainer in saliency.explainers},
        "metrics": {metric.name: metric.parameters for metric in saliency.metrics},
        "controls": {control.name: control.parameters for control in saliency.controls},
        **_of_controls(saliency),
        **{job.name: dict(job.parameters) for job in jobs if hasattr(job, "parameters")},
    }


def _saliency_of(jobs: Sequence[Job]) -> SaliencyJob:
    return next((job for job in jobs if isinstance(job, SaliencyJob)), SaliencyJob([]))


def _of_controls(saliency: SaliencyJob) -> dict[str, Any]:
    """Which samples the controls are scored on, where those are not all."""
    recorded = saliency.control_samples.recorded
    return {} if recorded is None else {"control_samples": recorded}


def _of_jobs(jobs: Sequence[Job]) -> dict[str, Any]:
    """The digests of what jobs were given beside the network: other networks, an image."""
    found = {job.name: dict(getattr(job, "provenance", {})) for job in jobs}
    return {name: digests for name, digests in found.items() if digests}
