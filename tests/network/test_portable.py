"""The operations of the network's graphs, and that each is of those known to be portable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from stages.evaluate import gradcam
from stages.network.model_writer import write_model
from stages.network.portable import log, make_ordinary, make_portable, silu, softmax
from stages.train.input.augmentation import augment
from stages.train.input.random_numbers import NUMBERS_PER_IMAGE
from stages.train.params import TrainParams
from stages.train.steps.compilation import compile_network
from stages.train.steps.loss import targets
from tests.train.networks import SIZE, TWO_BLOCKS, random_cells, small_network

EXACT = """
    Abs AddN AddV2 Any ArgMax Assert BiasAdd Bitcast BitwiseAnd BroadcastTo Cast ConcatV2 Const
    DivNoNan Equal ExpandDims Fill FloorDiv FloorMod GatherV2 Greater GreaterEqual Identity
    IdentityN Less LessEqual LogicalAnd LogicalNot LogicalOr Max Maximum Min Minimum Mul Neg
    NotEqual Pack Pad Prod Range RealDiv Relu ReluGrad Reshape ReverseV2 Round Select SelectV2
    Shape ShapeN Sign Slice Split SplitV Sqrt Square SquaredDifference Squeeze StopGradient
    StridedSlice StridedSliceGrad Sub Tile Transpose Unpack ZerosLike
    AssignAddVariableOp AssignSubVariableOp AssignVariableOp NoOp Placeholder ReadVariableOp
    VarHandleOp VarIsInitializedOp _Arg _EagerConst _Retval
    If Merge PartitionedCall StatefulPartitionedCall StatelessIf Switch _DeviceArg _DeviceRetval
    StatelessRandomGetKeyCounter StatelessRandomUniformV2
"""
"""Rounded as IEEE 754 says, or of whole numbers, or computing nothing."""
PORTABLE = """
    BiasAddGrad Conv2D Conv2DBackpropFilter Conv2DBackpropInput Cos DepthwiseConv2dNative
    DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Exp
    ImageProjectiveTransformV3 Log LogSoftmax MatMul Mean Pow ResourceApplyAdaMax
    ResourceApplyAdam Sigmoid SigmoidGrad Sin Sum UnsortedSegmentSum _FusedConv2D _FusedMatMul
