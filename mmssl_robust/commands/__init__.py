"""What is typed: a module a subcommand, with ``SUMMARY``, ``add_arguments`` and ``run``."""
