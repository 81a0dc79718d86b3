"""Batches: each member is the single run, fails alone and stops alone; buckets, chunks, order and arguments."""

import jax
import numpy as np
import pytest
from conftest import refusal
from PIL import Image

from jaxstyle import Config, InputError, JaxstyleError, stylize, stylize_batch
from jaxstyle.batch import run as batch
from jaxstyle.batch.jobs import called, make_jobs, shown, title
from jaxstyle.batch.survey import reasons, survey
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine import memory
from jaxstyle.plans import schedule
from jaxstyle.plans.library import Library
from jaxstyle.plans.resolve import resolve

pytestmark = pytest.mark.usefixtures("small_network")

CHELSEA, COFFEE, SWIRLS, GLASS, WAVES = (SAMPLES / f"{n}.jpg" for n in ("chelsea", "coffee", "swirls", "glass", "waves"))


def course(result):
    return [(entry.evaluation, entry.loss, entry.objective) for entry in result.trace]


def assert_same(member, alone):
    """That a member of a batch took the course of the run alone, evaluation by evaluation, to the same picture.

    The programs round differently on some machines, by 3e-7 of a gradient; L-BFGS magnifies that, to 9e-5 of the value at once
    when it takes the first pair of gradients for curvature, at the third evaluation, and by 2 to 5 at each one after that.
    """
    assert [e[0] for e in course(member)] == [e[0] for e in course(alone)]
    assert [e[1] is None for e in course(member)] == [e[1] is None for e in course(alone)]
    for place in (1, 2):
        got, wanted = (np.array([e[place] for e in course(r) if e[place] is not None]) for r in (member, alone))
        early = sum(e[0] <= 2 and e[place] is not None for e in course(alone))
        np.testing.assert_allclose(got[:early], wanted[:early], rtol=1e-5)
        np.testing.assert_allclose(got, wanted, rtol=0.02)
    assert member.loss == pytest.approx(alone.loss, rel=0.02)
    assert member.stop_reason == alone.stop_reason
    assert np.abs(member.image - alone.image).max() < 2 / 255


def test_members_are_the_single_runs():
    settings = dict(size=32, evaluations=6)
    results = stylize_batch([CHELSEA, COFFEE], [SWIRLS, GLASS], batch_size=4, **settings)
    assert [r.record["batch"] for r in results] == [{"members": 4, "member": i} for i in range(4)]
    for result, (content, style) in zip(results, [(c, s) for c in (CHELSEA, COFFEE) for s in (SWIRLS, GLASS)], strict=True):
        assert_same(result, stylize(content, style, **settings))


def test_members_have_their_own_weights_seeds_and_measurements():
    """1e3 is the canonical weight: that member is measured at every evaluation, the others at every tenth."""
    settings = dict(size=32, evaluations=6, init="noise")
    results = stylize_batch(CHELSEA, SWIRLS, seeds=[3, 5], style_weights=[1e2, 1e3], batch_size=4, **settings)
    chosen = [(seed, weight) for seed in (3, 5) for weight in (1e2, 1e3)]
    for result, (seed, weight) in zip(results, chosen, strict=True):
        assert (result.record["config"].seed, result.record["config"].style_weight) == (seed, weight)
        assert result.record["batch"]["members"] == 4
        assert_same(result, stylize(CHELSEA, SWIRLS, seed=seed, style_weight=weight, **settings))


