"""The command line, a module a command; see :mod:`mmssl_robust.commands.main`."""
