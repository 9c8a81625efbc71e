"""Weights by URL from a server in this process: cut connections, other versions, mirrors, wrong files."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save

from mmssl_robust.utils import download
from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.download import fetch
from mmssl_robust.utils.errors import UserError

CONTENT = b'PK' + bytes(range(256)) * 39 + bytes(254)
OTHER = b'PK' + CONTENT[:1:-1]


class Server:
    """Files by path; ``cuts`` has the number of bytes after which the next answers break off."""

    def __init__(self):
        self.files, self.cuts, self.served = {}, [], []
        self.ranges, self.etag, self.length = True, True, None
        self.restarts = False  # answers a range with the whole file's

    def answer(self, handler):
        content = self.files.get(handler.path)
        if content is None:
            handler.send_error(404)
            return
        etag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        start = 0
        if self.ranges and 'Range' in handler.headers and handler.headers['If-Range'] == etag:
            start = int(handler.headers['Range'].removeprefix('bytes=').rstrip('-'))
        if start >= len(content):
            handler.send_response(416)
            handler.send_header('Content-Range', f'bytes */{len(content)}')
            handler.send_header('Content-Length', '0')
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if start:
            first = 0 if self.restarts else start
            handler.send_header('Content-Range', f'bytes {first}-{len(content) - 1}/{len(content)}')
        if self.etag:
            handler.send_header('ETag', etag)
        handler.send_header('Content-Length', str(self.length or len(content) - start))
        handler.end_headers()
        end = self.cuts.pop(0) if self.cuts else len(content)
        self.served.append((start, max(end, start)))  # before the client can know that it has all
        handler.wfile.write(content[start : max(end, start)])


@pytest.fixture
def server(monkeypatch):
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.answer(self)

        def log_message(self, *_):
            pass

    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    httpd = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    state.url = f'http://127.0.0.1:{httpd.server_port}'
    yield state
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.delenv(download.MIRROR, raising=False)
    return tmp_path / 'hub' / 'checkpoints'


def left_over(cache):
    return sorted(path.name for path in cache.iterdir() if '.part' in path.name)


def test_a_file_is_fetched_once_and_its_hash_recorded(server, cache):
    server.files['/a/encoder.pth'] = CONTENT
    path = fetch(f'{server.url}/a/encoder.pth')
    assert path == cache / 'encoder.pth'
    assert path.read_bytes() == CONTENT
    record = (cache / 'encoder.pth.sha256').read_text()
    assert record == f'{hashlib.sha256(CONTENT).hexdigest()}  {server.url}/a/encoder.pth\n'
    fetch(f'{server.url}/a/encoder.pth')
    assert server.served == [(0, len(CONTENT))]
    path.write_bytes(OTHER)
    with pytest.raises(UserError, match='not the file that was first downloaded'):
        fetch(f'{server.url}/a/encoder.pth')


def test_cut_connections_are_taken_up_where_they_ended(server, cache):
    server.files['/encoder.pth'] = CONTENT
    server.cuts = [1000, 5000]
    assert fetch(f'{server.url}/encoder.pth').read_bytes() == CONTENT
    assert server.served == [(0, 1000), (1000, 5000), (5000, len(CONTENT))]
    assert left_over(cache) == []


def test_a_download_that_gave_up_is_taken_up_by_the_next_run(server, cache):
    server.files['/encoder.pth'] = CONTENT
    server.cuts = [3000, 3000]
    with pytest.raises(UserError, match=r'3000 of 10240 bytes.*try again, or put the file at'):
        fetch(f'{server.url}/encoder.pth')
    assert not (cache / 'encoder.pth').exists()
    assert fetch(f'{server.url}/encoder.pth').read_bytes() == CONTENT
    assert server.served[-1] == (3000, len(CONTENT))


@pytest.mark.parametrize('change', ['version', 'ranges', 'etag'])
def test_what_cannot_be_continued_begins_anew(change, server):
    server.files['/encoder.pth'] = CONTENT
    server.etag = change != 'etag'
    server.cuts = [3000, 3000]
    with pytest.raises(UserError, match='could not download'):
        fetch(f'{server.url}/encoder.pth')
    server.files['/encoder.pth'] = OTHER
    server.ranges = change != 'ranges'
    assert fetch(f'{server.url}/encoder.pth').read_bytes() == OTHER
    assert server.served[-1] == (0, len(OTHER))


def test_published_hash(server, cache):
    digest = hashlib.sha256(CONTENT).hexdigest()
    for name in (f'good-{digest[:8]}.pth', 'bad-01234567.pth'):
        server.files[f'/{name}'] = CONTENT
    assert fetch(f'{server.url}/good-{digest[:8]}.pth').read_bytes() == CONTENT
    with pytest.raises(UserError, match='does not begin with 01234567'):
        fetch(f'{server.url}/bad-01234567.pth')
    assert not (cache / 'bad-01234567.pth').exists()
    assert left_over(cache) == []


def test_one_name_from_two_urls(server):
    server.files |= {'/a/checkpoint.pth': CONTENT, '/b/checkpoint.pth': OTHER}
    for _ in range(2):
        assert fetch(f'{server.url}/a/checkpoint.pth').read_bytes() == CONTENT
        assert fetch(f'{server.url}/b/checkpoint.pth').read_bytes() == OTHER
    assert len(server.served) == 2


def test_what_torch_hub_has_fetched_is_used(server, cache):
    cache.mkdir(parents=True)
    (cache / 'encoder.pth').write_bytes(CONTENT)
    assert fetch('http://127.0.0.1:9/encoder.pth').read_bytes() == CONTENT


def test_offline_and_missing_name_where_to_put_the_file(server, cache, monkeypatch, tmp_path):
    with pytest.raises(UserError, match=f'put the file at {cache}/x.pth') as caught:
        fetch('http://127.0.0.1:9/x.pth')
    assert '\n' not in str(caught.value)
    monkeypatch.setenv(download.MIRROR, str(tmp_path))
    with pytest.raises(UserError, match=f'404.*put the file at {cache}/x.pth or in {tmp_path}'):
        fetch(f'{server.url}/x.pth')


@pytest.mark.parametrize('place', ['x.pth', 'host.example/a/b/x.pth'])
def test_mirror(place, tmp_path, monkeypatch, cache):
    file = tmp_path / 'mirror' / place
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    monkeypatch.setenv(download.MIRROR, str(tmp_path / 'mirror'))
    assert fetch('https://host.example/a/b/x.pth') == file
    assert sorted(path.name for path in file.parent.iterdir()) == ['x.pth']  # it may be read-only
    file.write_bytes(OTHER)
    with pytest.raises(UserError, match='not the file that was first'):
        fetch('https://host.example/a/b/x.pth')
    monkeypatch.setenv(download.MIRROR, str(tmp_path / 'nowhere'))
    with pytest.raises(UserError, match='is no folder'):
        fetch('https://host.example/a/b/x.pth')


def test_two_threads_download_once(server):
    server.files['/encoder.pth'] = CONTENT
    threads = [threading.Thread(target=fetch, args=(f'{server.url}/encoder.pth',)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.served == [(0, len(CONTENT))]


def test_a_checkpoint_is_read_by_its_url(server):
    server.files['/encoder.safetensors'] = save(dict(a=torch.ones(2)))
    torch.testing.assert_close(read_checkpoint(f'{server.url}/encoder.safetensors')['a'], torch.ones(2))


def test_an_error_of_the_first_process_reaches_the_others(monkeypatch):
    """The others are told by a broadcast; here one that hears of an error."""

    def hear(outcome):
        outcome[1] = 'could not download it'

    monkeypatch.setattr(download, 'is_main_process', lambda: False)
    monkeypatch.setattr(download, 'broadcast_object_list', hear)
    with pytest.raises(UserError, match='could not download it'):
        fetch('http://127.0.0.1:9/x.pth')


def test_a_page_in_place_of_weights_is_neither_kept_nor_remembered(server, cache):
    server.files['/dino.pth'] = b'<!DOCTYPE html><title>Please log in</title>'
    with pytest.raises(UserError, match='no weights, it begins with .*DOCTYPE'):
        fetch(f'{server.url}/dino.pth')
    server.files['/dino.pth'] = CONTENT
    assert fetch(f'{server.url}/dino.pth').read_bytes() == CONTENT


def test_a_server_that_continues_at_another_place_is_not_believed(server, cache):
    server.files['/dino.pth'], server.restarts, server.cuts = CONTENT, True, [3000]
    with pytest.raises(UserError, match='another place'):
        fetch(f'{server.url}/dino.pth')
    assert fetch(f'{server.url}/dino.pth').read_bytes() == CONTENT


def test_what_is_whole_is_not_downloaded_again(server, cache, monkeypatch):
    server.files['/dino.pth'] = CONTENT
    with monkeypatch.context() as patch:
        patch.setattr(download, '_looks_like_weights', lambda part: 1 / 0)  # killed after the last byte
        with pytest.raises(ZeroDivisionError):
            fetch(f'{server.url}/dino.pth')
    assert fetch(f'{server.url}/dino.pth').read_bytes() == CONTENT
    assert server.served == [(0, len(CONTENT))]


@pytest.mark.parametrize(
    'url',
    [
        'https://host.org/weights/',
        'https://host.org',
        'https://host.org/..',
        'https://host.org/.hidden.pth',
        'https://host.org/?file=x.pth',
        'https://host.org/x.pth.sha256',
        'https://host.org/x.pth.part',
        'https://host.org/a\x07b.pth',
        'https:///x.pth',
        'https://[::1/x.pth',
        f'https://host.org/{"x" * 300}.pth',
    ],
)
def test_urls_that_name_no_file_are_refused(url, cache):
    with pytest.raises(UserError, match='names no file|is no URL|is too long'):
        fetch(url)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_torn_record_is_made_again(server, cache):
    server.files['/weights.pth'] = CONTENT
    path = fetch(f'{server.url}/weights.pth')
    record = path.with_name(f'{path.name}.sha256')
    before = record.read_text()
    record.write_bytes(b'')
    assert fetch(f'{server.url}/weights.pth') == path and record.read_text() == before
