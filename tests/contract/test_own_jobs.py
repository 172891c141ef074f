"""Every job of the package holds the contract that a job of one's own holds."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import SmallCnn

from explainer import RunOptions
from explainer.benchmark import Faithfulness, Localization, Sparseness
from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import RISE, Gradient
from explainer.explanation.controls import RandomControl
from explainer.network.of import classifier_of
from explainer.run.hierarchical_occlusion import HierarchicalOcclusionJob
from explainer.run.inference import InferenceJob
from explainer.run.job import Job, PredictedBatch
from explainer.run.saliency import SaliencyJob
from explainer.run.uncertainty import UncertaintyJob
from explainer.testing import JobContract
from explainer.testing.examples import batch_of, images_of
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty, Uncertainty

SOFTMAX = nn.Softmax()


class Picky(nn.Cell):
    """As a small network, but NaN for images whose very last pixel is 7."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.network = SmallCnn(3, seed=seed)

    def construct(self, images: Tensor) -> Tensor:
        return self.network(images) + 0 / (images[:, -1, -1, -1:] - 7)


NETWORK, ANOTHER = Picky(), Picky(seed=5)
KEPT = [classifier_of(NETWORK), classifier_of(ANOTHER)]  # so that what was compiled for them is kept


class OfPictures(JobContract):
    """A job for images of three channels; the base of the tests below."""

    def refused(self) -> PredictedBatch | None:
        return batch_of(images_of(3, channels=2))

    def with_a_seven(self) -> tuple[PredictedBatch, int]:
        images = images_of(3, channels=3)
        images[1, -1, -1, -1] = 7
        return batch_of(images), 5


class TestInferenceJob(OfPictures):
    def make(self) -> Job:
        return InferenceJob(RunOptions(mean=[0.5, 0.4, 0.3], std=[0.25, 0.5, 0.2]))


class TestSaliencyJob(OfPictures):
    def make(self) -> Job:
        explainers = [Gradient(NETWORK), RISE(NETWORK, SOFTMAX, masks=6, grid=2)]
        metrics = [
            Localization(4),
            Faithfulness(4, SOFTMAX, "DeletionAUC", steps=3, curve_fills=["mean"]),
            Sparseness(4),
        ]
        return SaliencyJob(explainers, metrics, [RandomControl(NETWORK)])

    def faulty(self) -> tuple[PredictedBatch, int]:
        return self.with_a_seven()


class TestSaliencyJobOfManyPasses(OfPictures):
    """Five masks fill more than four passes of one image: each sample is explained, scored and counted by itself."""

    def make(self) -> Job:
        return SaliencyJob([RISE(NETWORK, SOFTMAX, 1, masks=5, grid=2)], [Sparseness(4)])

    def faulty(self) -> tuple[PredictedBatch, int]:
        return self.with_a_seven()


class TestHierarchicalOcclusionJob(OfPictures):
    def make(self) -> Job:
        search = HierarchicalOcclusion(NETWORK, SOFTMAX, [4, 2], [2, 1], threshold=0.2)
        return HierarchicalOcclusionJob(search, mask=0.0)

    def faulty(self) -> tuple[PredictedBatch, int]:
        return self.with_a_seven()


class TestUncertaintyJob(OfPictures):
    @pytest.fixture(autouse=True, params=["dropout", "ensemble", "augmentation"])
    def chosen(self, request: pytest.FixtureRequest) -> None:
        self.way: str = request.param

    def make(self) -> Job:
        return UncertaintyJob(self.drawn())

    def drawn(self) -> Uncertainty:
        if self.way == "ensemble":
            return EnsembleUncertainty([NETWORK, ANOTHER], SOFTMAX)
        kind = DropoutUncertainty if self.way == "dropout" else AugmentationUncertainty
        return kind(NETWORK, SOFTMAX, draws=3)

    def faulty(self) -> tuple[PredictedBatch, int]:
        return self.with_a_seven()


def test_a_seven_is_a_fault_of_the_network_that_the_jobs_work_on() -> None:
    images = images_of(3, channels=3)
    images[1, -1, -1, -1] = 7
    assert np.isnan(NETWORK(Tensor(images)).asnumpy()).any(axis=1).tolist() == [False, True, False]
