"""Whether images look as if they had been normalised as a run was told: what is doubted, and what is not."""

import logging

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import NumpySlicesDataset
from networks import SmallCnn

from explainer import ImageClassificationRunner, RunOptions
from explainer.explanation import Gradient
from explainer.run.normalisation_check import doubt_about

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
BYTES = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 9)).astype(np.float32)
BYTES[0, :, 0, :2] = [0, 255]
PIXELS = BYTES / 255


def normalised(pixels, mean=MEAN, std=STD):
    return ((pixels - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))).astype(np.float32)


NEVER = "images should be normalised as in the network's training, but the first have values from 0 to 255, as pixels"
NOT_APPLIED = (
    "images should be normalised by `mean` and `std`, but the first have values from 0 to 1, none below the mean"
)


@pytest.mark.parametrize(
    ("images", "mean", "std", "told"),
    [
        (BYTES, None, None, NEVER),
        (BYTES, MEAN, STD, NEVER),
        (BYTES, 0.0, 1.0, NEVER),
        (BYTES, 0.0, 255.0, NEVER),
        (PIXELS, MEAN, STD, NOT_APPLIED),
        (PIXELS, 255 * MEAN, 255 * STD, NOT_APPLIED),
        (normalised(PIXELS), 0.0, 1.0, "image * std + mean of the first goes from -2.12 to 2.64 and not from 0 to 1"),
        (normalised(normalised(PIXELS)), MEAN, STD, "goes from -2.12 to 2.64 and not from 0 to 1, so that pictures"),
        (normalised(BYTES), MEAN, STD, "goes from 0 to 255 and not from 0 to 1"),
        (normalised(PIXELS, 255 * MEAN, 255 * STD), 255 * MEAN, 255 * STD, "goes from 0 to 1 and not from 0 to 255"),
    ],
)
def test_wrong_normalisation_is_doubted_with_what_was_seen(images, mean, std, told):
    doubt = doubt_about(images, mean, std)
    assert told in doubt and "\n" not in doubt


@pytest.mark.parametrize(
    ("images", "mean", "std"),
    [
        (normalised(PIXELS), MEAN, STD),
        (normalised(PIXELS), None, None),
        (normalised(BYTES, 255 * MEAN, 255 * STD), 255 * MEAN, 255 * STD),
        (normalised(PIXELS, [0.5], [0.5]), 0.5, 0.5),
        (PIXELS, None, None),
        (PIXELS, 0.0, 1.0),
        (PIXELS, 0.0, 255.0),  # bytes that were divided by 255, as the run was told
        (BYTES, 0.0, 1 / 255),  # and pixels that were multiplied
        (BYTES - 123, 123.0, 1.0),
        (BYTES * 16, None, None),  # of 12 bits: nobody knows
        (BYTES * 12 - 1024, None, None),  # computed tomography
        (normalised(PIXELS / 20, [0.02], [0.05]), 0.02, 0.05),  # dark
        (np.zeros_like(PIXELS), 0.0, 1.0),
        (normalised(np.zeros_like(PIXELS), [30.0], [40.0]), 30.0, 40.0),
        (np.ones_like(PIXELS), 0.0, 1.0),
        (normalised(PIXELS) * 1.1, MEAN, STD),  # some contrast more
    ],
)
def test_what_may_well_be_right_is_not_doubted(images, mean, std):
    assert doubt_about(images, mean, std) is None


@pytest.mark.parametrize(
    ("images", "options", "count"),
    [
        (BYTES.astype(np.uint8), {}, 1),
        (BYTES, {"mean": 0.0, "std": 1.0}, 1),
        (normalised(PIXELS), {"mean": MEAN, "std": STD}, 0),
    ],
)
def test_a_run_warns_once_and_goes_on(tmp_path, caplog, images, options, count):
    network = SmallCnn(3)
    dataset = NumpySlicesDataset((images,), ["image"], shuffle=False)
    data = dataset, list("abcd")
    options = RunOptions(progress=False, batch_size=1, **options)
    runner = ImageClassificationRunner(tmp_path, data, network, nn.Softmax(), options=options)
    runner.register_saliency([Gradient(network)])
    with caplog.at_level(logging.WARNING, logger="explainer"):
        assert runner.run().samples == 2
    assert sum("should be normalised" in message for message in caplog.messages) == count
