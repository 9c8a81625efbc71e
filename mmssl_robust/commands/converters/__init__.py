"""What ``mmssl-robust convert`` converts, a module each, made as those of the commands."""

import mmssl_robust.utils.startup  # noqa: F401
