"""The options of `explainer run`: what is required, what is refused, and what reaches the run."""

import dataclasses
import importlib
from pathlib import Path

import pytest

from explainer.command.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mean", 0.1, 0.2], "--mean must have 1 or 3 values for 3 channels, got 2"),
        (
            ["--mean", 123.7, "--preprocess", "cifar"],
            "--mean above 1 is for pixels up to 255, got 123.7, but",
        ),
        (["--std", 1, 1, 1, 1], "--std must have 1 or 3 values for 3 channels, got 4"),
        (["--std", 0], "`std` must be positive in every channel, got [0.0]"),
        (["--top-k", -1], "`top_k` must be at least 0, got -1"),
        (["--batch-size", 0], "`batch_size` must be at least 1, got 0"),
        (["--max-megapixels", 0], "--max-megapixels must be a number above 0, got 0"),
        (["--max-megapixels", "nan"], "--max-megapixels must be a number above 0, got nan"),
        (["--max-megapixels", "inf"], "--max-megapixels must be a number above 0, got inf"),
    ],
)
def test_numbers_that_make_no_sense_are_told_with_exit_status_2(refused, arguments, message):
    status, why = refused(*arguments)
    assert status == 2
    assert message in why


@pytest.mark.parametrize("arguments", [["--limit", 0], ["--limit", -1], ["--size", 0, 5], ["--size", 5, -1]])
def test_a_limit_or_size_below_one_is_told_with_exit_status_2(refused, arguments):
    status, why = refused(*arguments)
    assert status == 2
    assert arguments[0] in why


