"""Submissions: what others need to believe an evaluation, and whether it can be believed."""

from .archive import unpacked
from .images import Copy
from .packing import pack
from .verifying import RowVerdict, Settings, verdicts_as_dict, verify

__all__ = ['Copy', 'RowVerdict', 'Settings', 'pack', 'unpacked', 'verdicts_as_dict', 'verify']
