"""Bad files, each by its name: what is put in the place of a good one."""

import io
import os
import pickle
import socket
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

MARKER = 'executed'
"""A folder that hostile files make where they are read, if what they hold is run."""


class Program:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (MARKER,)


def image(array: np.ndarray, suffix: str = '.png') -> bytes:
    """An image file."""
    return cv2.imencode(suffix, array)[1].tobytes()


def png_bomb(side: int = 60000) -> bytes:
    """A PNG of a few bytes whose header says that it is large."""
    content = bytearray(image(np.zeros((1, 1), np.uint8)))
    content[16:24] = struct.pack('>II', side, side)
    content[29:33] = struct.pack('>I', zlib.crc32(content[12:29]))
    return bytes(content)


def png_of(width: int, height: int) -> bytes:
    """A PNG of few bytes which is as large as it says: all black, of one bit."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
    line = bytes(1 + -(-width // 8))
    packer = zlib.compressobj(9)
    data = b''.join(packer.compress(line * 256) for _ in range(-(-height // 256))) + packer.flush()
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


def jpeg_bomb() -> bytes:
    """A JPEG whose header says 65500 x 65500."""
    content = bytearray(image(np.zeros((8, 8, 3), np.uint8), '.jpg'))
    place = content.index(b'\xff\xc0')
    content[place + 5 : place + 9] = struct.pack('>HH', 65500, 65500)
    return bytes(content)


def tiff_bomb() -> bytes:
    """A TIFF whose header says 100000 x 100000."""
    entries = [(256, 4, 100000), (257, 4, 100000), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    entries += [(277, 3, 1), (278, 4, 100000), (279, 4, 16)]
    packed = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, kind, value in entries)
    return b'II*\0' + struct.pack('<I', 8) + struct.pack('<H', len(entries)) + packed + bytes(20)


def bmp_bomb() -> bytes:
    """A BMP whose header says 100000 x 100000."""
    return b'BM' + struct.pack('<IHHIIiiHHIIiiII', 54, 0, 0, 54, 40, 100000, 100000, 1, 24, 0, 0, 0, 0, 0, 0)


def npy(array: np.ndarray) -> bytes:
    """An array as NumPy stores it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_bomb() -> bytes:
    """An array whose header says 10 ** 12 numbers."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    header += b' ' * (117 - len(header)) + b'\n'
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header)) + header


def npz(**arrays: np.ndarray) -> bytes:
    """Arrays as NumPy stores them."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def saved(value: object, zipped: bool = True) -> bytes:
    """What ``torch.save`` writes."""
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def archive(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return file.getvalue()


def link_in_archive() -> bytes:
    """A zip archive with a symbolic link."""
    file, info = io.BytesIO(), zipfile.ZipInfo('heads/link')
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, 'w') as packed:
        packed.writestr(info, '/etc/passwd')
    return file.getvalue()


def safetensors(header: bytes | None = None, size: int | None = None, data: bytes = bytes(8)) -> bytes:
    """A safetensors file of any header."""
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' if header is None else header
    return struct.pack('<Q', len(header) if size is None else size) + header + data


def itself() -> list:
    """A list that is in itself."""
    value: list = []
    value.append(value)
    return value


def attributed(value: object, **attributes: object) -> object:
    """A value with attributes in the place of methods."""
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def hidden_method() -> object:
    """A dictionary with an attribute in the place of a method."""
    meta = dict(config='import os; os.mkdir("executed")', epoch=1, iter=1)
    return attributed(OrderedDict(state_dict={}, meta=meta), get=set)


def _ints(*shape: int, kind: type = np.uint8, low: int = 0, high: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, shape).astype(kind)


