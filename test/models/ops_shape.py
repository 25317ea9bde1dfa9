# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cases of operators that move data or compute shapes: reshape, transpose, slice, split, gather, concat, pad, cast and
# their like. An argument that was an attribute once and is an input now has a case on either side of the change;
# arguments that a compiler must know are initializers, as exporters have them after folding.

import numpy as np
from onnx import numpy_helper

from ops_case import Case
from ops_compute import _draw, _label


def _ints(*values):
    return np.array(values, np.int64)


def cases():
    for part in (_reshape, _transpose, _slice, _split, _gather, _join, _pad, _make, _cast, _scatter):
        yield from part()


def _reshape():
    for opset in (7, 13, 14, 21):
        for shape, target in [((2, 3, 4), (6, 4)), ((2, 3, 4), (0, -1)), ((7,), (1, 7, 1)), ((2, 17), (-1,)),
                              ((1,), ()), ((4, 0, 3), (0, 0, 3)), ((8, 31), (8, 1, -1))]:
            yield Case("Reshape", opset, _label(shape, target).replace("-", "m"), [_draw(shape), _ints(*target)], {1})
    yield Case("Reshape", 14, "allowzero", [_draw((0, 3)), _ints(3, 0)], {1}, attributes={"allowzero": 1})
    for opset in (7, 11, 13):
        for axis in (0, 1, 2, 3) + ((-1,) if opset >= 11 else ()):
            yield Case("Flatten", opset, f"axis{axis}", [_draw((2, 3, 17))], attributes={"axis": axis})
    x = _draw((3, 17))
    yield Case("Unsqueeze", 7, "0_2", [x], attributes={"axes": [0, 2]})
    yield Case("Unsqueeze", 11, "last", [x], attributes={"axes": [-1]})
    for opset in (13, 21):
        yield Case("Unsqueeze", opset, "0_2", [x, _ints(0, 2)], {1})
        yield Case("Unsqueeze", opset, "last", [x, _ints(-1)], {1})
        yield Case("Unsqueeze", opset, "unordered", [x, _ints(3, 0)], {1})
    y = _draw((1, 3, 1, 17))
    yield Case("Squeeze", 7, "0", [y], attributes={"axes": [0]})
    yield Case("Squeeze", 7, "all", [y])
    yield Case("Squeeze", 11, "m2", [y], attributes={"axes": [-2]})
    for opset in (13, 21):
        yield Case("Squeeze", opset, "0_m2", [y, _ints(0, -2)], {1})
        yield Case("Squeeze", opset, "all", [y])
    for opset in (8, 13):
        for shape, target in [((3, 1), (3, 17)), ((3, 1), (2, 1, 8)), ((1,), (7, 33)), ((4, 5), (1, 1)), ((), (2, 3))]:
            yield Case("Expand", opset, _label(shape, target), [_draw(shape), _ints(*target)], {1})
    for opset in (7, 13):
        yield Case("Tile", opset, "2x3", [_draw((5, 7)), _ints(2, 3)], {1})
        yield Case("Tile", opset, "1x1x4", [_draw((2, 3, 17)), _ints(1, 1, 4)], {1})
    for opset in (7, 10, 12, 13, 22):
        attributes = {"ratio": 0.5} if opset < 12 else {}
        yield Case("Dropout", opset, "inference", [_draw((3, 17))], attributes=attributes)
    yield Case("Dropout", 13, "off", [_draw((3, 17)), np.array(0.5, np.float32), np.array(False)], {1, 2})


def _transpose():
    for opset in (7, 13, 21):
        for shape, perm in [((7, 8), None), ((15, 17), [1, 0]), ((2, 3, 31), [0, 2, 1]), ((1, 16, 4, 33), [0, 2, 1, 3]),
                            ((1, 5, 4, 8), [0, 2, 3, 1]), ((2, 3, 4, 5), [3, 1, 0, 2]), ((9,), [0])]:
            yield Case("Transpose", opset, _label(shape, perm or ()), [_draw(shape)],
                       attributes={} if perm is None else {"perm": perm})
    yield Case("Transpose", 13, "int64", [_draw((3, 17), -9, 9, np.int64)], attributes={"perm": [1, 0]})
    yield Case("Transpose", 13, "bool", [_draw((3, 17), dtype=np.bool_)], attributes={"perm": [1, 0]})


