"""What RunOptions accepts and what it says of the rest."""

import dataclasses
import json

import numpy as np
import pytest

from explainer import Preprocess, RunOptions


def test_every_option_has_its_documented_default():
    assert dataclasses.asdict(RunOptions()) == {
        "batch_size": 32,
        "threshold": 0.5,
        "top_k": 0,
        "mean": None,
        "std": None,
        "preprocess": None,
        "to_display": None,
        "label_format": "auto",
        "on_bad_sample": "raise",
        "progress": None,
        "sources": None,
        "control_samples": "auto",
        "raw_maps": None,
        "engine": "mindspore",  # which the tests' EXPLAINER_ENGINE says
        "device": "cpu",
        "provenance": {},
    }


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        ("batch_size", 0, ValueError, "`batch_size` must be at least 1, got 0"),
        ("batch_size", -3, ValueError, "`batch_size` must be at least 1, got -3"),
        ("batch_size", 2.0, TypeError, "`batch_size` must be a whole number, got float 2.0"),
        ("batch_size", True, TypeError, "`batch_size` must be a whole number, got bool True"),
        ("batch_size", None, TypeError, "`batch_size` must be a whole number, got NoneType"),
        ("engine", "onnx", ValueError, "`engine` must be one of auto, mindspore, onnxruntime, got 'onnx'"),
        ("engine", None, ValueError, "`engine` must be one of auto, mindspore, onnxruntime, got None"),
        ("control_samples", 0, ValueError, "`control_samples` must be at least 1, got 0"),
        ("control_samples", 2.5, TypeError, "`control_samples` must be a whole number, got float 2.5"),
        ("control_samples", "all", ValueError, "must be a number of samples, \"auto\", or None for all, got 'all'"),
        ("top_k", -1, ValueError, "`top_k` must be at least 0, got -1"),
        ("top_k", "3", TypeError, "`top_k` must be a whole number, got str '3'"),
        ("threshold", 1.01, ValueError, r"`threshold` must lie in \[0, 1\], got 1.01"),
        ("threshold", -0.1, ValueError, r"`threshold` must lie in \[0, 1\], got -0.1"),
        ("threshold", float("nan"), ValueError, r"`threshold` must lie in \[0, 1\], got nan"),
        ("threshold", "0.5", TypeError, "`threshold` must be a number, got str '0.5'"),
        (
            "on_bad_sample",
            "skp",
            ValueError,
            "`on_bad_sample` must be one of raise, skip, got 'skp'; did you mean 'skip'",
        ),
        (
            "label_format",
            "multihot",
            ValueError,
            "`label_format` must be one of auto, ids, multi-hot, got 'multihot'; did you mean 'multi-hot'",
        ),
        ("label_format", None, ValueError, "`label_format` must be one of auto, ids, multi-hot, got None"),
        ("on_bad_sample", None, ValueError, "`on_bad_sample` must be one of raise, skip, got None"),
        ("to_display", "grey", TypeError, "`to_display` must be a function, got str"),
        ("sources", "ant/1.png", TypeError, "`sources` must be a list of paths, one for each sample, got str"),
        ("sources", ["ant/1.png", 2], TypeError, r"`sources\[1\]` must be a path, got int"),
        ("provenance", ["resnet20.ckpt"], TypeError, "`provenance` must be a mapping of names to JSON values"),
        ("provenance", {"seed": {1}}, TypeError, "`provenance` must hold JSON values"),
    ],
)
def test_an_option_of_a_wrong_type_or_value_is_refused_by_name(field, value, error, message):
    with pytest.raises(error, match=message):
        RunOptions(**{field: value})


@pytest.mark.parametrize("given", [{"mean": 0.5}, {"std": [0.2, 0.3, 0.4]}])
def test_mean_and_std_must_come_together(given):
    with pytest.raises(ValueError, match=r"`mean` and `std` must be given together: pixels = image \* std \+ mean"):
        RunOptions(**given)


@pytest.mark.parametrize("std", [0, -1.0, [0.2, 0.0, 0.2], [0.2, float("nan"), 0.2]])
def test_std_must_be_positive_in_every_channel(std):
    with pytest.raises(ValueError, match="`std` must be positive in every channel, got"):
        RunOptions(mean=0.5, std=std)


@pytest.mark.parametrize("given", [{"mean": "half", "std": 0.5}, {"mean": 0.5, "std": "half"}])
def test_mean_and_std_that_are_not_numbers_are_refused_by_name(given):
    with pytest.raises((TypeError, ValueError), match=r"`(mean|std)` must be"):
        RunOptions(**given)


@pytest.mark.parametrize("given", [{"mean": float("nan"), "std": 1.0}, {"mean": [0.1, float("inf")], "std": 1.0}])
def test_a_mean_that_is_not_finite_is_refused_by_name(given):
    with pytest.raises(ValueError, match="`mean` must be finite"):
        RunOptions(**given)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"mean": 0.5, "std": 0.5, "to_display": lambda image: image}, "`mean` and `std` and `to_display`"),
        ({"mean": 0.5, "std": 0.5, "preprocess": Preprocess(8)}, "`mean` and `std` and `preprocess`"),
        ({"preprocess": Preprocess(8), "to_display": lambda image: image}, "`preprocess` and `to_display`"),
    ],
)
def test_there_is_one_way_from_an_image_to_its_picture(given, names):
    with pytest.raises(ValueError, match=f"{names} are ways from an image to its picture: give one of them"):
        RunOptions(**given)


def test_a_preprocess_is_recorded_with_all_of_its_settings():
    with pytest.raises(TypeError, match=r"`preprocess` must be an explainer\.Preprocess, got dict"):
        RunOptions(preprocess={"size": 8})
    recorded = RunOptions(preprocess=Preprocess((8, 6), mean=127.5, std=[51, 102, 153])).recorded
    assert recorded["preprocess"] == {
        "size": [8, 6],
        "channels": 3,
        "mean": [0.5],
        "std": [0.2, 0.4, 0.6],
        "resize": None,
        "center_crop": False,
    }
    assert "mean" not in recorded


@pytest.mark.parametrize("value", [0.0, 1.0, np.float32(0.25), 1])
def test_the_ends_of_the_threshold_and_numbers_of_numpy_are_accepted(value):
    assert RunOptions(threshold=value).threshold == value


def test_whole_numbers_of_numpy_are_accepted():
    options = RunOptions(batch_size=np.int64(7), top_k=np.int32(2))
    assert (options.batch_size, options.top_k) == (7, 2)


def test_options_cannot_change_during_a_run():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunOptions().top_k = 3


def test_options_go_by_name_only():
    with pytest.raises(TypeError, match="positional"):
        RunOptions(32)


def test_what_is_recorded_is_json_with_every_option_that_changes_results():
    options = RunOptions(
        batch_size=8,
        threshold=0.25,
        top_k=2,
        mean=np.float32([0.5, 0.25]),
        std=2,
        label_format="multi-hot",
        on_bad_sample="skip",
        raw_maps="float16",
    )
    assert json.loads(json.dumps(options.recorded)) == {
        "batch_size": 8,
        "threshold": 0.25,
        "top_k": 2,
        "label_format": "multi-hot",
        "on_bad_sample": "skip",
        "mean": [0.5, 0.25],
        "std": 2.0,
        "raw_maps": "float16",
    }
    assert not {"mean", "raw_maps"} & RunOptions().recorded.keys()


def test_numbers_of_numpy_are_recorded_as_json():
    json.dumps(RunOptions(batch_size=np.int64(7), top_k=np.int64(2)).recorded)