BYTES: dict[str, Callable[[], bytes]] = {
    'empty': lambda: b'',
    'noise': lambda: np.random.default_rng(0).bytes(500),
    'text': lambda: b'no such thing\n',
    'html': lambda: b'<!DOCTYPE html><html>not found</html>',
    'lfs': lambda: b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
    'latin1': lambda: 'größe = 1\n'.encode('latin-1'),
    'zeros': lambda: bytes(4096),
    'deep_json': lambda: b'[' * 100_000,
    'json_null': lambda: b'null',
    'json_list': lambda: b'[]',
    'json_number': lambda: b'3',
    'json_nan': lambda: b'{"schema_version": NaN}',
    'json_newer': lambda: b'{"schema_version": 99}',
    # Images
    'png_bomb': png_bomb,
    'png_large': lambda: png_of(30000, 30000),
    'jpeg_bomb': jpeg_bomb,
    'tiff_bomb': tiff_bomb,
    'bmp_bomb': bmp_bomb,
    'png_colours': lambda: image(_ints(32, 32, 3)),
    'png_alpha': lambda: image(_ints(32, 32, 4)),
    'png_grey': lambda: image(_ints(32, 32)),
    'png_16': lambda: image(_ints(32, 32, kind=np.uint16, low=256, high=259)),
    'png_255': lambda: image(np.full((32, 32), 255, np.uint8)),
    'png_0': lambda: image(np.zeros((32, 32), np.uint16)),
    'png_small': lambda: image(_ints(16, 16)),
    'png_pixel': lambda: image(_ints(1, 1, 3)),
    'png_line': lambda: image(_ints(1, 3000, 3)),
    'png_far': lambda: image(np.full((32, 32), 65535, np.uint16)),
    'jpeg': lambda: image(_ints(32, 32), '.jpg'),
    'tiff_float': lambda: image(_ints(32, 32).astype(np.float32) + 0.5, '.tiff'),
    'tiff_nan': lambda: image(np.full((32, 32), np.nan, np.float32), '.tiff'),
    'svg': lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    # Arrays
    'npy_bomb': npy_bomb,
    'npy_program': lambda: pickle.dumps(Program()),
    'npy_objects': lambda: npy(np.array([Program()], dtype=object)),
    'npy_text': lambda: npy(np.array([['a']])),
    'npy_complex': lambda: npy(np.ones((32, 32), complex)),
    'npy_flat': lambda: npy(np.ones(32)),
    'npy_nan': lambda: npy(np.full((32, 32), np.nan)),
    'npz_other': lambda: npz(a=np.ones(3)),
    'npz_objects': lambda: npz(scalars=np.array([Program()], dtype=object)),
    'npz_scalars': lambda: npz(scalars=np.array('[]'), image=np.ones((2, 2, 3)), delta=np.ones((2, 2, 3))),
    # Checkpoints
    'pth_program': lambda: saved(dict(state_dict=dict(a=torch.ones(1)), extra=Program())),
    'pth_program_old': lambda: saved(dict(extra=Program()), zipped=False),
    'pth_pickle': lambda: pickle.dumps(Program()),
    'pth_pickle_0': lambda: b"cos\nmkdir\n(S'executed'\ntR.",
    'pth_getattr': lambda: pickle.dumps(dict(a=getattr), protocol=2),
    'pth_itself': lambda: saved(dict(state_dict={}, more=itself())),
    'pth_hidden': lambda: saved(hidden_method()),
    'pth_list': lambda: saved([1, 2]),
    'pth_number': lambda: saved(3),
    'pth_none': lambda: saved(None),
    'pth_text': lambda: saved('state_dict'),
    'pth_empty': lambda: saved({}),
    'pth_others': lambda: saved(dict(state_dict=dict(other=torch.ones(3)))),
    'pth_strings': lambda: saved(dict(state_dict=dict(a='b'))),
    'pth_numbers': lambda: saved({1: torch.ones(1)}),
    'pth_nested': lambda: saved(dict(state_dict=dict(state_dict=dict(state_dict={})))),
    'pth_nan': lambda: saved(dict(state_dict={'cls_token': torch.full((1, 1, 16), torch.nan)})),
    'pth_parameter': lambda: saved(dict(state_dict=dict(a=attributed(torch.nn.Parameter(torch.ones(2)), detach=set)))),
    'pth_eval': lambda: b'cbuiltins\neval\n(S\'__import__("os").mkdir("executed")\'\ntR.',
    'pth_zip': lambda: archive({'archive/data.pkl': pickle.dumps(Program()), 'archive/version': b'3\n'}),
    'pth_zip_bomb': lambda: archive({'archive/data.pkl': bytes(2**26), 'archive/version': b'3\n'}),
    'st_header': lambda: safetensors(b'{"a":'),
    'st_list': lambda: safetensors(b'[]'),
    'st_size': lambda: safetensors(size=2**60),
    'st_offsets': lambda: safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999]}}'),
    'st_shape': lambda: safetensors(b'{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,8]}}'),
    'st_negative': lambda: safetensors(b'{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}'),
    'st_dtype': lambda: safetensors(b'{"a":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}'),
    'st_path': lambda: safetensors(b'{"../../x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
    'st_none': lambda: safetensors(b'{}', data=b''),
    # Archives
    'zip_none': lambda: archive({}),
    'zip_up': lambda: archive({'../outside': b'x'}),
    'zip_absolute': lambda: archive({'/tmp/outside': b'x'}),
    'zip_between': lambda: archive({'a/../../outside': b'x'}),
    'zip_drive': lambda: archive({'C:\\outside': b'x'}),
    'zip_back': lambda: archive({'..\\outside': b'x'}),
    'zip_link': link_in_archive,
    'zip_bomb': lambda: archive({'bomb': bytes(2**26)}),
    'zip_torn': lambda: archive({'file': os.urandom(4096)})[:-60],
    'tar': lambda: b'x'.ljust(257, b'\0') + b'ustar\x0000' + bytes(760),
}


SPECIAL = ('missing', 'fifo', 'socket', 'device', 'folder', 'loop', 'dangling', 'torn', 'flipped')


def special(kind: str, path: Path) -> bool:
    """Put something that is no regular file in the place of one; tells whether the kind is such."""
    if kind not in SPECIAL:
        return False
    content = path.read_bytes() if path.is_file() else b''
    if path.is_file() or path.is_symlink():
        path.unlink()
    if kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'socket':
        here = Path.cwd()
        os.chdir(path.parent)  # the names of sockets are short
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)
    elif kind == 'folder':
        path.mkdir()
    elif kind in ('device', 'loop', 'dangling'):
        path.symlink_to(dict(device='/dev/zero', loop=path.name, dangling='nowhere')[kind])
    elif kind == 'torn':
        path.write_bytes(content[: len(content) // 2])
    elif kind == 'flipped':
        place = len(content) // 2
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    return True
