"""What a plan's loss is: the network, the objective with what the user changed, and how strong the style is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaxstyle.errors import InputError, named, unknown
from jaxstyle.loss.presets import PRESETS, Objective
from jaxstyle.loss.regions import GUIDES
from jaxstyle.loss.terms import CONTENT_SCALES
from jaxstyle.network.borders import PADDINGS
from jaxstyle.network.vgg import POOLS, Architecture, check_tap
from jaxstyle.network.weights.load import Loaded, load
from jaxstyle.plans.config import Config, Layers
from jaxstyle.plans.numbers import number


@dataclass(frozen=True, eq=False)
class LossPlan:
    """What will be minimised.

    Attributes:
        network: parameters of the feature network.
        objective: what to minimise, weights included.
        strength: 0 to 1, from which the weights are derived in place of the objective's; None where they are not.
    """

    network: Loaded
    objective: Objective
    strength: float | None


def plan_loss(config: Config) -> LossPlan:
    """The loss that the user asked for, checked."""
    network = load(config.weights, network=config.network)
    return LossPlan(network, _objective(config, network.params.architecture), _strength(config))


def _objective(config: Config, architecture: Architecture) -> Objective:
    """The preset, with what the user changed."""
    if config.preset not in PRESETS:
        raise unknown("preset", config.preset, PRESETS)
    preset = PRESETS[config.preset]
    changes: dict[str, Any] = {}
    for name in ("content_layers", "style_layers"):
        usual = getattr(preset, name)
        changes[name] = parse_layers(
            usual if getattr(config, name) is None else getattr(config, name), usual, architecture, name
        )
    for name in ("content_weight", "style_weight", "tv_weight"):
        if (given := getattr(config, name)) is not None:
            changes[name] = number(given, name, least=0.0)
    for name, known in (("content_scale", CONTENT_SCALES), ("pooling", POOLS), ("padding", PADDINGS), ("guides", GUIDES)):
        if (given := getattr(config, name)) is not None:
            if given not in known:
                raise unknown(name, given, known)
            changes[name] = given
    objective = replace(preset, **changes)
    if not objective.content_weight and not objective.style_weight and not objective.tv_weight:
        raise InputError("style_weight", objective.style_weight, "leaves nothing to minimise", "one weight must be positive")
    return objective


def _strength(config: Config) -> float | None:
    if config.strength is None:
        return None
    for name in ("style_weight", "content_weight"):
        if getattr(config, name) is not None:
            problem = f"sets the weights, and so does {named(name)}"
            raise InputError("strength", config.strength, problem, "give the one or the other")
    return number(config.strength, "strength", least=0.0, most=1.0)


def parse_layers(given: Layers, preset: Mapping[str, float], architecture: Architecture, argument: str) -> dict[str, float]:
    """``"relu1_1,relu2_1=0.5"``, a sequence of names or a mapping -> {tap: weight}.

    A bare name takes the preset's weight of that tap, or the mean of the preset's weights.
    """
    if isinstance(given, Mapping):
        pairs = [(name, str(weight)) for name, weight in given.items()]
    else:
        names = given.split(",") if isinstance(given, str) else list(given)
        pairs = [(n.strip(), w.strip()) for n, _, w in (name.partition("=") for name in names) if n.strip()]
    if not pairs:
        raise InputError(argument, str(given), "names no layer", "such as relu1_1,relu2_1=0.5")
    usual = sum(preset.values()) / len(preset)
    layers = {}
    for name, weight in pairs:
        check_tap(name, architecture, argument)
        layers[name] = number(weight, f"{argument}: {name}", least=0.0) if weight else preset.get(name, usual)
    return layers
