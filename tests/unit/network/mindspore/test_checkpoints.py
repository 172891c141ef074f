"""Weights of checkpoints: what fits a network, and what is said where something does not."""

import logging
import os
from collections import Counter

import mindspore
import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn

from explainer.network.mindspore.checkpoints import load_weights


@pytest.fixture
def logged():
    """What MindSpore logs."""
    mindspore.log.get_level()  # sets its logger up, which would drop our handler
    logger, records = logging.getLogger(f"ME.mindspore.log.{os.getpid()}"), []
    handler = logging.Handler()
    handler.emit = records.append
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def checkpoint_of(network, folder, **how):
    path = folder / "weights.ckpt"
    mindspore.save_checkpoint(network, str(path), **how)
    return path


def test_the_network_has_the_weights_of_the_checkpoint(tmp_path):
    weights = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    network = LinearNetwork(np.zeros((4, 6)))
    load_weights(network, checkpoint_of(LinearNetwork(weights), tmp_path))
    np.testing.assert_array_equal(network.fc.weight.asnumpy(), weights)


def weights_in(network):
    """The parameters of a network, as a list that can be saved."""
    return [{"name": name, "data": parameter} for name, parameter in network.parameters_dict().items()]


def saved_as(folder, network, prefix="", more=()):
    """A checkpoint of the network's weights under other names, and of others, by their shapes."""
    others = [{"name": name, "data": mindspore.Tensor(np.ones(shape, np.float32))} for name, shape in more]
    entries = [{"name": prefix + entry["name"], "data": entry["data"]} for entry in weights_in(network)]
    return checkpoint_of([*entries, *others], folder)


def refusal(network, path):
    with pytest.raises(ValueError) as caught:
        load_weights(network, path, name="--checkpoint")
    start = f"--checkpoint {path} does not fit the network: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_a_checkpoint_of_another_network_is_told_with_the_first_names_that_are_missing_and_that_are_not_its(tmp_path):
    own = list(SmallCnn(3).parameters_dict())
    assert refusal(SmallCnn(3), checkpoint_of(nn.Dense(2, 3), tmp_path)) == (
        f"{len(own)} of the network's {len(own)} weights are not in it, the first {own[0]!r}; 2 of its own are not the "
        "network's, the first 'weight'; a half-loaded network explains nothing, so give the checkpoint of this very "
        "network"
    )


def test_a_checkpoint_of_a_part_of_the_network_names_no_others(tmp_path):
    path = checkpoint_of(weights_in(SmallCnn(3))[1:], tmp_path)
    own = list(SmallCnn(3).parameters_dict())
    assert refusal(SmallCnn(3), path).startswith(
        f"1 of the network's {len(own)} weights are not in it, the first {own[0]!r}; a half-loaded network"
    )


def test_a_prefix_is_told_where_it_does_not_explain_all(tmp_path):
    network = SmallCnn(3)
    path = checkpoint_of(
        [{"name": f"backbone.{entry['name']}", "data": entry["data"]} for entry in weights_in(network)[1:]], tmp_path
    )
    assert "; its names begin with 'backbone.', which was taken off; a half-loaded" in refusal(SmallCnn(3), path)


def test_a_checkpoint_of_another_number_of_classes_says_both_numbers(tmp_path):
    assert refusal(SmallCnn(3), checkpoint_of(SmallCnn(3, classes=5), tmp_path)) == (
        "'fc.weight' has shape (5, 6) in it and (4, 6) in the network; it was saved of a network of 5 classes, and "
        "this one has 4: the labels, or the network's arguments, must be those that it was trained with"
    )


def test_a_weight_of_another_shape_is_told_with_both_shapes(tmp_path):
    assert refusal(LinearNetwork(np.zeros((4, 6))), checkpoint_of(LinearNetwork(np.zeros((4, 7))), tmp_path)) == (
        "'fc.weight' has shape (4, 7) in it and (4, 6) in the network; 1 of 1 weights differ in shape: give the "
        "checkpoint of this very network"
    )


@pytest.mark.parametrize("prefix", ["network.", "_backbone.", "module.net."])
def test_a_prefix_of_all_names_is_taken_off_and_told(tmp_path, logged, prefix):
    weights = np.random.default_rng(2).standard_normal((4, 6)).astype(np.float32)
    network = LinearNetwork(np.zeros((4, 6)))
    path = saved_as(tmp_path, LinearNetwork(weights), prefix, [(f"moments.{prefix}fc.weight", (4, 6))])
    notes = load_weights(network, path, name="--checkpoint")
    assert notes == [f"--checkpoint: its names begin with {prefix!r}, which was taken off"]
    np.testing.assert_array_equal(network.fc.weight.asnumpy(), weights)
    assert logged == []


