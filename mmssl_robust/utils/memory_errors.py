"""Too little memory, said in a line by whom it could not be given."""

import errno
import importlib.util
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError, first_line

# As PyTorch, CUDA, OpenCV, the C++ library, Python's threads and the loader of libraries say it.
_TOO_LITTLE = re.compile(
    "can't allocate memory|out of memory|insufficient memory|cannot allocate memory|not enough memory|bad_alloc|"
    "failed to map segment|can't start new thread",
    re.IGNORECASE,
)
_SOURCE = re.compile(r'^\[enforce fail at [^]]*\] [^.]*\. ')  # where in PyTorch
_WORKER = re.compile(r'DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (?:is killed by signal|exited unexpectedly)[^.]*')
_BESIDES = 2.75 * 2**30  # bytes that the libraries map besides PyTorch's own, without which some of them crash
_LESS = 'take smaller batches (--batch-size, train_dataloader.batch_size), smaller images or less --attack-memory'
_FEWER = 'take fewer workers (--cfg-options train_dataloader.num_workers=0, test_dataloader.num_workers=0)'


def memory_problem(error: BaseException) -> str | None:
    """What to tell the user of an error that comes of too little memory; None of others.

    Also a worker of a data loader that the system has killed is told of, and where it was shared memory that lacked.
    """
    for cause in reversed(list(_causes(error))):  # PyTorch says by which signal in the first one alone
        text = str(cause)
        if 'shared memory' in text or 'Bus error' in text:
            return f'shared memory is full: {_FEWER}, or enlarge /dev/shm (docker run --shm-size)'
        if found := _WORKER.search(text):
            return f'{found[0].strip()}, as the system does where memory is full: {_FEWER}, or {_LESS}'
    for cause in _causes(error):
        lacks = isinstance(cause, MemoryError) or getattr(cause, 'errno', None) == errno.ENOMEM
        if lacks or _TOO_LITTLE.search(str(cause)):
            return f'out of memory ({_SOURCE.sub("", first_line(cause))[:160]}): {_LESS}{_limit_in_words()}'
    return None


def check_address_space() -> None:
    """Find out before the libraries are imported whether there is room for them.

    Raises:
        UserError: If not: some of them would crash without a word.
    """
    limit, spec = address_space(), importlib.util.find_spec('torch')
    if limit is None or spec is None:
        return
    places = spec.submodule_search_locations or []
    libraries = sum(path.stat().st_size for place in places for path in Path(place).glob('lib/*.so*'))
    if limit < libraries + _BESIDES:
        raise UserError(
            f'`ulimit -v` allows {limit / 2**30:.1f} GiB of virtual memory, and the libraries alone map about '
            f'{(libraries + _BESIDES) / 2**30:.1f} GiB: raise it, or limit memory by a control group'
        )


def address_space() -> int | None:
    """Bytes of virtual memory that this process may have; None for any number."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _limit_in_words() -> str:
    limit = address_space()
    return '' if limit is None else f'; `ulimit -v` allows {limit / 2**30:.1f} GiB'
