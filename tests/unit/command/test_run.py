"""The options of `explainer run`: what is required, and numbers that make no sense."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mean", 0.1, 0.2], "--mean must have 1 or 3 values for 3 channels, got 2"),
        (["--std", 1, 1, 1, 1], "--std must have 1 or 3 values for 3 channels, got 4"),
        (["--std", 0], "`std` must be positive in every channel, got [0.0]"),
        (["--top-k", -1], "`top_k` must be at least 0, got -1"),
        (["--batch-size", 0], "`batch_size` must be at least 1, got 0"),
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


@pytest.mark.parametrize("missing", ["network", "images", "labels", "summary_dir"])
def test_what_is_required_is_asked_for_with_exit_status_2(command, capsys, missing):
    with pytest.raises(SystemExit) as caught:
        command(without=missing)
    assert caught.value.code == 2
    assert f"the following arguments are required: --{missing.replace('_', '-')}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "tanh"], "argument --activation: invalid choice: 'tanh'"),
        (["--channels", 4], "argument --channels: invalid choice: 4"),
        (["--top-k", "many"], "argument --top-k: invalid int value: 'many'"),
        (["--mean"], "argument --mean: expected at least one argument"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused_with_exit_status_2(command, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        command(*arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