"""
"""Seen to give the same bits on unlike processors, with the settings of portable_environment.py."""
APPROXIMATE = {"FusedBatchNormV3", "Inv", "Reciprocal", "Rsqrt", "Softmax"}
KNOWN = {*EXACT.split(), *PORTABLE.split()}


@pytest.fixture(autouse=True)
def deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


def operations(run: Callable[[], object]) -> set[str]:
    """The types of operations in all graphs that run, before and after the graph optimiser."""
    context.context().enable_graph_collection()
    try:
        run()
        collected = context.context().export_run_metadata().function_graphs
    finally:
        context.context().disable_graph_collection()
    graphs = [graph for each in collected for graph in _before_and_after(each)]
    assert graphs
    for graph in graphs:
        _require_no_folded_reciprocal(list(_nodes(graph)))
    return {node.op for graph in graphs for node in _nodes(graph)}


def _require_no_folded_reciprocal(nodes: list[Any]) -> None:
    """The graph optimiser makes x / constant a product with 1/constant, exact below 8 elements."""
    constants = {node.name: node.attr["value"].tensor for node in nodes if node.op == "Const"}
    for node in nodes:
        if node.op == "RealDiv" and (divisor := constants.get(node.input[1].partition(":")[0])):
            assert math.prod(size.size for size in divisor.tensor_shape.dim) < 8, node.name


def _before_and_after(collected: Any) -> list[Any]:
    return [collected.pre_optimization_graph, collected.post_optimization_graph]


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def training_step(params: TrainParams, *, portable: bool = True) -> None:
    network = small_network(blocks=TWO_BLOCKS)
    if portable:
        make_portable(network)
    compile_network(network, params, precision="float32", on_gpu=False)
    images, labels = random_cells(4)
    goals = targets(labels, label_smoothing=params.label_smoothing, training=True)
    network.train_on_batch(images, goals)


@pytest.mark.parametrize("optimizer", get_args(get_type_hints(TrainParams)["optimizer"]))
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_training_step_is_of_portable_operations(
    train_params: TrainParams, optimizer: str, smoothing: float
) -> None:
    params = replace(train_params, optimizer=optimizer, label_smoothing=smoothing, ema_decay=0.9)
    found = operations(lambda: training_step(params))
    assert found <= KNOWN, sorted(found - KNOWN)


def test_inference_is_of_portable_operations() -> None:
    network = small_network()
    make_portable(network)
    found = operations(lambda: network.predict_on_batch(random_cells(4)[0]))
    assert {"Conv2D", "Exp", "RealDiv"} <= found <= KNOWN, sorted(found - KNOWN)


def test_grad_cam_is_of_portable_operations() -> None:
    network = small_network()
    make_portable(network)
    last = gradcam.last_convolution(network).output
    before, after = keras.Model(network.inputs, last), keras.Model(last, network.output)
    explain = tf.function(lambda: gradcam._weighted(before, after, random_cells(4)[0]))
    found = operations(explain)
    assert {"Conv2D", "Log", "ReluGrad"} <= found <= KNOWN, sorted(found - KNOWN)


def test_augmentation_is_of_portable_operations(train_params: TrainParams) -> None:
    on = dict.fromkeys(("rotation_degrees", "brightness", "stain"), 0.1)
    on |= dict.fromkeys(("horizontal_flip", "vertical_flip", "quarter_turns"), True)
    params = replace(train_params.augmentation, **on)
    image = tf.zeros((SIZE, SIZE, 3), tf.uint8)
    run = tf.function(lambda: augment(image, params, tf.zeros(NUMBERS_PER_IMAGE)))
    found = operations(run)
    assert {"Cos", "Log", "ImageProjectiveTransformV3"} <= found <= KNOWN, sorted(found - KNOWN)


def test_a_division_by_a_constant_of_many_elements_is_noticed() -> None:
    divide = tf.function(
        lambda: tf.random.stateless_uniform([8], [1, 2]) / np.arange(1, 9, dtype="f")
    )
    with pytest.raises(AssertionError):
        operations(divide)


def test_as_keras_has_it_a_step_begins_with_approximations(train_params: TrainParams) -> None:
    assert operations(lambda: training_step(train_params, portable=False)) & APPROXIMATE


# The formulas beside those of Keras.


def gradients_of(function: Callable[[tf.Tensor], tf.Tensor], inputs: tf.Tensor) -> np.ndarray:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        score = tf.reduce_sum(function(inputs) * tf.constant([[1.0, 3.0]]))
    return np.asarray(tape.gradient(score, inputs))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(softmax, keras.activations.softmax), (log, tf.math.log), (silu, keras.activations.silu)],
)
def test_softmax_log_and_silu_are_those_of_keras_with_their_gradients(
    ours: Any, theirs: Any
) -> None:
    numbers = tf.constant(np.random.default_rng(1).uniform(0.1, 20, (50, 2)), tf.float32)
    np.testing.assert_allclose(ours(numbers), theirs(numbers), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        gradients_of(ours, numbers), gradients_of(theirs, numbers), rtol=1e-5, atol=1e-6
    )


def test_a_convolution_of_single_pixels_is_that_of_keras_with_its_gradients() -> None:
    layer = keras.layers.Conv2D(6, 1)
    images = tf.constant(np.random.default_rng(1).normal(size=(2, 3, 4, 5)), tf.float32)
    network = keras.Sequential([keras.Input((3, 4, 5)), layer])

    def outputs_and_gradients() -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = network(images)
            score = tf.reduce_sum(outputs * tf.range(1.0, 7.0))
        gradients = tape.gradient(score, [images, layer.kernel.value, layer.bias.value])
        return [np.asarray(each) for each in (outputs, *gradients)]

    theirs = outputs_and_gradients()
    make_portable(network)
    assert "convolution_op" in vars(layer)
    for ours, each in zip(outputs_and_gradients(), theirs, strict=True):
        np.testing.assert_allclose(ours, each, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"kernel_size": 3}, {"strides": 2}, {"groups": 2}, {"dilation_rate": 2}]
)
def test_every_other_convolution_stays_that_of_keras(options: dict[str, int]) -> None:
    layer = keras.layers.Conv2D(6, **{"kernel_size": 1, **options})
    make_portable(keras.Sequential([keras.Input((5, 5, 4)), layer]))
    assert "convolution_op" not in vars(layer)


def test_the_loss_starts_from_the_logits_as_with_keras_own_softmax() -> None:
    logits = tf.constant([[0.0, 200.0]])
    loss = keras.losses.sparse_categorical_crossentropy(tf.constant([0]), softmax(logits))
    assert loss.numpy() == pytest.approx([200.0])


def test_ordinary_again_it_predicts_and_is_written_as_if_it_had_never_been_portable(
    tmp_path: Path,
) -> None:
    network = small_network(blocks=TWO_BLOCKS)
    images, _ = random_cells(4)
    before = network.predict_on_batch(images)
    write_model(network, tmp_path / "before.keras")
    make_portable(network)
    np.testing.assert_allclose(network(images), before, rtol=1e-5, atol=1e-6)
    make_ordinary(network)
    write_model(network, tmp_path / "after.keras")
    assert (tmp_path / "after.keras").read_bytes() == (tmp_path / "before.keras").read_bytes()
    np.testing.assert_array_equal(network.predict_on_batch(images), before)
