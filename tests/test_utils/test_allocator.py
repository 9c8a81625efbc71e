"""Freed memory goes back to the system where it should."""

import platform
import subprocess
import sys

import pytest

from mmssl_robust.utils import allocator


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='a setting of glibc')
def test_what_windows_free_goes_back_to_the_system():
    # In a process of its own: the setting lasts as long as the process.
    done = subprocess.run([sys.executable, '-c', _FREED], capture_output=True, text=True, check=True)
    before, held, after = map(int, done.stdout.split())
    assert held - before > 60 * 2**20
    assert after - before < 20 * 2**20


_FREED = """
import os
import torch
from mmssl_robust.utils.allocator import return_freed_memory

def resident():
    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

return_freed_memory(torch.device('cpu'), True)
torch.ones(4 * 2**20)  # freed once: glibc would now keep pieces of this size
before = resident()
pieces = [torch.ones(2**20) for _ in range(32)]
held = resident()
last = pieces[-1]  # on top of the heap
del pieces
print(before, held, resident())
"""


@pytest.mark.parametrize(('text', 'share'), [('max', 1), ('1000000', None), (str(2**62), 1)])
def test_memory_of_a_container(tmp_path, monkeypatch, text, share):
    limit = tmp_path / 'memory.max'
    monkeypatch.setattr(allocator, '_LIMITS', (tmp_path / 'none',))
    machine = allocator.main_memory()
    monkeypatch.setattr(allocator, '_LIMITS', (limit, tmp_path / 'none'))
    limit.write_text(f'{text}\n')
    assert machine > 10**8
    assert allocator.main_memory() == (machine if share else 10**6)
