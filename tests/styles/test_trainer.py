"""A step's losses against NumPy, and whole trainings on a tiny network: what learns, what stays, stopping and going on."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import TINY, random_params, random_styles, refusal, straight_and_stopped

from jaxstyle.domains import step as domain_step
from jaxstyle.domains.recipe import Recipe as DomainRecipe
from jaxstyle.errors import InputError
from jaxstyle.loss.presets import CANONICAL
from jaxstyle.onepass.layers import Widths
from jaxstyle.pictures.read import Picture
from jaxstyle.styles import api as whole, step as style_step
from jaxstyle.styles.api import train_styles
from jaxstyle.styles.data import compared, prepare
from jaxstyle.styles.model import WIDTHS as NAMED_WIDTHS, initial, paint
from jaxstyle.styles.network import PHOTOGRAPH, read
from jaxstyle.styles.step import OBJECTIVE, Learned, Recipe, init_state, losses, select_styles, step
from jaxstyle.styles.trainer import StyleTrainer
from jaxstyle.training.photographs import stack_photographs
from tests.network.test_vgg import numpy_features
from tests.styles.test_model import numpy_network

WIDTHS = Widths((4, 6, 8), 1, (6, 4))
RECIPE = Recipe(WIDTHS, replace(OBJECTIVE, content_layers={"relu3_2": 1.0}), size=32, batch=2, warmup_steps=5)


def picture(seed, width=48, height=40):
    """Smooth random colours."""
    small = np.random.default_rng(seed).random((6, 6, 3))
    image = jax.image.resize(jnp.asarray(small), (height, width, 3), "cubic")
    return Picture(np.clip(np.rint(np.asarray(image) * 255), 0, 255).astype(np.uint8))


STYLES = {"stripes": picture(11), "spots": picture(12)}
PHOTOS = [picture(seed).rgb for seed in range(3)]


@pytest.fixture(scope="module")
def data():
    from jaxstyle.network.weights.registry import SCALES

    recipe = replace(RECIPE, objective=compared(RECIPE.objective))
    params = random_params(TINY, SCALES["caffe"], seed=3)
    photographs = stack_photographs([Picture(rgb) for rgb in PHOTOS], recipe.size)
    return prepare(list(STYLES.values()), photographs, params, recipe, photograph=True, kernels={}), recipe


def training(params, steps=6, path=None, **how):
    photographs = stack_photographs([Picture(rgb) for rgb in PHOTOS], RECIPE.size)
    return StyleTrainer(tuple(STYLES), list(STYLES.values()), photographs, params, RECIPE, steps=steps, path=path, **how)


def test_every_term_of_a_step_is_the_plain_networks(data, rng):
    """The transformation network, VGG, Gram matrices, weights and means, each written again in NumPy."""
    data, recipe = data
    params, kernels = data.params, initial(WIDTHS, 0)
    styles = jnp.asarray(rng.normal(1, 0.2, (3, WIDTHS.style_size)), jnp.float32)
    images, which = rng.random((2, 32, 32, 3)).astype(np.float32), [1, 2]
    run = jax.jit(losses, static_argnames="recipe")
    found = run(Learned(kernels, styles), jnp.asarray(images), jnp.asarray(which), data, recipe=recipe)
    content = style = rough = 0.0
    for image, row in zip(images, which, strict=True):
        painted = numpy_network(kernels, WIDTHS, image, styles[row]).astype(np.float32)
        taps, wanted = numpy_features(params, painted, "max"), numpy_features(params, image, "max")
        weights = jax.tree.map(lambda leaf: float(leaf[row]), data.weights)  # noqa: B023
        for name, weight in weights.content.items():
            content += weight * np.mean((taps[name] - wanted[name]) ** 2)
        for name, weight in weights.style.items():
            flat = taps[name].reshape(-1, taps[name].shape[-1])
            gram, channels = flat.T @ flat / len(flat), flat.shape[1]
            style += weight * np.mean((gram - np.asarray(data.grams[name][row])) ** 2) / channels**2
        levels = painted.astype(np.float64) * 255
        down, right = levels[1:, :-1] - levels[:-1, :-1], levels[:-1, 1:] - levels[:-1, :-1]
        rough += weights.tv * 0.5 * (np.sum(down**2) + np.sum(right**2))
    wanted = [part / 2 for part in (content + style + rough, content, style, rough)]
    np.testing.assert_allclose(found, wanted, rtol=2e-3)


def test_picked_styles_are_the_rows_and_so_is_the_gradient(rng):
    """Also where a style is picked twice: its gradients are added."""
    styles, which, grad = rng.normal(size=(5, 9)).astype(np.float32), [3, 0, 3, 1], rng.normal(size=(4, 9)).astype(np.float32)
    value, pull = jax.vjp(select_styles, styles, jnp.asarray(which))
    wanted = np.zeros_like(styles)
    np.add.at(wanted, which, grad)
    np.testing.assert_array_equal(value, styles[which])
    np.testing.assert_allclose(pull(grad)[0], wanted, rtol=1e-6)
    assert "scatter" not in str(jax.make_jaxpr(pull)(grad))


@pytest.mark.slow
def test_weights_bring_every_style_to_one_scale(data):
    """An untouched photograph has the content loss of another one 1, the style loss `style_weight`, by every style."""
    data, recipe = data
    from jaxstyle.loss.objective import Targets, content_target, loss_parts
    from jaxstyle.styles.data import samples

    images, how = samples(data.photographs, recipe), dict(objective=recipe.objective)
    for row in range(2):
        grams, weights = jax.tree.map(lambda leaf: leaf[row], (data.grams, data.weights))  # noqa: B023
        parts = [
            loss_parts(
                image,
                data.params,
                Targets(content_target(data.params, images[i - 1], **how), grams),
                weights=weights,
                **how,
            )
            for i, image in enumerate(images)
        ]
        means = [np.mean([part[i] for part in parts]) for i in range(4)]
        np.testing.assert_allclose(means[1:], [1, OBJECTIVE.style_weight, OBJECTIVE.tv_weight], rtol=1e-3)
    assert data.weights.style["relu1_1"][2] == data.weights.tv[2] == 0


@pytest.mark.parametrize("flip", [True, False])
def test_a_step_mirrors_crops_where_that_is_wanted(data, monkeypatch, flip):
    """The same of both families: what `random_crops` is told."""
    data, recipe = data

    def told(*args):
        raise InterruptedError(args[-1])

    for module in (style_step, domain_step):
        monkeypatch.setattr(module, "random_crops", told)
    state = init_state(Learned({}, jnp.ones((1, WIDTHS.style_size))), recipe)
    with pytest.raises(InterruptedError, match=str(flip)):
        step(state, data, jnp.float32(1), recipe=replace(recipe, flip=flip))
    recipe = DomainRecipe(width=2, blocks=1, size=32, flip=flip)
    known = domain_step.TrainingData(data.photographs, data.photographs, recipe.hyperparameters)
    with pytest.raises(InterruptedError, match=str(flip)):
        domain_step.step(state, known, jnp.float32(1), recipe=recipe.static)


@pytest.mark.slow
def test_the_gradient_is_the_finite_difference(data, rng):
    data, recipe = data
    learned = Learned(initial(WIDTHS, 0), jnp.asarray(rng.normal(1, 0.2, (3, WIDTHS.style_size)), jnp.float32))
    images, which = jnp.asarray(rng.random((2, 32, 32, 3)), jnp.float32), jnp.asarray([0, 1])
    with jax.enable_x64(True):
        learned, images, data = jax.tree.map(
            lambda a: a.astype(jnp.float64) if a.dtype == jnp.float32 else a, (learned, images, data)
        )

        @jax.jit
        def loss(learned):
            return losses(learned, images, which, data, recipe).total

        gradient = jax.jit(jax.grad(loss))(learned)
        way = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), learned)
        step = 1e-6
        ahead, back = (loss(jax.tree.map(lambda a, d: a + sign * step * d, learned, way)) for sign in (1, -1))  # noqa: B023
        slope = sum(jnp.vdot(g, d) for g, d in zip(*map(jax.tree.leaves, (gradient, way)), strict=True))
        np.testing.assert_allclose((ahead - back) / (2 * step), slope, rtol=1e-4)


@pytest.mark.slow
def test_what_is_stopped_goes_on_bit_for_bit(tiny_params, tmp_path):
    _, later = straight_and_stopped(partial(training, tiny_params), tmp_path / ".net.part", 3, 6)
    assert later.curve[-1][0] == 6


def test_another_trainings_checkpoint_is_refused(tiny_params, tmp_path):
    path = tmp_path / ".net.part"
    training(tiny_params, path=path).save_checkpoint()
    other = training(tiny_params, path=path)
    other.recipe = replace(other.recipe, learning_rate=1e-3)
    refusal(other.resume, "resume", "learning_rate 0.002, not 0.001; give what that training had", kind=InputError)
    other = training(tiny_params, path=path)
    other.recipe = replace(
        other.recipe, widths=NAMED_WIDTHS["slim"], flip=False, objective=replace(other.recipe.objective, style_weight=9.0)
    )
    words = ["width {'down': [4, 6, 8]", "not slim, flip=True, style_weight 6, not 9"]
    refusal(other.resume, "resume", *words, kind=InputError)
    path.write_bytes(path.read_bytes()[:1000])
    refusal(training(tiny_params, path=path).resume, "resume", "cannot be read", kind=InputError)


@pytest.mark.slow
def test_added_styles_leave_the_others_bit_for_bit(tiny_params):
    first = training(tiny_params, steps=2)
    first.run()
    more = StyleTrainer(("third",), [picture(13)], first.photographs, tiny_params, RECIPE, steps=3, onto=first.network)
    before = more.state.learned.styles[0]
    more.run()
    network = more.network
    assert network.names == ("stripes", "spots", PHOTOGRAPH, "third")
    np.testing.assert_array_equal(network.styles[:3], first.network.styles)
    jax.tree.map(np.testing.assert_array_equal, dict(network.kernels), dict(first.network.kernels))
    assert np.abs(network.styles[3] - before).max() > 1e-4


@pytest.mark.parametrize(("count", "shown"), [(8, 8), (9, 7)])
def test_a_sheet_shows_the_styles_that_were_there_too(tiny_params, count, shown):
    """Each crop, and the same crop by the network that there was and as it is; those are painted once."""
    names = [f"style{i}" for i in range(count)]
    network, photographs = random_styles("photograph", *names), stack_photographs([Picture(rgb) for rgb in PHOTOS], RECIPE.size)
    found = StyleTrainer(("third",), [picture(13)], photographs, tiny_params, RECIPE, steps=3, onto=network)
    painter, painted = found._paint, []
    found._paint = lambda *args, **how: painted.append(1) or painter(*args, **how)
    sheet, by = found.sheet(2), jax.jit(paint, static_argnums=1)
    assert sheet.shape == (2 * 32, (1 + shown + 1) * 32, 3)
    for line in np.split(sheet, 2):
        crop, *cells = np.split(line, shown + 2, axis=1)
        for name, cell in zip(names, cells[:-1], strict=False):
            wanted = by(network.kernels, network.widths, jnp.asarray(crop)[None], network.style(name)[None])
            np.testing.assert_allclose(cell, np.clip(wanted[0], 0, 1), atol=2e-5)
        mean = by(network.kernels, network.widths, jnp.asarray(crop)[None], network.styles.mean(0)[None])
        np.testing.assert_allclose(cells[-1], np.clip(mean[0], 0, 1), atol=2e-5)  # before the first step
    assert len(painted) == 2 * (shown + 1)
    np.testing.assert_array_equal(found.sheet(2), sheet)
    assert len(painted) == 2 * (shown + 2)


@pytest.mark.optimized
@pytest.mark.slow
def test_a_network_learns_one_photograph_by_heart(tiny_params):
    """And one whose scales and shifts are held fast does not come as far."""
    photographs = stack_photographs([picture(0, 64, 64)], 64)
    recipe = replace(RECIPE, size=64, learning_rate=1e-2)

    def trained(frozen):
        found = StyleTrainer(("stripes",), [STYLES["stripes"]], photographs, tiny_params, recipe, steps=150)
        advance, start = jax.jit(step, static_argnames="recipe"), found.state.learned.styles
        course = []
        for _ in range(150):
            found.state, losses = advance(found.state, found.data, jnp.float32(150), recipe=found.recipe)
            if frozen:
                found.state = found.state._replace(learned=found.state.learned._replace(styles=start))
            course.append(float(losses.total))
        return np.mean(course[:5]), np.mean(course[-10:])

    (begun, free), (_, held) = trained(False), trained(True)
    assert free < 0.3 * begun
    assert held > 1.1 * free


@pytest.mark.slow
def test_from_pictures_to_a_file(tiny_params, tmp_path):
    out, notices = tmp_path / "net.safetensors", []
    small = np.zeros((20, 90, 3), np.uint8)
    how = dict(size=32, steps=2, width="slim", batch=2, objective=RECIPE.objective, weights=tiny_params, notices=notices)
    file = train_styles({name: one.rgb for name, one in STYLES.items()}, [*PHOTOS, small], out, **how)
    assert file.network.names == ("stripes", "spots", PHOTOGRAPH)
    assert [notice[:8] for notice in notices] == ["left out", "photos: "]
    assert "90x20" in notices[0]
    found = read(out)
    np.testing.assert_array_equal(found.network.styles, file.network.styles)
    assert found.thumbnails["spots"].shape == (64, 64, 3)
    assert found.training["photographs"] == 3
    assert found.training["steps"] == 2
    canonical = found.training["canonical"]["spots"]
    assert canonical["total"] == pytest.approx(canonical["content"] + canonical["style"], rel=1e-4)
    assert not list(tmp_path.glob(".*"))
    more = train_styles({"third": picture(13).rgb}, PHOTOS, out, add_to=out, **how | {"width": "full"})
    assert more.network.names == (*file.network.names, "third")
    assert more.network.widths == file.network.widths
    assert set(read(out).thumbnails) == {"stripes", "spots", "third"}
    refusal(
        lambda: train_styles({"third": PHOTOS[0]}, PHOTOS, add_to=out, **how),
        "styles",
        "is in the network already",
        kind=InputError,
    )


@pytest.mark.slow
def test_minutes_become_steps_by_the_speed(tiny_params):
    steps = []
    found = training(tiny_params, steps=None, minutes=0.02)
    assert found.run(lambda report: steps.append(report.steps))
    assert found.steps == int(found.state.step) == steps[-1]


@pytest.mark.parametrize(
    ("argument", "change", "parts"),
    [
        ("size", dict(size=8), ["at least 32"]),
        ("batch", dict(batch=0), ["at least 1"]),
        ("steps", dict(steps=0), ["at least 1"]),
        ("minutes", dict(steps=None, minutes=-1), ["positive"]),
        ("minutes", dict(minutes=3), ["steps"]),
        ("width", dict(width="hafl"), ["did you mean 'half'"]),
        ("photos", dict(photos=[np.zeros((9, 9, 3), np.uint8)] * 3), ["no photograph that can be used", "32 pixels"]),
        ("styles", dict(styles={}), ["one style or more"]),
        ("styles", dict(styles={"Photograph": PHOTOS[0]}), ["(='Photograph')", "means the photograph", "other names"]),
        (
            "styles",
            dict(styles={"+": PHOTOS[0], "007": PHOTOS[1]}),
            ["(='+')", "are for blends of styles; nor '007'"],
        ),
        ("out", dict(out="net.png"), [".safetensors"]),
        ("out", dict(out="/nowhere/net.safetensors"), ["folder"]),
        ("add_to", dict(add_to="none.safetensors"), ["does not exist"]),
        ("content_layers", {}, ["relu3_3", "did you mean 'relu3_2'"]),  # which the tiny network has not
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_computed(tiny_params, monkeypatch, argument, change, parts):
    monkeypatch.setattr(whole, "StyleTrainer", None)
    how = dict(styles=STYLES["spots"].rgb, photos=PHOTOS, size=32, steps=1, weights=tiny_params)
    how |= {"styles": {"spots": STYLES["spots"].rgb}} | change
    refusal(lambda: train_styles(**how), argument, *parts, kind=InputError)


def test_an_empty_folder_is_refused(tiny_params, tmp_path):
    (tmp_path / "empty").mkdir()
    refusal(lambda: train_styles({"a": PHOTOS[0]}, tmp_path / "empty", steps=1, weights=tiny_params), "photos", "empty")


@pytest.mark.slow
def test_the_average_follows_what_learns(data):
    data, recipe = data
    learned = Learned(initial(WIDTHS, 0), jnp.tile(WIDTHS.plain_style(), (3, 1)))
    state, average = init_state(learned, recipe), learned.styles
    advance = jax.jit(step, static_argnames="recipe")
    for count in range(3):
        state, _ = advance(state, data, jnp.float32(10), recipe=recipe)
        keep = min(recipe.ema_decay, (1 + count) / (10 + count))
        average = keep * average + (1 - keep) * state.learned.styles
    np.testing.assert_allclose(state.average.styles, average, rtol=1e-5)
    assert CANONICAL.style_layers == recipe.objective.style_layers
