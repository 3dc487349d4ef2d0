"""Build the ONNX graph that brings an image to the size of the network's input, as Pillow does.

It computes what stages/preprocess/image_fit.py computes, to the bit: the arithmetic is that of
Pillow's `resize` with `reducing_gap=1.0` (Pillow 13, src/libImaging/Reduce.c and Resample.c), in
whole numbers where Pillow has whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from stages.export.graph_builder import GraphBuilder

IMAGE, SCALE, FITTED = "image", "microns_per_pixel", "fitted"

_PRECISION_BITS = 22
"""Of Pillow's coefficients: 32, less 8 of a pixel and 2 for sums."""
_TAPS = 5
"""After whole-number reduction, a target pixel covers less than two pixels: support 2, each side."""

_ROWS, _COLUMNS = 1, 2


@dataclass(frozen=True)
class FitChoices:
    """How images come to the size of the network's input: keys of `preprocess`, see there."""

    fit: str
    crop_size: int | None
    image_size: int
    background: Sequence[int]
    microns_per_pixel: float | None


def fit_graph(choices: FitChoices) -> onnx.ModelProto:
    """Return the graph from original images to those that the network sees.

    Input `image`: uint8 (batch, height, width, 3), RGB. Input `microns_per_pixel`, where `choices`
    has such a scale: float64 (batch,); all images of a batch have the scale of the first. Output
    `fitted`: uint8 (batch, image_size, image_size, 3).
    """
    graph = _FitGraph(choices)
    size = choices.image_size
    fitted = graph.whole() if choices.fit == "whole" else graph.cropped()
    graph.add("Identity", fitted, output=FITTED)
    inputs: list[tuple[str, Any, Sequence[str | int]]] = [
        (IMAGE, np.uint8, ("batch", "height", "width", 3))
    ]
    if choices.microns_per_pixel is not None:
        inputs.append((SCALE, np.float64, ("batch",)))
    return graph.model(inputs, [(FITTED, np.uint8, ("batch", size, size, 3))])