def test_a_prefix_that_the_network_s_names_alone_have_is_told_too(tmp_path):
    weights = np.random.default_rng(3).standard_normal((4, 6)).astype(np.float32)
    network = nn.SequentialCell(LinearNetwork(np.zeros((4, 6))))
    notes = load_weights(network, saved_as(tmp_path, LinearNetwork(weights)))
    assert notes == ["`checkpoint`: its names lack '0.' at their beginning, which was put there"]
    np.testing.assert_array_equal(network[0].fc.weight.asnumpy(), weights)


def test_what_an_optimizer_keeps_is_no_weight_and_what_the_network_lacks_is_told(tmp_path, logged):
    optimizer = [("moment1.fc.weight", (4, 6)), ("learning_rate", ()), ("global_step", (1,))]
    network = LinearNetwork(np.zeros((4, 6)))
    assert load_weights(network, saved_as(tmp_path, network, more=optimizer)) == []
    assert load_weights(network, saved_as(tmp_path, network, more=[*optimizer, ("fc.bias", (4,)), ("x.y", (2,))])) == [
        "`checkpoint`: weights that the network has not, 2, the first 'fc.bias', were left out: is it the network that "
        "was trained?"
    ]
    assert logged == []


def test_a_deeper_network_s_checkpoint_is_not_taken_for_this_one_s_without_a_word(tmp_path):
    network = nn.SequentialCell(LinearNetwork(np.zeros((4, 6))), LinearNetwork(np.zeros((4, 4))))
    (note,) = load_weights(network, saved_as(tmp_path, network, more=[("0.deeper.0.fc.weight", (4, 6))]))
    assert "the first '0.deeper.0.fc.weight'" in note


def test_a_name_nearly_right_is_guessed(tmp_path):
    checkpoint_of(LinearNetwork(np.zeros((2, 3))), tmp_path)
    with pytest.raises(
        ValueError, match=r"must be a file, got .*weight\.ckpt, which is not there; did you mean 'weights\.ckpt'\?"
    ):
        load_weights(LinearNetwork(np.zeros((2, 3))), tmp_path / "weight.ckpt")
    with pytest.raises(ValueError, match=r"must be a file, got .*, which is a folder"):
        load_weights(LinearNetwork(np.zeros((2, 3))), tmp_path)
    with pytest.raises(
        ValueError, match=r"must be a file, got .*, which is not there; there is no folder .*nowhere, either"
    ):
        load_weights(LinearNetwork(np.zeros((2, 3))), tmp_path / "nowhere" / "weights.ckpt")


def test_a_checkpoint_that_is_missing_or_damaged_is_refused_with_its_path(tmp_path):
    path = tmp_path / "weights.ckpt"
    with pytest.raises(ValueError, match=f"`checkpoint` must be a file, got {path}"):
        load_weights(SmallCnn(3), path)
    path.write_bytes(b"this is no checkpoint")
    with pytest.raises(
        ValueError, match=rf"`checkpoint` {path} could not be read \(.*\): it is damaged, or no checkpoint"
    ):
        load_weights(SmallCnn(3), path)


@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_checkpoint_loads_with_a_checksum_and_without_and_nothing_is_logged(tmp_path, logged, with_checksum):
    weights = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
    path = checkpoint_of(LinearNetwork(weights), tmp_path, crc_check=with_checksum)
    network = LinearNetwork(np.zeros((4, 6)))
    load_weights(network, path)
    np.testing.assert_array_equal(network.fc.weight.asnumpy(), weights)
    assert logged == []


def test_every_flipped_bit_of_a_checkpoint_with_a_checksum_is_told_and_nothing_is_logged(tmp_path, logged):
    path = checkpoint_of(LinearNetwork(np.ones((2, 3))), tmp_path, crc_check=True)
    whole = path.read_bytes()
    network = LinearNetwork(np.zeros((2, 3)))
    told = Counter()
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError) as caught:
            load_weights(network, path, name="--checkpoint")
        told[str(caught.value).removeprefix(f"--checkpoint {path} ")[:10]] += 1
    assert told == {"is damaged": 8 * (len(whole) - 7), "could not ": 8 * 7}  # 7 bytes say that there is a checksum
    assert not network.fc.weight.asnumpy().any()
    assert logged == []


def test_the_message_on_a_wrong_checksum_says_what_to_do(tmp_path):
    path = checkpoint_of(LinearNetwork(np.ones((2, 3))), tmp_path, crc_check=True)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError) as caught:
        load_weights(LinearNetwork(np.zeros((2, 3))), path, name="--checkpoint")
    assert str(caught.value) == (
        f"--checkpoint {path} is damaged: its content is not what its checksum (CRC) was made of; copy it again from "
        "where it was saved"
    )


@pytest.mark.parametrize("saved", [nn.Dense(2, 3), SmallCnn(3, classes=5)])
def test_what_is_an_error_of_ours_is_not_logged_by_mindspore_as_well(tmp_path, logged, saved):
    path = checkpoint_of(saved, tmp_path)
    with pytest.raises(ValueError, match="network"):
        load_weights(SmallCnn(3), path)
    assert logged == []
    mindspore.log.error("as before")
    assert [record.getMessage() for record in logged] == ["as before"]
