"""Figures quoted in docs/benchmarks.md, as tests: a tiny size always, the real one on request."""