class _FitGraph(GraphBuilder):
    def __init__(self, choices: FitChoices) -> None:
        super().__init__("fit")
        self._choices = choices
        self._shape = self.add("Shape", IMAGE)

    def cropped(self) -> str:
        """Return the central square, as `exact` and `crop` have it, at image_size."""
        edge = self._edge()
        square = self._centred(IMAGE, edge)
        size = self._int(self._choices.image_size)
        return self._resized(square, (edge, edge), (size, size))

    def whole(self) -> str:
        """Return the whole image, its longest edge at image_size, padded to a square."""
        size = self._int(self._choices.image_size)
        lengths = self._length(IMAGE, _ROWS), self._length(IMAGE, _COLUMNS)
        longest = self.cast(self.add("Max", *lengths), np.float64)
        factor = self.add("Div", self._double(self._choices.image_size), longest)
        one = self._int(1)
        sizes = [
            self.add(
                "Max", one, self._rounded(self.add("Mul", factor, self.cast(length, np.float64)))
            )
            for length in lengths
        ]
        return self._centred(self._resized(IMAGE, lengths, sizes), size)

    def _edge(self) -> str:
        choices = self._choices
        if choices.crop_size is None:
            return self._length(IMAGE, _COLUMNS)
        if choices.microns_per_pixel is None or choices.fit == "exact":
            return self._int(choices.crop_size)
        first = self.add("Gather", SCALE, self._int(0))
        pixels = self.add(
            "Div", self._double(choices.crop_size * choices.microns_per_pixel), first
        )
        return self.add("Max", self._int(1), self._rounded(pixels))

    def _centred(self, image: str, edge: str) -> str:
        """Return the central square; what lies outside of the image is background."""
        inside = []
        for axis in (_ROWS, _COLUMNS):
            length = self._length(image, axis)
            start = self._halved(self.add("Sub", length, edge))
            places = self.add("Add", self._below(edge), start)
            last = self.add("Sub", length, self._int(1))
            image = self.add("Gather", image, self._clipped(places, last), axis=axis)
            inside.append(
                self.add(
                    "And",
                    self.add("GreaterOrEqual", places, self._int(0)),
                    self.add("LessOrEqual", places, last),
                )
            )
        rows, columns = inside
        both = self.add("And", self._column(rows), columns)
        both = self.add("Unsqueeze", both, self.constant([2], np.int64))
        return self.add("Where", both, image, self.constant(self._choices.background, np.uint8))

    def _resized(self, image: str, lengths: Sequence[str], sizes: Sequence[str]) -> str:
        """Return Pillow's `resize(…, BILINEAR, reducing_gap=1.0)`; both are rows, columns."""
        one = self._int(1)
        factors = [
            self.add("Max", one, self.add("Div", length, size))
            for length, size in zip(lengths, sizes, strict=True)
        ]
        reduced = self._reduced(image, lengths, factors)
        before = [self._length(reduced, axis) for axis in (_ROWS, _COLUMNS)]
        covered = [
            self._quotient(length, factor) for length, factor in zip(lengths, factors, strict=True)
        ]

        def passes(*order: int) -> str:
            image = reduced
            for axis in order:
                image = self._resampled(image, axis, covered[axis - 1], sizes[axis - 1])
            return image

        image = passes(_COLUMNS, _ROWS)
        if self._choices.fit == "whole":  # a square never begins with its rows
            rows_first = self._rows_come_first(before, sizes)
            image = self.add("Where", rows_first, passes(_ROWS, _COLUMNS), image)
        return self.cast(image, np.uint8)

    def _rows_come_first(self, lengths: Sequence[str], sizes: Sequence[str]) -> str:
        """Return whether Pillow 13 resizes along the rows' axis first: where that saves more."""
        rows, columns = (
            self.add("Sub", length, size) for length, size in zip(lengths, sizes, strict=True)
        )
        saves = self.add("Greater", rows, self.add("Mul", columns, self._int(2)))
        return self.add("And", saves, self.add("Greater", rows, self._int(0)))

    def _reduced(self, image: str, lengths: Sequence[str], factors: Sequence[str]) -> str:
        """Return the means of blocks of `factors` pixels, float32; blocks at the end are smaller."""
        one = self._int(1)
        counts, padding, blocks = [], [], []
        for length, factor in zip(lengths, factors, strict=True):
            number = self.add("Div", self.add("Add", length, self.add("Sub", factor, one)), factor)
            missing = self.add("Sub", self.add("Mul", number, factor), length)
            firsts = self.add("Mul", self._below(number), factor)
            counts.append(self.add("Min", factor, self.add("Sub", length, firsts)))
            padding.append(missing)
            blocks += [number, factor]
        image = self._padded_at_end(self.cast(image, np.float32), padding)
        batch = self.add("Gather", self._shape, self._int(0))
        split = self.add("Reshape", image, self._joined(batch, *blocks, self._int(3)))
        sums = self.add("ReduceSum", split, self.constant([2, 4], np.int64), keepdims=0)
        rows, columns = counts
        pixels = self.add("Mul", self._column(rows), columns)
        pixels = self.add("Unsqueeze", pixels, self.constant([2], np.int64))
        half = self.add("Div", pixels, self._int(2))
        # Pillow multiplies by 2²⁴ / pixels, which it computes in 32 bits, and shifts.
        inverse = self.add(
            "Floor",
            self.add("Div", self.constant(2**24, np.float32), self.cast(pixels, np.float32)),
        )
        amended = self.add("Add", self.cast(sums, np.float64), self.cast(half, np.float64))
        product = self.add("Mul", amended, self.cast(inverse, np.float64))
        return self.add("Floor", self.add("Mul", product, self._double(2.0**-24)))

    def _padded_at_end(self, image: str, missing: Sequence[str]) -> str:
        rows, columns = missing
        zero = self._int(0)
        pads = self._joined(zero, zero, zero, zero, zero, rows, columns, zero)
        return self.add("Pad", image, pads, self.constant(0, np.float32))

    def _resampled(self, image: str, axis: int, covered: str, size: str) -> str:
        """Return one pass of Pillow's bilinear filter along an axis, int32 in 0…255.

        Args:
            image: whole numbers in 0…255.
            axis: which one.
            covered: how many pixels of the image the target covers, float32 as in Pillow.
            size: number of target pixels.
        """
        image = self.cast(image, np.int32)
        length = self._length(image, axis)
        half = self._double(0.5)
        scale = self.add("Div", self.cast(covered, np.float64), self.cast(size, np.float64))
        support = self.add("Max", scale, self._double(1))
        target = self.cast(self._below(size), np.float64)
        centre = self.add("Mul", self.add("Add", target, half), scale)
        first = self.add(
            "Max", self._int(0), self._floor(self.add("Sub", centre, support), half)
        )
        end = self.add("Min", length, self._floor(self.add("Add", centre, support), half))
        weights, total = [], self._double(0)
        for tap in range(_TAPS):
            place = self.add("Add", first, self._int(tap))
            distance = self.add("Sub", self.cast(place, np.float64), centre)
            distance = self.add("Mul", self.add("Add", distance, half), self._inverse(support))
            weight = self.add("Sub", self._double(1), self.add("Abs", distance))
            weight = self.add("Max", weight, self._double(0))
            inside = self.add("Less", place, end)
            weight = self.add("Where", inside, weight, self._double(0))
            total = self.add("Add", total, weight)
            weights.append((place, weight))
        last = self.add("Sub", length, self._int(1))
        sums = self.constant(2 ** (_PRECISION_BITS - 1), np.int32)
        for place, weight in weights:
            share = self.add("Div", weight, total)
            scaled = self.add("Mul", share, self._double(2**_PRECISION_BITS))
            number = self.cast(self.add("Floor", self.add("Add", scaled, half)), np.int32)
            pixels = self.add("Gather", image, self._clipped(place, last), axis=axis)
            product = self.add("Mul", pixels, self._along(number, axis))
            sums = self.add("Add", sums, product)
        # No sum is negative: dividing is Pillow's shift.
        return self.add("Div", sums, self.constant(2**_PRECISION_BITS, np.int32))

    def _along(self, values: str, axis: int) -> str:
        """Let values vary along an axis of (batch, rows, columns, 3)."""
        axes = [1] if axis == _COLUMNS else [1, 2]
        return self.add("Unsqueeze", values, self.constant(axes, np.int64))

    def _quotient(self, dividend: str, divisor: str) -> str:
        """Return the quotient of two whole numbers as Pillow's C code takes it: float32."""
        numbers = self.cast(dividend, np.float64), self.cast(divisor, np.float64)
        return self.cast(self.add("Div", *numbers), np.float32)

    def _length(self, image: str, axis: int) -> str:
        return self.add("Gather", self.add("Shape", image), self._int(axis))

    def _below(self, count: str) -> str:
        """Return 0, 1, … count − 1."""
        return self.add("Range", self._int(0), count, self._int(1))

    def _clipped(self, places: str, last: str) -> str:
        return self.add("Min", self.add("Max", places, self._int(0)), last)

    def _column(self, values: str) -> str:
        return self.add("Unsqueeze", values, self.constant([1], np.int64))

    def _joined(self, *numbers: str) -> str:
        zero = self.constant([0], np.int64)
        return self.add("Concat", *(self.add("Unsqueeze", n, zero) for n in numbers), axis=0)

    def _halved(self, number: str) -> str:
        """Return half of a whole number, rounded down, also below 0."""
        half = self.add("Mul", self.cast(number, np.float64), self._double(0.5))
        return self.cast(self.add("Floor", half), np.int64)

    def _floor(self, number: str, added: str) -> str:
        return self.cast(self.add("Floor", self.add("Add", number, added)), np.int64)

    def _rounded(self, number: str) -> str:
        """Return the nearest whole number; half-way the even one, as in Python."""
        return self.cast(self.add("Round", number), np.int64)

    def _inverse(self, number: str) -> str:
        return self.add("Div", self._double(1), number)

    def _int(self, value: int) -> str:
        return self.constant(value, np.int64)

    def _double(self, value: float) -> str:
        return self.constant(value, np.float64)
