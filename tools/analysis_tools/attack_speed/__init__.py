"""How fast attacks are, beside two baselines written out; composed by ``tools/analysis_tools/benchmark_attacks.py``."""
