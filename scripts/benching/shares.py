"""What part of a run's CPU time is spent in writing its summary."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from mindspore import nn
from trial import data, datasets, networks

from benching.networks import BATCH
from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Faithfulness, LabelMetric
from explainer.explanation import Attribution, GradCAM, Gradient, Occlusion
from explainer.summary import SummaryWriter


@dataclass(frozen=True)
class Share:
    """CPU seconds inside the summary's writer and of the whole process, in one run."""

    name: str
    inside: float
    whole: float
    goal: float


def share_rows() -> list[Share]:
    """The writer's part of a cheap run, and of one as it may well be."""
    network, softmax = networks.CifarResNet20(), nn.Softmax()
    cheap: list[Attribution] = [Gradient(network), GradCAM(network, "layer3")]
    more = [*cheap, Occlusion(network, softmax, window=8, stride=4)]
    deletion = Faithfulness(10, softmax, "DeletionAUC")
    return [
        _share("200 images, Gradient + GradCAM", network, 200, cheap, []),
        _share("50 images, these, Occlusion 8/4, DeletionAUC", network, 50, more, [deletion]),
    ]


def _share(
    name: str, network: nn.Cell, images: int, explainers: list[Attribution], metrics: list[LabelMetric]
) -> Share:
    """Of a run of ResNet-20, after one that compiles it."""
    options = RunOptions(batch_size=BATCH, mean=data.MEAN, std=data.STD, progress=False)
    with tempfile.TemporaryDirectory() as folder, _writer_timed() as spent:
        given = datasets.cifar_dataset(images), data.cifar10_labels()
        runner = ImageClassificationRunner(folder, given, network, nn.Softmax(), options=options)
        runner.register_saliency(explainers, list(metrics))
        runner.run()
        spent.clear()
        start = time.process_time()
        runner.run()
        return Share(f"writer / run: {name}", sum(spent), time.process_time() - start, goal=0.05)


@contextmanager
def _writer_timed() -> Iterator[list[float]]:
    """The CPU seconds of each call of a summary's writer; the thread's, as MindSpore's others wait by spinning."""
    spent: list[float] = []

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            start = time.thread_time()
            try:
                return method(*given)
            finally:
                spent.append(time.thread_time() - start)

        return call

    with ExitStack() as stack:
        for name in ("__init__", "write", "close"):
            stack.enter_context(patch.object(SummaryWriter, name, timed(getattr(SummaryWriter, name))))
        yield spent
