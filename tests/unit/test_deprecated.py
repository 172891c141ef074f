"""Old names work for one version, and say what they are called now."""

from __future__ import annotations

import numpy as np
import pytest

from explainer.data.batch import Sample
from explainer.errors import BadSampleError
from explainer.run.job import PredictedBatch, PredictedSample


def test_the_place_of_a_bad_sample_is_its_index() -> None:
    error = BadSampleError("bad", index=3)
    with pytest.warns(DeprecationWarning, match="`place` is now called `index`"):
        assert error.place == error.index == 3


def test_the_cases_of_a_batch_are_its_samples() -> None:
    image = np.zeros((3, 5, 7), np.float32)
    batch = PredictedBatch((PredictedSample(Sample(4, image, (1,)), np.float32([0.25, 0.75]), (1,), (1,)),))
    with pytest.warns(DeprecationWarning, match="`cases` is now called `samples`"):
        assert batch.cases == batch.samples
    (sample,) = batch.samples
    assert (sample.sample_id, sample.labels, sample.boxes) == (4, (1,), ()) and sample.image is image
