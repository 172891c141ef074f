"""A sample, a label and a map, as a user names them."""

import numpy as np
import pytest
from paired_runs import MAP, METADATA, Item, write

from explainer import read_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two samples with maps of the label 1, dog, by two methods."""
    items = [
        Item(number, f"photos/{number}.png", maps={("GradCAM", 1): MAP + number, ("RISE", 1): MAP * 2})
        for number in (0, 3)
    ]
    return read_run(write(tmp_path_factory.mktemp("run"), items, METADATA))


def test_a_map_is_found_by_names_and_by_numbers(run):
    wanted = run.saliency(next(entry for entry in run.samples[3].maps if entry.explainer == "GradCAM"))
    for sample in (3, "photos/3.png"):
        for label in (1, "dog", np.int64(1)):
            np.testing.assert_array_equal(run.map_of(sample, "GradCAM", label), wanted)


def test_a_label_is_found_by_its_name(run):
    assert [run.label_id(name) for name in METADATA.labels] == [0, 1, 2]
    assert run.label_id(2) == 2


@pytest.mark.parametrize(
    ("sample", "explainer", "label", "message"),
    [
        (1, "GradCAM", 1, "`sample` must be numbers of complete samples, which lie in 0 to 3, or names .* got 1$"),
        ("photos/1.png", "GradCAM", 1, "got 'photos/1.png'; did you mean 'photos/[03].png'"),
        (0, "GradCam", 1, "`explainer` must be one of GradCAM, RISE, got 'GradCam'; did you mean 'GradCAM'"),
        (0, "GradCAM", "dig", "`label` must be among the 3 class names, got 'dig'; did you mean 'dog'"),
        (0, "GradCAM", 3, r"`label` must be names of labels, or numbers in \[0, 2\], got 3"),
        (0, "GradCAM", True, r"got True"),
        (0, "RISE", "cat", "sample 0 has no map of RISE for the label 'cat'; it has maps for 'dog'"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(run, sample, explainer, label, message):
    with pytest.raises(ValueError, match=message):
        run.map_of(sample, explainer, label)