@pytest.mark.parametrize("missing", ["network", "images", "summary_dir"])
def test_what_is_required_is_asked_for_with_exit_status_2(command, missing):
    status, output, error = command(without=missing)
    assert (status, output) == (2, "")
    assert f"Missing option '--{missing.replace('_', '-')}'" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "tanh"], "Invalid value for '--activation': 'tanh' is not one of 'softmax', 'sigmoid'"),
        (
            ["--uncertainty", "yes"],
            "Invalid value for '--uncertainty': 'yes' is not one of 'dropout', 'shift', 'noise'",
        ),
        (["--channels", 4], "Invalid value for '--channels': '4' is not one of '1', '3'"),
        (["--top-k", "many"], "Invalid value for '--top-k': 'many' is not a valid integer"),
        (["--size", 4, "x"], "Invalid value for '--size': 'x' is not a valid integer"),
        (["--mean"], "Option '--mean' requires an argument"),
        (["--workers", "two"], "Invalid value for '--workers': 'two' must be a number of processes, or auto."),
        (["--workers", 0], "Invalid value for '--workers': '0' must be a number of processes, or auto."),
        (["--workers", 2, "--shard", "0/2"], "--shard and --workers (or --ray) are two ways to share the pictures"),
        (["--ray", "--shard", "0/2"], "--shard and --workers (or --ray) are two ways to share the pictures"),
        (["--workers", 2, "--dry-run"], "leave --workers and --ray out"),
        (["--mean", "grey"], "Invalid value for '--mean': 'grey' is no number, nor numbers such as 0.485 0.456 0.406"),
        (["--std="], "Invalid value for '--std': '' is no number"),
        (["--mean", 0.5, "grey"], "unexpected extra argument (grey)"),
        (["--bits", 0], "Invalid value for '--bits': 0 is not in the range 1<=x<=16"),
        (["--bits", 17], "Invalid value for '--bits': 17 is not in the range 1<=x<=16"),
        (["--on-bad-sample", "drop"], "Invalid value for '--on-bad-sample': 'drop' is not one of 'raise', 'skip'"),
        (["--control-samples", "0"], "'0' must be a number of samples, auto or all"),
        (["--control-samples", "some"], "'some' must be a number of samples, auto or all"),
        (["--nothing"], "No such option"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused_with_exit_status_2(command, arguments, message):
    status, output, error = command(*arguments)
    assert (status, output) == (2, "")
    assert message in error


# ---- options as the run gets them ----


class StoppedError(Exception):
    """Ends the command where the run would begin."""


@pytest.fixture
def options_of(monkeypatch, tmp_path):
    """The options that a run gets for some arguments, beside those that are required."""
    found = []

    def stop(given):
        found.append(given)
        raise StoppedError

    monkeypatch.setattr(importlib.import_module("explainer.command.folder_run"), "run_folder", stop)

    def options(*arguments):
        required = ["--network", "a:b", "--images", tmp_path, "--labels", "names.txt", "--summary-dir", "out"]
        with pytest.raises(StoppedError):
            main(["run", *map(str, [*required, *arguments])])
        return found[-1]

    return options


def test_what_is_not_given_has_its_default(options_of, tmp_path):
    given = dataclasses.asdict(options_of())
    assert given.pop("configuration").keys() == {"network", "images", "labels", "summary-dir"}
    assert given == {
        "network": "a:b",
        "network_args": (),
        "pictures": {
            "images": tmp_path,
            "labels": Path("names.txt"),
            "labels_csv": None,
            "annotations": None,
            "boxes": None,
            "on_unknown_label": "raise",
            "preprocess": None,
            "size": None,
            "resize": None,
            "center_crop": None,
            "channels": 3,
            "mean": None,
            "std": None,
            "limit": None,
            "sample_seed": None,
            "max_megapixels": 64.0,
            "bits": 16,
        },
        "summary_dir": Path("out"),
        "resume": False,
        "shard": None,
        "workers": None,
        "ray": None,
        "checkpoint": None,
        "explainers": "Gradient,GradCAM:layer=auto",
        "metrics": "",
        "hierarchical_occlusion": False,
        "uncertainty": None,
        "activation": "softmax",
        "batch_size": 32,
        "top_k": 0,
        "on_bad_sample": "raise",
        "control_samples": "auto",
        "raw_maps": None,
        "engine": None,
        "device": "cpu",
    }


def test_a_dry_run_of_a_run_that_is_gone_on_with_is_refused(command):
    status, output, error = command("--dry-run", "--resume")
    assert (status, output) == (2, "")
    assert "--dry-run tells what a new run will take; leave --resume out" in error


def test_the_controls_may_be_scored_on_all_samples(options_of):
    assert options_of("--control-samples", "all").control_samples is None


@pytest.mark.parametrize(
    ("arguments", "mean", "std"),
    [
        (["--mean", "0.485", "0.456", "0.406", "--std", ".1", "2e-1", "0.3"], (0.485, 0.456, 0.406), (0.1, 0.2, 0.3)),
        (["--std", "0.5", "--mean", "-0.25"], (-0.25,), (0.5,)),
        (["--mean=0.5", "--std=0.25"], (0.5,), (0.25,)),
        (["--mean", "0.4 0.5 0.6", "--limit", "3"], (0.4, 0.5, 0.6), (1.0,)),
        (["--mean", "0.1", "0.2", "0.3", "--mean", "0.5"], (0.5,), (1.0,)),
    ],
)
def test_mean_and_std_take_all_numbers_that_follow(options_of, arguments, mean, std):
    given = options_of(*arguments, "--channels", 3).pictures.made
    assert (given.mean, given.std, given.channels) == (mean, std, 3)


def test_every_option_reaches_the_run(options_of):
    words = "--checkpoint w.ckpt --explainers RISE --metrics Sparseness --hierarchical-occlusion --uncertainty noise"
    numbers = "--activation sigmoid --size 5 7 --channels 1 --batch-size 2 --top-k 4 --limit 3 --control-samples 9"
    pictures = "--max-megapixels 0.5 --bits 12 --on-bad-sample skip --raw-maps float16"
    engine = "--engine onnxruntime --device cuda"
    network = "--network-args depth=20 width=0.5 --network-args name=x"
    files = "--labels-csv l.csv --boxes b.csv --on-unknown-label ignore --sample-seed 8 --preprocess cifar"
    made = options_of(*f"{words} {numbers} {network} {pictures} {engine} {files} --mean 0.5 --std 0.2".split())
    given = dataclasses.asdict(made)
    given |= given.pop("pictures")
    wanted = {
        "checkpoint": Path("w.ckpt"),
        "explainers": "RISE",
        "metrics": "Sparseness",
        "hierarchical_occlusion": True,
        "uncertainty": "noise",
        "activation": "sigmoid",
        "size": (5, 7),
        "channels": 1,
        "batch_size": 2,
        "top_k": 4,
        "limit": 3,
        "max_megapixels": 0.5,
        "bits": 12,
        "on_bad_sample": "skip",
        "control_samples": 9,
        "raw_maps": "float16",
        "engine": "onnxruntime",
        "device": "cuda",
        "network_args": ("depth=20", "width=0.5", "name=x"),
        "labels_csv": Path("l.csv"),
        "boxes": Path("b.csv"),
        "on_unknown_label": "ignore",
        "sample_seed": 8,
        "preprocess": "cifar",
        "mean": (0.5,),
        "std": (0.2,),
    }
    assert {name: given[name] for name in wanted} == wanted
