"""Compiles functions ahead of their first call, once a process: another run of the same kind and size compiles nothing."""

import time
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

import jax

KEPT_PROGRAMS = 48
"""Programs; a run has four to seven for each of its sizes."""
COMPILER_OPTIONS: dict[str, dict[str, Any]] = {
    "gpu": {"xla_gpu_enable_triton_gemm": False, "xla_gpu_experimental_enable_fusion_autotuner": False}
}
"""Of XLA, by backend. A GPU's matrix products go to cuBLAS, and only convolutions are tried out for their fastest form: an
evaluation at 512x512 compiles in 4 to 6 seconds in place of 17 and takes as long (NVIDIA H200, jax 0.11.2)."""
QUICK: dict[str, Any] = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
"""Of XLA on a CPU, for short runs. At 384x255, float32, two sizes' programs take 8.4 seconds of a core in place of 25.6, and an
evaluation 1.02 to 1.07 times as long, with the same bits; in bfloat16 1.25 times (AMD EPYC without AVX-512, jax 0.10.2)."""
_kept: dict[Hashable, Any] = {}  # the one that was used last comes last


class Compiler:
    """Compiles for one run.

    Attributes:
        seconds: that it took so far, programs that were there already left out.
        quickly: whether a CPU's programs are compiled by `QUICK`: for a run that is too short to win the time back.
    """

    def __init__(self, *, quickly: bool = False) -> None:
        self.seconds, self.quickly = 0.0, quickly

    @property
    def _options(self) -> dict[str, Any] | None:
        quickly = self.quickly and not jax.config.read("jax_disable_most_optimizations")
        return QUICK if quickly and jax.default_backend() == "cpu" else COMPILER_OPTIONS.get(jax.default_backend())

    def compile(
        self, function: Callable, *args: Any, key: tuple[Hashable, ...], donate: tuple[int, ...] = (), out: Any = None
    ) -> Any:
        """`function`, compiled.

        Args:
            args: the shapes of its arguments, as arrays or `jax.ShapeDtypeStruct`s.
            key: all that it depends on beside its arguments, `donate` and `out` among it.
            donate: places of arguments whose memory it may take.
            out: shardings of what it returns.
        """
        leaves, structure = jax.tree.flatten(args)
        shapes = tuple((leaf.shape, leaf.dtype, getattr(leaf, "sharding", None)) for leaf in leaves)
        whole = (key, structure, shapes, jax.default_backend(), self.quickly)
        program = _kept.pop(whole, None)
        if program is None:
            began = time.perf_counter()
            program = jax.jit(function, donate_argnums=donate, out_shardings=out).lower(*args)
            try:
                program = program.compile(compiler_options=self._options)
            except jax.errors.JaxRuntimeError as error:
                if "No such compile option" not in str(error):
                    raise
                program = program.compile()
            self.seconds += time.perf_counter() - began
        _kept[whole] = program
        if len(_kept) > KEPT_PROGRAMS:
            del _kept[next(iter(_kept))]
        return program

    def compile_when_called(self, function: Callable, *args: Any, **how: Any) -> Callable:
        """The same, put off: for what only the end of a run needs, so that its beginning need not wait."""
        compiled = lru_cache(maxsize=1)(lambda: self.compile(function, *args, **how))
        return lambda *given: compiled()(*given)
