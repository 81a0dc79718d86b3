"""The plans of a film's frames, made from the plan of its first one."""

from dataclasses import replace

from jaxstyle.masks.film import WINDOW, FilmMasks
from jaxstyle.pictures.read import Picture, resize
from jaxstyle.plans.colours import seen
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import Regions, frame_regions
from jaxstyle.plans.schedule import Stage
from jaxstyle.plans.solve import Start


def for_frame(plan: Plan, picture: Picture, regions: Regions | None = None) -> Plan:
    """The plan of another frame, (H, W, 3) of the same size, that is painted as if it were the first one.

    Args:
        plan: of the first frame.
        picture: the frame.
        regions: its own, where they are not those of the first one.
    """
    if picture.size != plan.content.size:  # of a preview
        picture = resize(picture, *plan.content.size)
    content, styles = seen(plan.colours, picture, plan.own_styles, Library())
    small = regions and plan.preview and plan.preview.regions and plan.preview.regions.with_masks_of(regions)
    preview = None if plan.preview is None else for_frame(plan.preview, picture, small)
    original = picture if plan.colours.space else None
    same = plan.colours.kind == "style"  # the same objects, whose targets are known
    styles, regions = plan.styles if same else styles, regions or plan.regions
    return replace(plan, content=content, styles=styles, original_content=original, preview=preview, regions=regions)


class FrameMasks:
    """The regions of a film's frames, in order, where words find them; the first frame's where none is a word."""

    def __init__(self, plan: Plan):
        same_masks = plan.objective.guides == "mask"
        self._regions = frame_regions(plan.config.regions, plan.config.feather, plan.regions, same_masks)
        self._masks = FilmMasks()

    @property
    def recalled(self) -> int:
        """How many earlier frames a film that goes on needs for them."""
        return 0 if self._regions is None else WINDOW

    def at(self, picture: Picture) -> Regions | None:
        """Those of a frame; None where they are the first one's."""
        return self._regions and self._regions.at(picture, lambda word: self._masks.find(picture, word))


def following(plan: Plan, begun: Picture, evaluations: int) -> Plan:
    """The plan of a frame that begins with `begun`, what is known of its painting, and ends after so many evaluations."""
    start = Start("picture", 0.0, plan.start.noise_sigma, plan.start.seed, smooth_colour=False, tone=plan.start.tone)
    stages = (Stage(plan.content.size, "plain", evaluations),)
    return replace(plan, start=start, init_picture=begun, stages=stages, preview=None)
