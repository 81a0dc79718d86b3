"""From what the user said (`Config`) to what will be done (`Plan`): defaults filled in, pictures read, every error raised.

An error is an `InputError` (`ImageError` and `WeightsError` among them): one line that names the argument, its value and what
would be right. Nothing is computed before all of this is known to be right.
"""

from dataclasses import replace
from typing import Any

from jaxstyle.errors import InputError, named
from jaxstyle.loss.objective import shares
from jaxstyle.pictures.find import expand, one
from jaxstyle.pictures.size import MIN_SIDE
from jaxstyle.plans import schedule
from jaxstyle.plans.colours import colours_of
from jaxstyle.plans.config import Config
from jaxstyle.plans.inputs import read_inputs, sizes_of
from jaxstyle.plans.library import Library
from jaxstyle.plans.loss import plan_loss
from jaxstyle.plans.numbers import numbers
from jaxstyle.plans.plan import Plan, Provenance
from jaxstyle.plans.preview import preview_of
from jaxstyle.plans.solve import check_choices, effort_of, plan_solve, plan_start


def resolve(content: Any, style: Any, config: Config, library: Library | None = None) -> Plan:
    """The plan of one picture.

    Args:
        content: a path, a PIL image or an array; a path may be a pattern that one picture matches, and begin with ``~``.
        style: the same, or a list of them that are blended; a folder or a pattern stands for its pictures.
        config: all settings.
        library: where pictures that were read already are kept.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    library = library or Library()
    content, config = one(content, argument="content"), replace(config, init=one(config.init, argument="init"))
    styles = expand(style if isinstance(style, list | tuple) else [style], argument="style")
    if not styles:
        raise InputError("style", styles, "is empty", "give at least one style")
    effort = effort_of(config)
    check_choices(config)
    colours, loss = colours_of(config), plan_loss(config)
    blend = shares(numbers(config.blend, "blend"), len(styles), shown=config.blend)
    start, sizes = plan_start(config, loss), sizes_of(config)
    picture = library.fitted(content, "content", sizes[0])
    auto = effort.scales == schedule.AUTO and colours.painted
    preview = _preview(content, style, config, library, *picture.size) if auto else None
    first = preview and preview.stages
    how = dict(painted=colours.painted, grey=colours.brightness_only)
    solve = plan_solve(config, effort, loss, start, picture.size, first, **how)
    begun = start.kind == "picture"
    inputs, sources = read_inputs(picture, content, styles, blend, config, loss, colours, sizes, library, begun=begun)
    provenance = Provenance({"content": library.describe(content), **sources}, config)
    return Plan.of(inputs, loss, solve, provenance, preview=preview)


def _preview(content: Any, style: Any, config: Config, library: Library, width: int, height: int) -> Plan | None:
    """The plan of the preview of a `width` x `height` picture; None where it needs none."""
    small = preview_of(config, width, height)
    try:
        return None if small is None else resolve(content, style, small, library)
    except InputError as error:
        # The size of the styles is told as the picture's where it follows from that.
        of_style = error.argument in ("style_size", "stroke") or isinstance(error.__cause__, InputError)
        if small is None or not of_style:
            raise
        problem = f"begins with a preview of {small.size} pixels, at which a side of a style has fewer than {MIN_SIDE}"
        remedy = f"give larger styles ({named('style_size')}, {named('stroke')}) or a number of scales"
        raise InputError("scales", schedule.AUTO, problem, remedy) from error
