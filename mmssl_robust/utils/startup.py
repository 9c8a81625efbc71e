"""The first import of every tool: says in one line which library is missing, before a later import fails in ten."""

from .memory_errors import check_address_space
from .quiet import hush_libraries
from .terminal import one_line_errors
from .versions import check_mm_versions

one_line_errors(check_address_space)()
one_line_errors(check_mm_versions)()
hush_libraries()

__all__ = ['one_line_errors']