def _slice():
    x = _draw((5, 17, 8))
    for opset in (7, 9):
        yield Case("Slice", opset, "two", [x], attributes={"axes": [0, 1], "starts": [1, 3], "ends": [4, 1000]})
        yield Case("Slice", opset, "negative", [x], attributes={"axes": [1], "starts": [-5], "ends": [-1]})
        yield Case("Slice", opset, "default", [x], attributes={"starts": [1, 2], "ends": [3, 9]})
    for opset in (10, 11, 13):
        yield Case("Slice", opset, "plain", [x, _ints(1, 2), _ints(3, 9)], {1, 2})
        yield Case("Slice", opset, "axes", [x, _ints(3), _ints(2**63 - 1), _ints(1)], {1, 2, 3})
        yield Case("Slice", opset, "steps", [x, _ints(1, 0), _ints(16, 8), _ints(1, 2), _ints(3, 2)], {1, 2, 3, 4})
        yield Case("Slice", opset, "reverse", [x, _ints(-1), _ints(-2**63), _ints(1), _ints(-1)], {1, 2, 3, 4})
        yield Case("Slice", opset, "reverse_by_two", [x, _ints(12), _ints(2), _ints(1), _ints(-2)], {1, 2, 3, 4})
        yield Case("Slice", opset, "empty", [x, _ints(4), _ints(2), _ints(1)], {1, 2, 3})
    yield Case("Slice", 13, "int32", [x, np.array([-3], np.int32), np.array([99], np.int32), np.array([-1], np.int32)],
               {1, 2, 3})


def _split():
    x = _draw((6, 33))
    yield Case("Split", 7, "even", [x], outputs=3, attributes={"axis": 1})
    yield Case("Split", 7, "sizes", [x], outputs=3, attributes={"axis": 1, "split": [1, 15, 17]})
    yield Case("Split", 11, "negative", [x], outputs=2, attributes={"axis": -2})
    yield Case("Split", 13, "even", [x], outputs=2)
    for opset in (13, 18):
        yield Case("Split", opset, "sizes", [x, _ints(1, 15, 17)], {1}, outputs=3, attributes={"axis": 1})
    yield Case("Split", 18, "number", [x], outputs=3, attributes={"axis": 1, "num_outputs": 3})
    yield Case("Split", 18, "uneven", [x], outputs=4, attributes={"axis": 1, "num_outputs": 4})


def _gather():
    x = _draw((9, 17))
    for opset in (7, 11, 13):
        yield Case("Gather", opset, "rows", [x, _ints(8, 0, 3, 3)])
        yield Case("Gather", opset, "matrix", [x, _ints(*range(6)).reshape(2, 3)], attributes={"axis": 1})
        yield Case("Gather", opset, "scalar", [x, np.array(4, np.int64)], {1}, attributes={"axis": 1})
        yield Case("Gather", opset, "int32", [x, np.array([1, 2], np.int32)])
        yield Case("Gather", opset, "table", [x, _ints(8, 0, 3).reshape(1, 3)], {0})
    yield Case("Gather", 11, "negative", [x, _ints(-1, -9, 2)])
    yield Case("Gather", 13, "negative_axis", [x, _ints(-1, 2)], attributes={"axis": -1})
    yield Case("Gather", 13, "bool", [_draw((9, 7), dtype=np.bool_), _ints(1, 8)])
    for opset in (11, 13):
        index = np.array([[0, 8, -1], [3, 3, 2]], np.int64)
        yield Case("GatherElements", opset, "axis0", [x, index], attributes={"axis": 0}, tier="B")
        yield Case("GatherND", opset, "pairs", [x, np.array([[0, 1], [8, 16]], np.int64)], tier="B")
        yield Case("GatherND", opset, "rows", [x, np.array([[0], [-1]], np.int64)], tier="B")


def _join():
    for opset in (7, 11, 13):
        yield Case("Concat", opset, "axis0", [_draw((1, 17)), _draw((3, 17), seed=1), _draw((2, 17), seed=2)],
                   attributes={"axis": 0})
        yield Case("Concat", opset, "axis1", [_draw((3, 1)), _draw((3, 15), seed=1), _draw((3, 8), seed=2)],
                   attributes={"axis": 1})
        yield Case("Concat", opset, "one", [_draw((3, 1))], attributes={"axis": 1})
    yield Case("Concat", 13, "negative", [_draw((1, 2, 7, 16)), _draw((1, 2, 1, 16), seed=1)], attributes={"axis": -2})
    yield Case("Concat", 13, "empty", [_draw((1, 2, 0, 16)), _draw((1, 2, 5, 16), seed=1)], attributes={"axis": 2})
    yield Case("Concat", 13, "int64", [_draw((2,), -9, 9, np.int64), _ints(-1)], {1}, attributes={"axis": 0})
    yield Case("Concat", 13, "constant", [_draw((1, 1, 16)), _draw((1, 4, 16), seed=1)], {0}, attributes={"axis": 1})


