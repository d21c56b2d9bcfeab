"""Eight 64-bit words at once: a value that compiled kernels hold in vector registers.

Left to itself, LLVM turns loops over words into vectors half as wide as the machine's, if it turns them at all. Here a
kernel says what it means: ``load(array, i)`` is the vector of the words i … i + 7, and ``& | ^ +`` act on all of them.
LLVM splits the vectors on machines with narrower ones (AVX2: two; NEON: four registers each). Nothing of Numba's
settings is changed. Indices are not checked.

`load`, `store`, `fetch` and the operators are the whole vocabulary; the type never leaves a kernel.
"""

import operator
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 8
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_I64, WIDTH)


class Words(types.Type):
    """Numba's type of eight words."""

    def __init__(self) -> None:
        super().__init__("Words8")


words = Words()


@register_model(Words)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)  # type: ignore[no-untyped-call]


def _intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Kernels call an intrinsic without its first parameter."""
    return cast(Callable[..., Any], intrinsic(function))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@_intrinsic
def load(typing: Any, array: Any, i: Any) -> Any:
    """The words i … i + 7 of a contiguous uint64 array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_pointer(context, builder, signature.args[0], args[0], args[1]))
        value.align = 8
        return value

    return words(array, types.intp), generate


@_intrinsic
def store(typing: Any, array: Any, i: Any, value: Any) -> Any:
    """Write the words i … i + 7 of a contiguous uint64 array."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature.args[0], args[0], args[1])).align = 8
        return context.get_dummy_value()

    return types.void(array, types.intp, words), generate


@_intrinsic
def fetch(typing: Any, array: Any, runs: Any, places: Any, i: Any) -> Any:
    """The words of a contiguous uint64 array at the places ``places[8 i : 8 i + 8]`` (contiguous int32).

    Where ``runs[i]`` (contiguous int32) is not negative, they are the eight words from there on. Eight loads are as
    fast as the machine's instruction for it, or faster.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:3], args[:3], strict=True)
        ]
        data, first, numbers = arrays
        run = builder.load(builder.gep(first, [args[3]]))
        with builder.if_else(builder.icmp_signed(">=", run, ir.Constant(run.type, 0)), likely=True) as (
            contiguous,
            scattered,
        ):
            with contiguous:
                start = builder.gep(data, [builder.zext(run, _I64)])
                together = builder.load(builder.bitcast(start, _VECTOR.as_pointer()))
                together.align = 8
                after_together = builder.block
            with scattered:
                apart = ir.Constant(_VECTOR, ir.Undefined)
                begin = builder.shl(args[3], ir.Constant(args[3].type, 3))
                for lane in range(WIDTH):
                    place = builder.load(builder.gep(numbers, [builder.add(begin, ir.Constant(begin.type, lane))]))
                    word = builder.load(builder.gep(data, [builder.zext(place, _I64)]))
                    apart = builder.insert_element(apart, word, ir.Constant(_I32, lane))
                after_apart = builder.block
        value = builder.phi(_VECTOR)
        value.add_incoming(together, after_together)
        value.add_incoming(apart, after_apart)
        return value

    return words(array, runs, places, types.intp), generate


@_intrinsic
def splat(typing: Any, word: Any) -> Any:
    """Eight times the same word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, args[0], ir.Constant(_I32, 0))
        return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, WIDTH), [0] * WIDTH))

    return words(types.uint64), generate


@_intrinsic
def popcount(typing: Any, word: Any) -> Any:
    """How many bits of a uint64 are one, as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


def _binary(name: str) -> Callable[..., Any]:
    @_intrinsic
    def operation(typing: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, name)(*args)

        return words(words, words), generate

    return operation


def _overload(python_operator: Any, operation: Any) -> None:
    def implementation(x, y):  # type: ignore[no-untyped-def]  # Numba compares signatures, annotations included
        return (lambda x, y: operation(x, y)) if x == words and y == words else None

    overload(python_operator)(implementation)


for _operator, _name in (
    (operator.and_, "and_"),
    (operator.or_, "or_"),
    (operator.xor, "xor"),
    (operator.add, "add"),
    (operator.mul, "mul"),
):
    _overload(_operator, _binary(_name))


def _by_constant(name: str, count: int) -> Callable[..., Any]:
    @_intrinsic
    def operation(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            counts = ir.Constant(_VECTOR, [count] * WIDTH)
            if name != "rotate":
                return getattr(builder, name)(args[0], counts)
            function_type = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
            name_ = f"llvm.fshl.v{WIDTH}i64"
            funnel = cast(Any, cgutils).get_or_insert_function(builder.module, function_type, name_)
            return builder.call(funnel, [args[0], args[0], counts])

        return words(words), generate

    return operation


left_17 = _by_constant("shl", 17)
right_27, right_30, right_31 = (_by_constant("lshr", count) for count in (27, 30, 31))
rotate_1, rotate_23, rotate_45, rotate_63 = (_by_constant("rotate", count) for count in (1, 23, 45, 63))
