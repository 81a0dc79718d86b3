"""Whether a GPU is noticed that JAX does not use."""

from types import SimpleNamespace

import pytest

from jaxstyle.machine import devices


@pytest.mark.parametrize(
    ("backend", "platforms", "visible", "here", "said"),
    [
        ("cpu", None, None, True, True),
        ("cpu", None, None, False, False),
        ("gpu", None, None, True, False),
        ("cpu", "cpu", None, True, False),
        ("cpu", None, "", True, False),
    ],
)
@pytest.mark.parametrize("sign", ["tool", "node"])
def test_a_gpu_that_is_not_used_is_told_of(backend, platforms, visible, here, said, sign, monkeypatch, tmp_path):
    monkeypatch.setattr(devices.jax, "default_backend", lambda: backend)
    monkeypatch.setattr(devices.jax, "config", SimpleNamespace(jax_platforms=platforms))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    if here:
        (tmp_path / ("nvidia-smi" if sign == "tool" else "nvidia0")).touch(0o755)
    assert devices.has_unused_gpu(tmp_path if sign == "node" else tmp_path / "none") == said
