"""`explainer methods` and `explainer metrics`: what there is to choose from, as the classes say it themselves."""

import re

import pytest
from mindspore import nn

from explainer.command.catalogue import choice_of
from explainer.command.main import main
from explainer.command.names import EXPLAINERS, METRICS, make_explainers, make_metrics

ALL = {**EXPLAINERS, **METRICS}


def shown(capsys, *arguments):
    assert main(arguments) == 0
    output, error = capsys.readouterr()
    assert error == ""
    assert max(map(len, output.splitlines())) <= 80
    return output


def entries(output):
    """The entries of a list by name: what is indented below it."""
    parts = re.split(r"^(\w+)\n", output, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(("command", "kinds"), [("methods", EXPLAINERS), ("metrics", METRICS)])
def test_each_is_listed_with_its_options_and_its_cost(capsys, command, kinds):
    found = entries(shown(capsys, command))
    assert list(found) == sorted(kinds, key=str.lower)
    for name, text in found.items():
        assert "\n  options   " in text and "\n  cost      " in text, name
    assert all(("\n  better    " in text) == (command == "metrics") for text in found.values())


def test_an_entry_says_what_it_is_which_options_it_has_and_what_it_costs(capsys):
    assert entries(shown(capsys, "methods"))["RISE"] == (
        "  The mean of score * mask over random masks, divided by the masks' mean: the\n"
        "  score to be expected where shown.\n"
        "  options   perturbation_per_eval=32, masks=6000, grid=10, probability=0.5,\n"
        "            sampling=independent, tolerance, fill=0.0, seed=0,\n"
        "            score=probability, name\n"
        "  cost      masks forward passes per image; all labels together\n"
    )


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Sparseness", "higher, in [0, 1]"),
        ("MPRT", "lower, in [-1, 1]"),
        ("Complexity", "lower, from 0 on"),
        ("EfficientMPRT", "higher, from -1 on"),
    ],
)
def test_a_metric_says_which_way_is_better_and_within_which_bounds(capsys, name, better):
    assert f"\n  better    {better}\n" in entries(shown(capsys, "metrics"))[name]
    assert f"\n  better    {better}\n" in shown(capsys, "metrics", name)


def test_what_a_metric_needs_is_said(capsys):
    found = entries(shown(capsys, "metrics"))
    assert "  needs     bounding boxes\n" in found["Localization"]
    assert "  needs     the network\n" in found["ROAD"]
    assert "  needs " not in found["Sparseness"]


def test_the_page_of_one_explains_every_option_and_shows_how_to_ask_for_it(capsys):
    page = shown(capsys, "methods", "GradCAM")
    assert page.startswith("The layer's channels weighted by their mean gradients, summed,")
    assert "\n  layer=auto\n      the cell's name in the network, usually the last convolution;" in page
    assert "\nexplainer run ... --explainers GradCAM:layer=auto\n" in page
    assert "\n  source    Selvaraju et al. 2017" in page
    assert ">>>" not in page and "Raises" not in page


@pytest.mark.parametrize("name", ALL)
def test_every_option_has_a_text_and_each_says_what_it_costs(name):
    choice = choice_of(name, ALL[name])
    assert choice.summary and choice.cost
    assert [option.name for option in choice.options if not option.text] == []


@pytest.mark.parametrize("name", ALL)
def test_the_defaults_that_are_shown_are_those_that_are_taken(name):
    network = nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(4 * 36, 2))
    if name in EXPLAINERS:
        (made,) = make_explainers(name, network, nn.Softmax())
    else:
        (made,) = make_metrics(name, 2, nn.Softmax())
    for option in choice_of(name, ALL[name]).options:
        recorded = made.parameters.get(option.name)
        if option.default is not None and recorded is not None:
            said = option.default.split(",") if isinstance(recorded, list | tuple) else [option.default]
            given = list(recorded) if isinstance(recorded, list | tuple) else [recorded]
            if len(said) == len(given):  # a pair is given as one number
                assert list(map(str, given)) == said, option.name
            else:
                assert {str(part) for part in given} == set(said), option.name


def test_what_texts_refer_to_is_followed():
    (tries,) = [
        option for option in choice_of("MaxSensitivity", METRICS["MaxSensitivity"]).options if option.name == "tries"
    ]
    assert tries.text == "how many draws for each x_i."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["methods", "Gradcam"], "got 'Gradcam'; did you mean 'GradCAM' or 'GradCAMPlusPlus' or 'ScoreCAM'?\n"),
        (["metrics", "Sparsness"], "got 'Sparsness'; did you mean 'Sparseness' or 'Robustness'?\n"),
        (["metrics", "RISE"], "explainer: `NAME` must be one of MPRT, ROAD, "),
    ],
)
def test_a_name_nearly_right_is_told_with_the_nearest_and_exit_status_2(capsys, arguments, message):
    assert main(arguments) == 2
    output, error = capsys.readouterr()
    assert output == "" and message in error


def test_a_command_nearly_right_is_told_with_the_nearest(capsys):
    assert main(["inspct", "x"]) == 2
    assert "Error: No such command 'inspct'; did you mean 'inspect'?" in capsys.readouterr().err
