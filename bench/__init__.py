"""The benchmark suite: `pytest bench --benchmark-only` measures, `python -m bench.report` shows. See bench/README.md."""
