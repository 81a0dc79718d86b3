"""Limits of memory in control groups, on made trees of files."""

import pytest

from jaxstyle.machine.containers import containers_free


def made(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def of(tmp_path, lines):
    own = tmp_path / "own"
    own.write_text(lines)
    return containers_free(tmp_path / "groups", own)


def group(limit, used, stat="inactive_file 0", **more):
    return {"memory.max": limit, "memory.current": used, "memory.stat": stat, **more}


def test_the_groups_above_limit_too(tmp_path):
    """The tightest counts, wherever it is; one without a limit says nothing."""
    root = tmp_path / "groups"
    made(root / "user.slice" / "job.scope", group(9000, 1000))
    made(root / "user.slice", group(5000, 2000))
    made(root, group("max", 2500))
    assert of(tmp_path, "0::/user.slice/job.scope\n") == [8000, 3000]


def test_a_containers_own_root(tmp_path):
    """Within a namespace of its own, and within another's, of whose path nothing is seen."""
    made(tmp_path / "groups", group(5000, 1500))
    for lines in ("0::/\n", "0::/../../elsewhere\n", "0::/docker/0123\n"):
        assert of(tmp_path, lines) == [3500]
    assert containers_free(tmp_path / "groups", tmp_path / "none") == [3500]
    assert containers_free(tmp_path / "none", tmp_path / "none") == []


def test_what_can_be_had_back_is_free(tmp_path):
    made(tmp_path / "groups", group(5000, 4900, "anon 400\ninactive_file 3000\nslab_reclaimable 500\nactive_file 1000"))
    assert of(tmp_path, "0::/\n") == [3600]


def test_the_limit_above_which_a_group_is_slowed_down_counts(tmp_path):
    made(tmp_path / "groups", group("max", 1000, **{"memory.high": 3000}))
    assert of(tmp_path, "0::/\n") == [2000]


def test_a_group_that_holds_more_than_its_limit_has_nothing_free(tmp_path):
    made(tmp_path / "groups", group(1000, 1500))
    assert of(tmp_path, "0::/\n") == [0]


@pytest.mark.parametrize("seen", [True, False], ids=["nested", "in a container"])
def test_version_1(tmp_path, seen):
    """In a container the path is the host's, and the mount is the container's own."""
    root = tmp_path / "groups" / "memory"
    files = {"memory.limit_in_bytes": 6000, "memory.usage_in_bytes": 4000, "memory.stat": "cache 9\ntotal_inactive_file 1500"}
    unlimited = {"memory.limit_in_bytes": 9223372036854771712, "memory.usage_in_bytes": 4000}
    made(root / "docker" / "01" if seen else root, files)
    if seen:
        made(root, unlimited)
    found = of(tmp_path, "5:cpu,cpuacct:/docker/01\n4:hugetlb,memory:/docker/01\n1:name=systemd:/x\n0::/\n")
    assert min(found) == 6000 - (4000 - 1500)
    assert len(found) == 1 + seen


def test_rubbish_is_no_limit(tmp_path):
    made(tmp_path / "groups", group("lots", "some", "a b c"))
    assert of(tmp_path, "\n\nx\n0::/\n") == []
