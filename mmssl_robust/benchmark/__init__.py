"""Many evaluations as one: suites, per-image records, and what is read from them."""
