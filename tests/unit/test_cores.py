"""Who has the cores."""

import threading

import numpy as np
import pytest
from mindspore import nn
from networks import SmallCnn
from threadpoolctl import threadpool_info, threadpool_limits

from explainer.cores import products_on_one_thread
from explainer.explanation import RISE
from explainer.network.of import classifier_of


def threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_products_have_one_thread_meanwhile_and_as_many_as_before_afterwards():
    with products_on_one_thread():
        assert threads() == {1}
        with products_on_one_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}
    with pytest.raises(KeyError), products_on_one_thread():
        raise KeyError
    assert threads() == {2}


def test_the_first_of_several_python_threads_puts_them_back():
    began, may_end = threading.Event(), threading.Event()

    def hold():
        with products_on_one_thread():
            began.set()
            may_end.wait(10)

    other = threading.Thread(target=hold)
    with products_on_one_thread():
        other.start()
        began.wait(10)
        assert threads() == {1}
    assert threads() == {2}
    may_end.set()
    other.join()
    assert threads() == {2}


@pytest.mark.parametrize("engine", ["mindspore", "onnxruntime"])
def test_an_explainer_at_work_has_one(engine):
    seen = []

    def fill(images):
        seen.append(threads())
        return np.zeros_like(images)

    network = classifier_of(SmallCnn(), nn.Softmax(), engine=engine)
    RISE(network, nn.Softmax(), masks=4, fill=fill)(np.ones((1, 2, 5, 7), np.float32), 0)
    assert seen == [{1}]
    assert threads() == {2}
