"""Each operator gives what MindSpore gives, on tensors whose axes all differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import mindspore
import numpy as np
import pytest
from graph_replica import computed
from mindspore import Tensor, mint, nn, ops
from numpy.testing import assert_allclose

from explainer.network.mindspore.capture import parameters_of
from explainer.network.onnx.model import needed
from explainer.network.onnx.session import Session

from .translated import IMAGES, Applied, eager, graph_for

pytestmark = pytest.mark.usefixtures("queued_operators")


def numbers(*shape: int, seed: int = 1) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


ROW = numbers(7)
COLUMN = numbers(4, 1, 1, seed=2)
MATRIX = numbers(7, 6, seed=3)
STACK = numbers(4, 7, 6, seed=4)


# Elementwise.


def add(x: Tensor) -> Tensor:
    return x + ROW


def add_scaled(x: Tensor) -> Tensor:
    return mint.add(x, COLUMN, alpha=-2)


def add_number(x: Tensor) -> Tensor:
    return x + 3


def add_in_place(x: Tensor) -> Tensor:
    y = x * 2
    y += COLUMN
    return y * x


def subtract_from_number(x: Tensor) -> Tensor:
    return 1.5 - x


def subtract_in_place(x: Tensor) -> Tensor:
    y = x * 2
    y -= ROW
    return y


def subtract_scaled(x: Tensor) -> Tensor:
    return mint.sub(x, COLUMN, alpha=3)


def multiply(x: Tensor) -> Tensor:
    return x * COLUMN


def multiply_in_place(x: Tensor) -> Tensor:
    y = x + 1
    y *= -1.5
    return y


def multiply_by_a_map(x: Tensor) -> Tensor:
    y = x + 1
    y *= COLUMN
    return y


def divide(x: Tensor) -> Tensor:
    return ROW / (x * x + 1)


def divide_in_place(x: Tensor) -> Tensor:
    y = x + 1
    y /= COLUMN
    return y


def floor_divide(x: Tensor) -> Tensor:
    return x // 0.7


def power(x: Tensor) -> Tensor:
    return x**3 + ops.abs(x) ** 0.5


def negative(x: Tensor) -> Tensor:
    return -x


def absolute(x: Tensor) -> Tensor:
    return ops.abs(x)


def exponential(x: Tensor) -> Tensor:
    return ops.exp(x)


def logarithm(x: Tensor) -> Tensor:
    return ops.log(ops.abs(x) + 0.1)


def root(x: Tensor) -> Tensor:
    return ops.sqrt(ops.abs(x))


def reciprocal_root(x: Tensor) -> Tensor:
    return ops.rsqrt(ops.abs(x) + 0.1)


def square(x: Tensor) -> Tensor:
    return ops.square(x)


def reciprocal(x: Tensor) -> Tensor:
    return ops.reciprocal(x)


def sign(x: Tensor) -> Tensor:
    return ops.sign(x)


def rounded(x: Tensor) -> Tensor:
    return ops.floor(x * 3) + ops.ceil(x * 5) + ops.round(x * 7)


def sine(x: Tensor) -> Tensor:
    return ops.sin(x) + ops.cos(x * 2)


def error_function(x: Tensor) -> Tensor:
    return ops.erf(x)


def maximum(x: Tensor) -> Tensor:
    return ops.maximum(x, ROW)


def maximum_with_number(x: Tensor) -> Tensor:
    return ops.maximum(x, 0)


def minimum(x: Tensor) -> Tensor:
    return ops.minimum(x, COLUMN)


def clip(x: Tensor) -> Tensor:
    return ops.clamp(x, -0.5, 0.8)


def clip_below(x: Tensor) -> Tensor:
    return mint.clamp(x, min=0.2)


def clip_by_maps(x: Tensor) -> Tensor:
    return ops.clamp(x, ops.minimum(COLUMN, 0), ops.maximum(COLUMN, 0.5))


def less(x: Tensor) -> Tensor:
    return x < ROW


def less_equal(x: Tensor) -> Tensor:
    return x <= 0.3


def greater(x: Tensor) -> Tensor:
    return x > COLUMN


def greater_equal(x: Tensor) -> Tensor:
    return x >= 0


def equal(x: Tensor) -> Tensor:
    return ops.floor(x) == 0


def unequal(x: Tensor) -> Tensor:
    return ops.floor(x) != -1


def logical(x: Tensor) -> Tensor:
    return ops.logical_or(ops.logical_and(x > 0, x < 1), ops.logical_not(x > -1))


def multiply_by_a_comparison(x: Tensor) -> Tensor:
    return x * (x > 0)


def choose(x: Tensor) -> Tensor:
    return ops.where(x > 0.2, x, COLUMN)


def choose_number(x: Tensor) -> Tensor:
    return ops.where(x > 0.2, 0.5, x)


def masked_fill(x: Tensor) -> Tensor:
    return ops.masked_fill(x, x < -0.5, -7.0)


def cast(x: Tensor) -> Tensor:
    return (x * 3).astype(mindspore.int32).astype(mindspore.float32) / 2


def stop_gradient(x: Tensor) -> Tensor:
    return ops.stop_gradient(x * 2) + x


# Activations.


def sigmoid(x: Tensor) -> Tensor:
    return ops.sigmoid(x * 4)


def tanh(x: Tensor) -> Tensor:
    return ops.tanh(x)


def softmax(x: Tensor) -> Tensor:
    return ops.softmax(x, 1)


def log_softmax(x: Tensor) -> Tensor:
    return ops.log_softmax(x, -1)


def softplus(x: Tensor) -> Tensor:
    return ops.softplus(x, 2.0, 100.0)


def relu_function(x: Tensor) -> Tensor:
    return mint.nn.functional.relu(x)


def silu_function(x: Tensor) -> Tensor:
    return mint.nn.functional.silu(x)


# Products.


def product(x: Tensor) -> Tensor:
    return ops.matmul(x, MATRIX)


def product_of_stacks(x: Tensor) -> Tensor:
    return ops.bmm(x.reshape(-1, 5, 7), x.reshape(-1, 7, 5))


def product_turned(x: Tensor) -> Tensor:
    return ops.BatchMatMul(transpose_a=True)(x, x[:, :, :, 1:])


def product_turned_right(x: Tensor) -> Tensor:
    return ops.BatchMatMul(transpose_b=True)(x, x[:, :, 2:])


def product_with_stack(x: Tensor) -> Tensor:
    return mint.matmul(x, STACK)


def product_of_rows(x: Tensor) -> Tensor:
    return ops.MatMul(transpose_b=True)(x.reshape(-1, 7), numbers(3, 7))


# Reductions.


def mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def mean_kept(x: Tensor) -> Tensor:
    return ops.mean(x, -1, keep_dims=True)


def mean_of_mint(x: Tensor) -> Tensor:
    return mint.mean(x, (1, -1), keepdim=True)


def total(x: Tensor) -> Tensor:
    return ops.ReduceSum(keep_dims=False)(x, (1, 2))


def sum_of_mint(x: Tensor) -> Tensor:
    return x.sum(axis=-2)


def largest(x: Tensor) -> Tensor:
    return ops.amax(x, (2, 3))


def smallest(x: Tensor) -> Tensor:
    return ops.amin(x, 1, keepdims=True)


def largest_along(x: Tensor) -> Tensor:
    return x.max(axis=2)


def smallest_with_index(x: Tensor) -> Tensor:
    values, index = ops.min(x, axis=-1)
    return values + index


def index_of_largest(x: Tensor) -> Tensor:
    return x.argmax(axis=1)


def variance(x: Tensor) -> Tensor:
    return x.var((2, 3))


def norm(x: Tensor) -> Tensor:
    return x / ops.sqrt(ops.sum(x * x, dim=1, keepdim=True))


# Shapes.


def reshape(x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], 2, -1).reshape(-1, 10, 7)


def view_to_images(x: Tensor) -> Tensor:
    return x.reshape(-1, 7).reshape(-1, 4, 35)


def flatten(x: Tensor) -> Tensor:
    return ops.flatten(x)


def flatten_some(x: Tensor) -> Tensor:
    return mint.flatten(x, 2)


def transpose(x: Tensor) -> Tensor:
    return x.transpose(0, 3, 1, 2)


def permute(x: Tensor) -> Tensor:
    return x.permute(2, 0, -1, 1)


def swap(x: Tensor) -> Tensor:
    return x.swapaxes(1, -1)


def swap_of_mint(x: Tensor) -> Tensor:
    return mint.transpose(x, 1, -1)


def expand_dims(x: Tensor) -> Tensor:
    return ops.expand_dims(x, 2) * ROW


def squeeze(x: Tensor) -> Tensor:
    return ops.squeeze(x.mean(-1, keep_dims=True), -1)


def concat(x: Tensor) -> Tensor:
    return ops.concat((x, x[:, :2], -x), 1)


def concat_of_mint(x: Tensor) -> Tensor:
    return mint.cat((x, x[..., :2]), -1)


def stack(x: Tensor) -> Tensor:
    return ops.stack((x, -x, x * 2), 2)


def unstack(x: Tensor) -> Tensor:
    one, two, three, four = ops.unbind(x, 1)
    return one * two - three * four


def split(x: Tensor) -> Tensor:
    one, two = ops.split(x, 2, 1)
    return one - 2 * two


def split_unevenly(x: Tensor) -> Tensor:
    one, two, three = ops.split(x, [2, 1, 4], -1)
    return ops.concat((three, one, two), -1)


def chunk(x: Tensor) -> Tensor:
    one, two = ops.chunk(x, 2, 1)
    return one * ops.sigmoid(two)


def broadcast(x: Tensor) -> Tensor:
    return ops.broadcast_to(x.mean(1, keep_dims=True), (-1, 6, -1, -1))


def broadcast_constant(x: Tensor) -> Tensor:
    return ops.concat((ops.broadcast_to(COLUMN.expand_dims(0), (x.shape[0], 4, 5, 1)), x), -1)


def ones_for_each_image(x: Tensor) -> Tensor:
    return ops.concat((x, ops.ones((x.shape[0], 4, 5, 2), mindspore.float32)), -1)


def tile(x: Tensor) -> Tensor:
    return ops.tile(x, (1, 2, 1, 3))


def gather(x: Tensor) -> Tensor:
    return ops.gather(x, Tensor([2, 0, 3]), 1)


def channel_shuffle(x: Tensor) -> Tensor:
    return x.reshape(-1, 2, 2, 5, 7).swapaxes(1, 2).reshape(-1, 4, 5, 7)


# Slices.


def slice_step(x: Tensor) -> Tensor:
    return x[:, 1:, ::2, 1:6:3]


def slice_negative_start(x: Tensor) -> Tensor:
    return x[:, -3:, -4:-1]


def slice_open(x: Tensor) -> Tensor:
    return x[..., :-2]


def slice_index(x: Tensor) -> Tensor:
    return x[:, 2]


def slice_last_index(x: Tensor) -> Tensor:
    return x[:, -1, :, 3]


def slice_backwards(x: Tensor) -> Tensor:
    return x[:, :, :, 5:1:-2]  # MindSpore's eager slices are wrong where one axis runs backwards and another does not


def slice_backwards_twice(x: Tensor) -> Tensor:
    return x[:, :, ::-1, ::-1]


def slice_new_axis(x: Tensor) -> Tensor:
    return x[:, None, 1:3]


def slice_operator(x: Tensor) -> Tensor:
    return ops.slice(x, (0, 1, 2, 0), (-1, 2, 3, -1))


def narrow(x: Tensor) -> Tensor:
    return mint.narrow(x, 3, 2, 4)


def select_index(x: Tensor) -> Tensor:
    return mint.select(x, 1, 3)


def flip(x: Tensor) -> Tensor:
    return ops.flip(x, (2, 3))


# Padding.


def pad(x: Tensor) -> Tensor:
    return ops.pad(x, (1, 2, 0, 3), value=0.5)


def pad_channels(x: Tensor) -> Tensor:
    return ops.Pad(((0, 0), (1, 2), (0, 0), (3, 0)))(x)


def pad_reflected(x: Tensor) -> Tensor:
    return ops.pad(x, (2, 1, 1, 2), mode="reflect")


def pad_repeated(x: Tensor) -> Tensor:
    return ops.pad(x, (2, 1, 0, 2), mode="replicate")


def crop_by_padding(x: Tensor) -> Tensor:
    return ops.pad(x, (-1, 2, 0, -2))


def mirror(x: Tensor) -> Tensor:
    return ops.MirrorPad(mode="REFLECT")(x, Tensor([[0, 0], [0, 0], [2, 1], [1, 3]]))


def conv(*settings: Any, **named: Any) -> nn.Cell:
    return nn.Conv2d(4, *settings, weight_init="normal", has_bias=True, bias_init="normal", **named)


def norm_with_statistics(norm: nn.Cell) -> nn.Cell:
    for seed, parameter in enumerate(norm.get_parameters()):
        values = np.random.default_rng(seed).uniform(0.5, 2, parameter.shape).astype(np.float32)
        parameter.set_data(Tensor(values))
    return norm


class TransposedBeside(nn.Cell):
    """The convolution's sizes are worked out by the user."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = mindspore.Parameter(numbers(4, 3, 3, 2))
        self.operator = ops.Conv2DTranspose(3, (3, 2), pad_mode="pad", pad=(1, 1, 0, 1), stride=2)

    def construct(self, x: Tensor) -> Tensor:
        return self.operator(x, self.weight, (x.shape[0], 3, 9, 13))


