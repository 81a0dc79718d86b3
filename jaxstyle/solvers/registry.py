"""Every solver by name."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxstyle.errors import InputError, unknown
from jaxstyle.solvers.state import Solver

# jaxopt and optax take half a second to import, which what makes no solver need not wait for.


def _lbfgs(*args: Any, **how: Any) -> Solver:
    from jaxstyle.solvers.lbfgs import LBFGS

    return LBFGS(*args, **how)


def _searching(*args: Any, **how: Any) -> Solver:
    from jaxstyle.solvers.lbfgs import SearchingLBFGS

    return SearchingLBFGS(*args, **how)


def _optax_lbfgs(*args: Any, **how: Any) -> Solver:
    from jaxstyle.solvers.optax_solvers import OptaxLBFGS

    return OptaxLBFGS(*args, **how)


def _adam(*args: Any, **how: Any) -> Solver:
    from jaxstyle.solvers.optax_solvers import Adam

    return Adam(*args, **how)


SOLVERS: dict[str, Callable[..., Solver]] = {
    "lbfgs": _lbfgs,
    "lbfgs-torch": partial(_lbfgs, guarded=False),
    "lbfgs-zoom": partial(_searching, "zoom"),
    "lbfgs-backtracking": partial(_searching, "backtracking"),
    "lbfgs-hager-zhang": partial(_searching, "hager-zhang"),
    "optax-lbfgs": _optax_lbfgs,
    "adam": _adam,
}
"""What makes a solver, by its name; use `make_solver`."""


def make_solver(name: str, *, history: int = 20, learning_rate: float = 10.0) -> Solver:
    """A solver by name.

    Args:
        name: one of `SOLVERS`.
        history: pairs that the L-BFGS family keeps, at least 1, each two arrays of the size of the variable; `stylize` has 30.
        learning_rate: Adam's, positive, in the units of the variable.

    Returns:
        What has `init` and `step`, see `Solver`.

    Raises:
        InputError: for another name, or a history or learning rate out of range.
    """
    if name not in SOLVERS:
        raise unknown("solver", name, SOLVERS)
    if history < 1:
        raise InputError("history", history, "must be at least 1")
    if not learning_rate > 0:
        raise InputError("learning_rate", learning_rate, "must be positive")
    return SOLVERS["adam"](learning_rate=learning_rate) if name == "adam" else SOLVERS[name](history=history)
