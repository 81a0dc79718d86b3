"""The plans of a film's frames, made from the plan of its first one."""

from dataclasses import replace

from jaxstyle.pictures.read import Picture, resize
from jaxstyle.plans.colours import seen
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.schedule import Stage
from jaxstyle.plans.solve import Start


def for_frame(plan: Plan, picture: Picture) -> Plan:
    """The plan of another frame, (H, W, 3) of the same size, that is painted as if it were the first one."""
    if picture.size != plan.content.size:
        picture = resize(picture, *plan.content.size)
    content, styles = seen(plan.colours, picture, plan.own_styles, Library())
    preview = None if plan.preview is None else for_frame(plan.preview, picture)
    original = picture if plan.colours.space else None
    same = plan.colours.kind == "style"  # the same objects, whose targets are known
    return replace(plan, content=content, styles=plan.styles if same else styles, original_content=original, preview=preview)


def following(plan: Plan, begun: Picture, evaluations: int) -> Plan:
    """The plan of a frame that begins with `begun`, what is known of its painting, and ends after so many evaluations."""
    start = Start("picture", 0.0, plan.start.noise_sigma, plan.start.seed, smooth_colour=False, tone=plan.start.tone)
    stages = (Stage(plan.content.size, "plain", evaluations),)
    return replace(plan, start=start, init_picture=begun, stages=stages, preview=None)
