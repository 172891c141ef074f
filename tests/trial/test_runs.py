"""The runner on pretrained networks and real images, read back from disk."""

from __future__ import annotations

import numpy as np
import pytest

import explainer
from trial import data, networks
from trial.run import run_cifar, run_photos

pytestmark = pytest.mark.usefixtures("queued_operators")


@pytest.fixture(scope="module", autouse=True)
def shared() -> None:
    data.require_shared()


def test_resnet20_explains_the_whole_cifar_set_and_reproduces_the_known_accuracy_on_disk(tmp_path):
    result = run_cifar(tmp_path, 200)
    run = explainer.read_run(result.summary_dir)
    assert run.ended
    assert not run.findings
    assert len(run.samples) == result.samples == 200
    assert result.maps == 2 * sum(len(sample.prediction.explained) for sample in run.samples.values())
    right = [
        int(sample.prediction.probabilities.argmax()) in sample.prediction.ground_truth
        for sample in run.samples.values()
    ]
    assert sum(right) == 161  # 0.805 of 200


def test_gradcam_of_squeezenet_looks_inside_the_box_of_the_cat_the_cup_and_the_tripod(tmp_path):
    run = explainer.read_run(run_photos(tmp_path).summary_dir)
    photos = data.photos()
    for place in range(3):  # the photos that the network names right
        entry = next(
            entry
            for entry in run.samples[place].maps
            if entry.explainer == "GradCAM" and entry.label == photos.labels[place]
        )
        saliency = run.saliency(entry)
        y, x = np.unravel_index(saliency.argmax(), saliency.shape)
        left, top, width, height = photos.boxes[place]
        assert left <= x < left + width
        assert top <= y < top + height


def test_the_pictures_of_a_run_are_the_users_own_pixels(tmp_path):
    from PIL import Image

    run = explainer.read_run(run_photos(tmp_path).summary_dir)
    with Image.open(data.shared_folder() / "data" / "photos" / "chelsea.png") as image:
        original = np.asarray(image.convert("RGB"))
    assert np.array_equal(run.picture(run.samples[0].image), original)


def test_a_network_loaded_strictly_refuses_weights_that_do_not_fit():
    with pytest.raises(ValueError, match="conv1"):
        networks.load_strictly(networks.DigitCnn(), {})
