"""Words for masks: ``faces``, ``not:faces``, ``people+3%``."""

import difflib
import re
from dataclasses import dataclass

NAMES = {
    "faces": "faces, each as a soft oval from chin to hairline, ears included",
    "people": "people, with hair and clothes",
    "subject": "what the photograph is of",
    "background": "all but the subject",
}
"""What each is for."""
WORDS = f"{', '.join([*NAMES][:-1])} or {[*NAMES][-1]}"
"""In a sentence."""
NOT = "not:"
MOST_GROWN = 50.0
"""Percent of the longest side."""
_FORM = re.compile(r"(?P<name>[a-z]+)(?:(?P<sign>[+-])(?P<percent>\d+(?:\.\d+)?)%)?")


@dataclass(frozen=True)
class MaskWord:
    """What is found in a photograph in place of a mask that was drawn.

    Attributes:
        name: of `NAMES`.
        inverted: whether all else is meant.
        grown: by how many percent of the picture's longest side its edge is moved out; negative for in. It is moved before the
            mask is inverted.
    """

    name: str
    inverted: bool = False
    grown: float = 0.0

    def __str__(self) -> str:
        """As it is typed."""
        size = f"{self.grown:+g}%" if self.grown else ""
        return f"{NOT if self.inverted else ''}{self.name}{size}"


def parse_word(text: str) -> MaskWord | None:
    """The word that a text is; None where it is none."""
    plain = "".join(text.lower().split())
    inverted = plain.startswith(NOT)
    match = _FORM.fullmatch(plain.removeprefix(NOT))
    if match is None or match["name"] not in NAMES:
        return None
    grown = float(f"{match['sign']}{match['percent']}") if match["percent"] else 0.0
    return MaskWord(match["name"], inverted, grown) if abs(grown) <= MOST_GROWN else None


def nearest_word(text: str) -> str | None:
    """The name that was probably meant by what is neither a word nor a file; None where none is near."""
    begun = re.split(r"[+\-%\d]", "".join(text.lower().split()).removeprefix(NOT))[0]
    near = difflib.get_close_matches(begun, NAMES, n=1, cutoff=0.7)
    return near[0] if near else None
