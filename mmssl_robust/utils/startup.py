"""The first import of every tool: says in one line which library is missing, before a later import fails in ten."""

from .libraries import check_libraries
from .memory_errors import check_address_space
from .quiet import hush_libraries
from .terminal import one_line_errors

one_line_errors(check_address_space)()
one_line_errors(check_libraries)()

from .versions import check_mm_versions  # noqa: E402  of a library that may have been missing

one_line_errors(check_mm_versions)()
hush_libraries()

__all__ = ['one_line_errors']