AUTO = [((24, 21), "whitened", 9), ((24, 21), "plain", 3), ((48, 42), "plain", 4)]
TWICE = [((24, 21), "whitened", 6), ((48, 42), "whitened", 4), ((48, 42), "plain", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("scales", "wanted"), [(2, TWICE), ("auto", AUTO)], ids=str)
def test_coarse_to_fine_members(monkeypatch, scales, wanted):
    monkeypatch.setattr(schedule, "PREVIEW", 24)
    settings = dict(size="48x42", evaluations=12, scales=scales, metric="whitened")
    first, second = stylize_batch(CHELSEA, [SWIRLS, [GLASS, WAVES]], batch_size=2, **settings)
    assert_same(first, stylize(CHELSEA, SWIRLS, **settings))
    assert_same(second, stylize(CHELSEA, [GLASS, WAVES], **settings))
    stages = [(stage["size"], stage["metric"], stage["evaluations"]) for stage in first.record["stages"]]
    assert stages == wanted


def test_a_member_that_fails_leaves_the_others_alone():
    settings = dict(size=32, evaluations=8)
    good, bad, other, last = stylize_batch(CHELSEA, SWIRLS, style_weights=[1e3, 1e38, 1e2, 10], batch_size=4, **settings)
    assert isinstance(bad, JaxstyleError)
    assert "not finite at the starting image" in str(bad)
    assert_same(good, stylize(CHELSEA, SWIRLS, **settings))
    assert_same(other, stylize(CHELSEA, SWIRLS, style_weight=1e2, **settings))
    assert_same(last, stylize(CHELSEA, SWIRLS, style_weight=10, **settings))


@pytest.mark.slow
def test_members_stop_at_their_own_budgets():
    settings = dict(size=32, solver="lbfgs-torch")
    short, long = stylize_batch(CHELSEA, SWIRLS, vary={"evaluations": [4, 9]}, batch_size=2, **settings)
    assert short.record["batch"] == {"members": 2, "member": 0}
    assert_same(short, stylize(CHELSEA, SWIRLS, evaluations=4, **settings))
    assert_same(long, stylize(CHELSEA, SWIRLS, evaluations=9, **settings))


@pytest.mark.slow
def test_sizes_and_methods_get_a_bucket_each_and_results_come_in_order():
    config = Config(size=48, evaluations=2)
    jobs = make_jobs([CHELSEA, COFFEE], [SWIRLS, GLASS], vary={"solver": ["lbfgs", "adam"]}, config=config)
    assert [tuple(job.labels.values()) for job in jobs] == [
        (c, k, s) for c in ("chelsea", "coffee") for k in ("lbfgs", "adam") for s in ("swirls", "glass")
    ]
    known, bad = survey(jobs, Library())
    assert (sorted(known), bad) == (list(range(8)), {})
    found = dict(batch.run_jobs(jobs, known={i: known[i] for i in (0, 1, 4, 6)}))
    assert sorted(found) == [0, 1, 4, 6]
    assert {i: (r.image.shape, r.record["batch"]["members"]) for i, r in found.items()} == {
        0: ((31, 48, 3), 2),
        1: ((31, 48, 3), 2),
        4: ((32, 48, 3), 1),
        6: ((32, 48, 3), 1),
    }


def test_chunks_are_alike_and_a_multiple_of_the_devices(monkeypatch):
    count = batch.members_at_once
    assert count(7, 64, 64, 1, 3) == 3
    assert count(8, 64, 64, 1, 6) == 4
    assert count(5, 64, 64, 4, 8) == 8
    assert count(2, 64, 64, 2, None) == 2
    assert count(20, 128, 128, 1, None) == 7
    assert count(20, 1024, 1024, 1, None) == 1
    monkeypatch.setattr("jaxstyle.batch.run.jax.default_backend", lambda: "gpu")
    assert count(20, 1024, 1024, 2, None) == 8


@pytest.mark.slow
def test_the_last_chunk_may_be_short():
    results = stylize_batch(CHELSEA, [SWIRLS, GLASS, WAVES], size=32, evaluations=3, batch_size=2)
    assert [r.record["batch"] for r in results] == [{"members": n, "member": i} for n, i in ((2, 0), (2, 1), (1, 0))]
    alone = stylize(CHELSEA, WAVES, size=32, evaluations=3)
    assert_same(results[2], alone)


@pytest.mark.slow
def test_as_many_as_fit(monkeypatch):
    """With memory for one member but not for three the batch shrinks; with memory for none every picture is refused."""
    settings, needed = dict(size="64x64", evaluations=1), []
    with monkeypatch.context() as patch:
        patch.setattr(memory, "check", lambda width, height, count, free: needed.append(count))
        for members in (3, 1):
            stylize_batch(CHELSEA, [SWIRLS, GLASS, WAVES][:members], batch_size=members, **settings)
    three, one = needed
    assert three > 1.5 * one
    monkeypatch.setattr(memory, "available", lambda: (one + three) // 2)
    results = stylize_batch(CHELSEA, [SWIRLS, GLASS, WAVES], batch_size=3, **settings)
    assert [r.record["batch"]["members"] for r in results] in ([1, 1, 1], [2, 2, 1])
    monkeypatch.setattr(memory, "available", lambda: one // 2)
    for result in stylize_batch(CHELSEA, [SWIRLS, GLASS], **settings):
        assert isinstance(result, InputError)
        assert "`size` (=64x64) needs about" in str(result)


def test_a_callback_ends_the_batch():
    seen = []

    def callback(progress):
        seen.append(progress)
        assert progress.members[0].image().shape == (21, 32, 3)
        return progress.done == 1 and progress.members[0].evaluation == 2

    first, second, third = stylize_batch(
        CHELSEA, [SWIRLS, GLASS, WAVES], size=32, evaluations=4, batch_size=1, callback=callback
    )
    assert first.evaluations == 4
    assert second.stopped_early
    assert second.stop_reason == "stopped on request after 2 of 4 evaluations"
    assert isinstance(third, JaxstyleError)
    assert [(p.done, p.pictures, p.jobs) for p in seen] == [(0, 3, (0,))] * 4 + [(1, 3, (1,))] * 2


def test_a_file_that_goes_away_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxstyle.plans.library.MOST_BYTES", 1)
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(CHELSEA.read_bytes())
    jobs, found = make_jobs([COFFEE, copy, CHELSEA], SWIRLS, size=32, evaluations=1), {}
    for index, result in batch.run_jobs(jobs, batch_size=1):
        found[index] = result
        copy.unlink(missing_ok=True)
    assert [isinstance(found[i], JaxstyleError) for i in range(3)] == [False, True, False]
    assert "copy.jpg" in str(found[1])


def test_pairs_and_titles():
    jobs = make_jobs([CHELSEA, COFFEE], [SWIRLS, [GLASS, WAVES]], pairs=True)
    assert [tuple(job.labels.items()) for job in jobs] == [
        (("content", "chelsea"), ("style", "swirls")),
        (("content", "coffee"), ("style", "glass+waves")),
    ]
    twice = make_jobs([CHELSEA, "elsewhere/chelsea.png"], SWIRLS)
    assert [job.labels["content"] for job in twice] == ["chelsea", "chelsea-2"]
    assert title(np.zeros((2, 2))) == "ndarray"
    assert [shown(v) for v in (1e-3, [0.5, 0.25], {"relu1_1": 2.0}, "avg", None)] == [
        "0.001",
        "0.5,0.25",
        "relu1_1=2",
        "avg",
        "None",
    ]


def test_bad_batches_are_refused_before_anything_is_computed(monkeypatch, tmp_path):
    monkeypatch.setattr(jax, "jit", None)
    both = [CHELSEA, COFFEE]
    with pytest.raises(InputError, match="^`pairs` has 2 contents for 1 styles; give as many of the one as of the other$"):
        stylize_batch(both, SWIRLS, pairs=True)
    refusal(lambda: stylize_batch(both, []), "styles", "is empty", kind=InputError)
    refusal(lambda: stylize_batch(both, SWIRLS, seeds=3), "seeds", "nothing here is random", "noise", kind=InputError)
    refusal(lambda: stylize_batch(both, SWIRLS, seeds=0), "seed", "is empty", kind=InputError)
    refusal(lambda: stylize_batch(both, SWIRLS, vary={"stile": [1]}), "option", "stile", kind=InputError)
    refusal(lambda: stylize_batch(both, SWIRLS, batch_size=0), "batch_size", "at least 1", kind=InputError)
    refusal(lambda: stylize_batch(both, SWIRLS, vary={"evaluations": [0]}), "evaluations", "from 1", kind=InputError)
    refusal(lambda: stylize_batch(both, tmp_path / "none.jpg"), "style", "none.jpg")
    refusal(lambda: stylize_batch(both, SWIRLS, vary={"size": [5, 4]}), "size", "at least 16", kind=InputError)


def test_a_picture_that_cannot_be_used_fails_alone(tmp_path):
    """Whatever is wrong with a picture: it is missing, no picture, or too long for the size that the others get."""
    (tmp_path / "text.png").write_text("x")
    Image.new("RGB", (900, 20)).save(tmp_path / "long.png")
    contents = [tmp_path / "none.jpg", CHELSEA, tmp_path / "text.png", tmp_path / "long.png"]
    missing, made, text, long = stylize_batch(contents, SWIRLS, size=32, evaluations=1)
    assert made.image.shape == (21, 32, 3)
    for error, name in ((missing, "none.jpg"), (text, "text.png"), (long, "900x20")):
        assert name in str(error)


@pytest.mark.slow
def test_an_impossible_setting_fails_alone():
    """What `resolve` says of it alone stands in its place."""
    results = stylize_batch(CHELSEA, [SWIRLS, GLASS], vary={"evaluations": [0, 1], "size": [32, 4]})
    wanted = [(e, n, s) for e in (0, 1) for n in (32, 4) for s in (SWIRLS, GLASS)]
    for result, (evaluations, size, style) in zip(results, wanted, strict=True):
        if (evaluations, size) == (1, 32):
            assert result.evaluations == 1
            continue
        with pytest.raises(InputError) as alone:
            resolve(CHELSEA, style, Config(evaluations=evaluations, size=size))
        assert str(result) == str(alone.value)


def test_jobs_are_called_by_what_they_have_in_common():
    jobs = make_jobs([CHELSEA, COFFEE], [SWIRLS, GLASS, WAVES], seeds=[1, 2], init="noise")

    def names(**wanted):
        return called([job for job in jobs if all(job.labels[name] in texts for name, texts in wanted.items())], jobs)

    assert names() == names(content="none") == ""
    assert names(content=["coffee"]) == "coffee"
    assert names(seed=["2"], style=["waves"]) == "2, waves"
    assert names(content=["coffee"], seed=["1"], style=["waves"]) == "coffee, 1, waves"
    assert names(content=["coffee"], seed=["1"], style=["waves", "glass"]) == "coffee, 1, glass; coffee, 1, waves"
    most = names(style=["waves", "glass"])
    assert most == "chelsea, 1, glass; chelsea, 1, waves; chelsea, 2, glass; 5 more"


def test_every_bad_picture_is_named(tmp_path):
    """Those too that only meet other bad ones."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_text("x")
    jobs = make_jobs([CHELSEA, tmp_path / "a.png"], [SWIRLS, [tmp_path / "b.png", tmp_path / "c.png"]], pairs=True, size=32)
    known, bad = survey(jobs, Library())
    assert [*known] == [0]
    assert [str(error).split("'")[1][-5:] for error in bad[1]] == ["a.png", "b.png", "c.png"]


def test_a_picture_in_two_places_is_named_once(tmp_path):
    (tmp_path / "a.png").write_text("x")
    jobs = make_jobs([CHELSEA, tmp_path / "a.png"], [SWIRLS, tmp_path / "a.png"], size=32)
    known, bad = survey(jobs, Library())
    assert ([*known], [*bad]) == ([0], [1, 2, 3])
    ((names, error),) = reasons(jobs, bad)
    assert (names, str(error)) == ("", str(bad[1][0]))
