"""Times and rates as users write them."""

from fractions import Fraction

import pytest

from jaxstyle.errors import InputError
from jaxstyle.films.times import parse_rate, parse_time, spelt


@pytest.mark.parametrize(
    ("text", "seconds"), [("3.5", 3.5), ("0:03", 3), ("75", 75), ("1:02:03.25", 3723.25), (2, 2), ("0:59.9", 59.9), ("0", 0)]
)
def test_times(text, seconds):
    assert parse_time(text, argument="start") == Fraction(str(seconds))


@pytest.mark.parametrize("text", ["", "x", "-1", "1:60", "0:75", "1:2:3:4", "nan", "1:", "1e3", "٣"])
def test_what_is_no_time(text):
    with pytest.raises(InputError, match=r"`start` \(='.*'\) is not a time; give seconds \(3.5\) or minutes and seconds"):
        parse_time(text, argument="start")


@pytest.mark.parametrize(("text", "rate"), [("12", 12), ("23.976", "2997/125"), ("30000/1001", "30000/1001"), (25, 25)])
def test_rates(text, rate):
    assert parse_rate(text) == Fraction(rate)


@pytest.mark.parametrize("text", ["", "0", "-5", "x", "1/0", "2000", "inf"])
def test_what_is_no_rate(text):
    with pytest.raises(InputError, match=r"`fps` \(='.*'\)"):
        parse_rate(text)


def test_times_are_spelt():
    assert [spelt(x) for x in (0, 3.25, 61, 3723.999, Fraction(1, 3))] == ["0:00", "0:03.2", "1:01", "1:02:03.9", "0:00.3"]