def _pad():
    x = _draw((3, 7, 9))
    pads = [0, 1, 2, 1, 0, 3]
    for mode in ("constant", "reflect", "edge"):
        chosen = pads if mode != "reflect" else [0, 1, 2, 0, 0, 3]
        yield Case("Pad", 7, mode, [x], attributes={"pads": chosen, "mode": mode}, tier="B")
        for opset in (11, 13, 18, 21):
            yield Case("Pad", opset, mode, [x, _ints(*chosen)], {1}, attributes={"mode": mode}, tier="B")
    yield Case("Pad", 7, "value", [x], attributes={"pads": pads, "value": 1.5}, tier="B")
    for opset in (11, 13, 18):
        yield Case("Pad", opset, "value", [x, _ints(*pads), np.array(-2, np.float32)], {1, 2}, tier="B")
        yield Case("Pad", opset, "crop", [x, _ints(0, -1, 0, 0, 0, -2)], {1}, tier="B")
    yield Case("Pad", 18, "axes", [x, _ints(1, 2), None, _ints(-1)], {1, 3}, tier="B")


def _make():
    for opset in (7, 13, 15):
        yield Case("Shape", opset, "whole", [_draw((2, 3, 17))])
    yield Case("Shape", 15, "part", [_draw((2, 3, 17))], attributes={"start": 1, "end": -1})
    yield Case("Shape", 15, "last", [_draw((2, 3, 17))], attributes={"start": -1})
    for opset in (7, 13):
        yield Case("Size", opset, "whole", [_draw((2, 3, 17))])
    for dtype in (np.float32, np.int64, np.bool_):
        value = numpy_helper.from_array(np.array([1], dtype))
        yield Case("ConstantOfShape", 9, np.dtype(dtype).name, [_ints(3, 5)], {0}, attributes={"value": value})
    yield Case("ConstantOfShape", 9, "default", [_ints(3, 5)], {0})
    yield Case("ConstantOfShape", 20, "scalar", [_ints()], {0})
    for label, (start, limit, step) in {"up": (0, 9, 1), "down": (9, -1, -3), "none": (3, 3, 1)}.items():
        yield Case("Range", 11, label, [np.array(v, np.int64) for v in (start, limit, step)], {0, 1, 2})
    yield Case("Range", 11, "float", [np.array(v, np.float32) for v in (0.5, 3, 0.25)], {0, 1, 2})
    for upper in (0, 1):
        for k in (-2, 0, 1, 30):
            yield Case("Trilu", 14, f"{upper}_{k}".replace("-", "m"), [_draw((2, 7, 9)), np.array(k, np.int64)], {1}, 1,
                       {"upper": upper})
        yield Case("Trilu", 14, f"{upper}_default", [_draw((17, 8))], attributes={"upper": upper})


def _cast():
    sources = {"float32": _draw((3, 17), -9, 9), "int64": _draw((17,), -90, 90, np.int64),
               "int32": _draw((17,), -90, 90, np.int32), "bool": _draw((17,), dtype=np.bool_),
               "uint8": _draw((17,), 0, 200, np.uint8), "float16": _draw((17,), -9, 9).astype(np.float16)}
    targets = {"float32": 1, "int64": 7, "int32": 6, "bool": 9, "float16": 10}
    for opset in (7, 9, 13):
        for source, value in sources.items():
            for target, code in targets.items():
                yield Case("Cast", opset, f"{source}_{target}", [value], attributes={"to": code})
    yield Case("Cast", 13, "truncates", [np.array([-1.9, -0.5, 0.5, 1.9, 0], np.float32)], attributes={"to": 7})
    yield Case("Cast", 13, "zero_is_false", [np.array([0, -0.0, 0.1, np.nan, -3], np.float32)], attributes={"to": 9})
    yield Case("CastLike", 15, "int64", [_draw((17,), -9, 9), _ints(0)])
    yield Case("CastLike", 19, "float32", [_draw((17,), -9, 9, np.int64), np.zeros(1, np.float32)], {1})


def _scatter():
    x = _draw((5, 17))
    for opset in (11, 13, 16, 18):
        index = np.array([[0], [3]], np.int64)
        yield Case("ScatterND", opset, "rows", [x, index, _draw((2, 17), seed=1)], {1})
        index = np.array([[0, 1], [4, 16], [2, 2]], np.int64)
        yield Case("ScatterND", opset, "elements", [x, index, _draw((3,), seed=1)], {1})
    for opset in (11, 13):
        index = np.array([[0, 4, 2]], np.int64)
        yield Case("ScatterElements", opset, "axis0", [x, index, _draw((1, 3), seed=1)], {1}, tier="B")
