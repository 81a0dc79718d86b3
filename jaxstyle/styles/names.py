"""Names of styles: which can be asked for later, and be told from each other."""

import unicodedata
from collections.abc import Collection, Iterable

from jaxstyle.errors import InputError, Plain

PHOTOGRAPH = "photograph"
"""The style that leaves a picture as it is, where a network has learned it: what `strength` goes back to."""
SHOWN = 4
"""Files that an error names."""


def folded(name: str) -> str:
    """Equal for names that are the same: upper and lower case are, and the two ways to write an accent."""
    return unicodedata.normalize("NFC", name.casefold())


def check_names(given: Iterable[tuple[str, str]], known: Collection[str]) -> None:
    """Raises an InputError that names all styles which could not be asked for by their names, and says why.

    Args:
        given: the name of each style, and what the user calls it: its file, or the name.
        known: names that the network has already.
    """
    wrong: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    there, remedy = {folded(name): name for name in known}, "give other names"
    for name, source in given:
        if why := _problem(name, there, first):
            wrong.setdefault(why, []).append(source)
            remedy = "rename the files" if source != name else remedy
        first.setdefault(folded(name), source)
    if wrong:
        (why, sources), *more = wrong.items()
        problem = "; nor ".join([f"cannot be named so: {why}", *(f"{_listed(others)}: {reason}" for reason, others in more)])
        raise InputError("styles", Plain(_listed(sources)), problem, remedy)


def _listed(sources: list[str]) -> str:
    more = [f"{len(sources) - SHOWN} more"] if len(sources) > SHOWN else []
    return ", ".join([*map(repr, sources[:SHOWN]), *more])


def _problem(name: str, there: dict[str, str], first: dict[str, str]) -> str:
    """Why a style cannot have a name, if it cannot."""
    if name.isdecimal():
        return "a number means a place in the list of styles"
    if "+" in name or ":" in name:
        return "+ and : are for blends of styles"
    if not name or name != name.strip() or not name.isprintable():
        return "a name has letters that can be printed, and no space at an end"
    if folded(name) == PHOTOGRAPH:
        return f"{PHOTOGRAPH!r} means the photograph as it is"
    if folded(name) in there:
        return f"{there[folded(name)]!r} is in the network already"
    if folded(name) in first:
        return f"{first[folded(name)]!r} has that name, and case does not count"
    return ""