class PooledWithin(nn.Cell):
    """A margin of zeros before pooling, after the last pixel of each axis."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.pad = ops.Pad(((0, 0), (0, 0), (0, 1), (0, 1)))
        self.pool = nn.MaxPool2d(size, 2)

    def construct(self, x: Tensor) -> Tensor:
        return self.pool(self.pad(x))


Made = Mapping[str, Callable[[], Any]]


def by_name(*functions: Callable[[Tensor], Any]) -> Made:
    return {function.__name__: lambda function=function: function for function in functions}


# fmt: off
FAMILIES: Mapping[str, Made] = {
    "elementwise": by_name(
        add, add_scaled, add_number, add_in_place, subtract_from_number, subtract_in_place, subtract_scaled, multiply,
        multiply_in_place, multiply_by_a_map, divide, divide_in_place, floor_divide, power, negative, absolute,
        exponential, logarithm, root, reciprocal_root, square, reciprocal, sign, rounded, sine, error_function, maximum,
        maximum_with_number, minimum, clip, clip_below, clip_by_maps, less, less_equal, greater, greater_equal, equal,
        unequal, logical, multiply_by_a_comparison, choose, choose_number, masked_fill, cast, stop_gradient,
    ),
    "activations": {
        **by_name(
            sigmoid, tanh, softmax, log_softmax, softplus, relu_function, silu_function,
        ),
        "ReLU": nn.ReLU,
        "ReLU6": lambda: nn.ReLU6(),
        "LeakyReLU": lambda: nn.LeakyReLU(0.2),
        "PReLU by channel": lambda: nn.PReLU(4, Tensor([0.1, -0.2, 0.3, 0.4])),
        "PReLU": lambda: nn.PReLU(1, 0.3),
        "GELU": lambda: nn.GELU(approximate=False),
        "GELU approximate": lambda: nn.GELU(),
        "SiLU": nn.SiLU,
        "HSwish": nn.HSwish,
        "HSigmoid": nn.HSigmoid,
        "Mish": nn.Mish,
        "ELU": nn.ELU,
        "SeLU": nn.SeLU,
        "LogSigmoid": nn.LogSigmoid,
    },
    "convolution": {
        "3x3 same": lambda: conv(6, 3),
        "same, stride": lambda: conv(6, (3, 2), stride=2),
        "valid, stride": lambda: conv(6, (2, 3), stride=(1, 2), pad_mode="valid"),
        "padded unevenly": lambda: conv(3, 3, stride=2, pad_mode="pad", padding=(1, 2, 0, 3)),
        "dilated": lambda: conv(3, (2, 3), dilation=(2, 1), pad_mode="pad", padding=1),
        "groups": lambda: conv(6, 3, group=2),
        "depthwise": lambda: conv(4, 3, group=4, stride=2, pad_mode="pad", padding=1),
        "1x1": lambda: conv(2, 1),
        "transposed": lambda: nn.Conv2dTranspose(4, 3, (3, 2), 2, weight_init="normal", has_bias=True),
        "transposed, valid": lambda: nn.Conv2dTranspose(4, 3, (3, 2), (1, 2), "valid", weight_init="normal"),
        "transposed by operator": TransposedBeside,
    },
    "pooling": {
        "largest, valid": lambda: nn.MaxPool2d((2, 3), (1, 2)),
        "largest, same": lambda: nn.MaxPool2d(3, 2, pad_mode="same"),
        "largest, padded": lambda: nn.MaxPool2d(3, 2, pad_mode="pad", padding=1),
        "largest, padded, dilated": lambda: nn.MaxPool2d(2, 2, pad_mode="pad", padding=1, dilation=2),
        "largest, rounded up": lambda: nn.MaxPool2d((2, 3), 2, pad_mode="pad", padding=(0, 1), ceil_mode=True),
        "largest, within a margin that no window reaches": lambda: PooledWithin(3),
        "largest, within a margin that windows reach": lambda: PooledWithin(2),
        "mean, valid": lambda: nn.AvgPool2d((3, 2), (2, 1)),
        "mean, same": lambda: nn.AvgPool2d(3, 2, pad_mode="same"),
        "mean, padded": lambda: nn.AvgPool2d(3, 2, pad_mode="pad", padding=1),
        "mean, padded, not counted": lambda: nn.AvgPool2d(3, 2, pad_mode="pad", padding=1, count_include_pad=False),
        "mean, rounded up": lambda: nn.AvgPool2d(2, 2, pad_mode="pad", ceil_mode=True),
        "adaptive to one": lambda: nn.AdaptiveAvgPool2d(1),
        "adaptive": lambda: nn.AdaptiveAvgPool2d((2, 3)),
    },
    "normalisation": {
        "BatchNorm2d": lambda: norm_with_statistics(nn.BatchNorm2d(4, eps=1e-3)),
        "LayerNorm": lambda: norm_with_statistics(nn.LayerNorm((7,), epsilon=1e-5)),
        "LayerNorm of maps": lambda: norm_with_statistics(
            nn.LayerNorm((4, 5, 7), begin_norm_axis=1, begin_params_axis=1)
        ),
        "GroupNorm": lambda: norm_with_statistics(nn.GroupNorm(2, 4)),
        "mint GroupNorm": lambda: norm_with_statistics(mint.nn.GroupNorm(2, 4)),
    },
    "products": {
        **by_name(
            product, product_of_stacks, product_turned, product_turned_right, product_with_stack, product_of_rows
        ),
        "Dense": lambda: nn.Dense(7, 3, weight_init="normal", bias_init="normal"),
        "Dense without bias": lambda: nn.Dense(7, 3, weight_init="normal", has_bias=False),
        "Linear": lambda: mint.nn.Linear(7, 3),
    },
    "reductions": by_name(
        mean, mean_kept, mean_of_mint, total, sum_of_mint, largest, smallest, largest_along, smallest_with_index,
        index_of_largest, variance, norm,
    ),
    "shapes": by_name(
        reshape, view_to_images, flatten, flatten_some, transpose, permute, swap, swap_of_mint, expand_dims, squeeze,
        concat, concat_of_mint, stack, unstack, split, split_unevenly, chunk, broadcast,
        broadcast_constant, ones_for_each_image, tile, gather, channel_shuffle,
    ),
    "slices": by_name(
        slice_step, slice_negative_start, slice_open, slice_index, slice_last_index, slice_backwards,
        slice_backwards_twice, slice_new_axis, slice_operator, narrow, select_index, flip,
    ),
    "padding": by_name(pad, pad_channels, pad_reflected, pad_repeated, crop_by_padding, mirror),
}
# fmt: on


@cache
def answers(family: str) -> dict[str, list[Any]]:
    """By name: what MindSpore, the graph and float64 give, for three images and for one; a family is one network."""
    made = {name: make() for name, make in FAMILIES[family].items()}
    network = Applied(list(made.values()))
    graph = graph_for(network)
    weights = parameters_of(network, list(graph.weights))
    session = Session(graph, weights, threads=1)
    passes = [
        (eager(network, images), session(images), computed(graph, images, weights)) for images in (IMAGES, IMAGES[1:2])
    ]
    return {name: [tuple(entry[at] for entry in each) for each in passes] for at, name in enumerate(made)}


ROUNDING = 2e-6  # sums of up to 140 float32 numbers
TANH = 1e-4  # MindSpore's is so far off, ONNX Runtime's 1e-7
TOLERANCES = {"tanh": TANH}


def assert_alike(ours: Any, expected: Any, tolerance: float = ROUNDING) -> None:
    assert ours.shape == expected.shape
    wanted = expected.astype(np.float64)
    assert_allclose(ours, wanted, rtol=0, atol=tolerance * max(np.abs(wanted).max(), 1))


NAMES = [(family, name) for family, made in FAMILIES.items() for name in made]


@pytest.mark.parametrize(("family", "name"), NAMES)
def test_an_operator_gives_what_mindspore_gives(family, name):
    for theirs, ours, exact in answers(family)[name]:
        assert ours.dtype == theirs.dtype
        assert_alike(ours, theirs, TOLERANCES.get(name, ROUNDING))
        assert_alike(ours, exact)


@pytest.mark.parametrize(("size", "expected"), [(3, ["MaxPool"]), (2, ["Pad", "MaxPool"])])
def test_a_margin_that_no_window_reaches_is_left_out(size, expected):
    graph = graph_for(Applied([PooledWithin(size)]))
    assert [node.operator for node in needed(graph, graph.outputs)] == expected
