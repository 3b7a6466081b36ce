"""Downloads one pinned wheel, resumes a broken download, and checks its SHA-256.

pip cannot resume a download in a later process (--resume-retries of pip 25.1 and newer works within one), and
its dry-run report downloads the whole wheel from an index without separate metadata. So the package index
is read here, with pip's settings. Where that fails, pip itself downloads: it knows find-links, netrc and key
rings.
"""

import ast
import base64
import errno
import hashlib
import html.parser
import http.client
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ATTEMPTS = 5
BLOCK_BYTES = 1 << 20
NOT_THE_NETWORK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO)


class SetupError(Exception):
    """Something the user can act on; printed as one line."""


def say(text):
    print(f"setup: {text}", file=sys.stderr, flush=True)


def pip_settings():
    """pip's settings by their plain names, with pip's own precedence: environment, command, global."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"],
                            stdout=subprocess.PIPE, universal_newlines=True, check=False)
    found = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        try:
            found[section, name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            continue
    settings = {}
    for section in ("global", "install", "download", ":env:"):
        settings.update({name: value for (where, name), value in found.items() if where == section})
    return settings


class Links(html.parser.HTMLParser):
    """The addresses of all links on a page."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        address = dict(attrs).get("href")
        if tag == "a" and address:
            self.addresses.append(address)


class Index:
    """The package index that pip would use, read from its simple page (PEP 503)."""

    def __init__(self):
        settings = pip_settings()
        self.unused = str(settings.get("no-index", "")).lower() in ("1", "true", "yes", "on")
        self.bases = [settings.get("index-url", "https://pypi.org/simple")]
        self.bases += settings.get("extra-index-url", "").split()
        self.timeout_s = float(settings.get("timeout") or settings.get("default-timeout") or 60)
        self.trusted = set(settings.get("trusted-host", "").split())
        authorities = (settings.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE")
                       or os.environ.get("CURL_CA_BUNDLE"))
        self.checking = ssl.create_default_context(cafile=authorities)
        if sys.platform == "darwin" and not self.checking.cert_store_stats()["x509_ca"]:
            # The Python of python.org on macOS has no certificate authorities; pip has some.
            from pip._vendor import certifi
            self.checking = ssl.create_default_context(cafile=certifi.where())
        self.proxy = settings.get("proxy")

    def open(self, address, headers):
        """A response for `address`, which may hold a user and a password."""
        parts = urllib.parse.urlsplit(address)
        user, at, host = parts.netloc.rpartition("@")
        request = urllib.request.Request(parts._replace(netloc=host, fragment="").geturl(), headers=headers)
        if at:
            secret = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {secret}")
        context = self.checking
        if {host, parts.hostname} & self.trusted:
            context = ssl._create_unverified_context()
        handlers = [urllib.request.HTTPSHandler(context=context)]
        if self.proxy:
            handlers.append(urllib.request.ProxyHandler({"http": self.proxy, "https": self.proxy}))
        return urllib.request.build_opener(*handlers).open(request, timeout=self.timeout_s)

    def find(self, wheel):
        """The address of `wheel`, or None if no index can be read or has it; the reason is printed."""
        if self.unused:
            return None
        for base in self.bases:
            page = f"{base.rstrip('/')}/{wheel['project']}/"
            try:
                with self.open(page, {"Accept": "text/html"}) as response:
                    links = Links()
                    links.feed(response.read().decode("utf-8", "replace"))
                    here = response.geturl()
            except (OSError, http.client.HTTPException, ValueError) as error:
                say(f"cannot read {without_user(page)}: {error}")
                continue
            for address in links.addresses:
                path = urllib.parse.urlsplit(address).path
                if urllib.parse.unquote(path.rsplit("/", 1)[-1]) == wheel["file"]:
                    # A private index needs its user and password for the files, too.
                    return with_user_of(base, urllib.parse.urljoin(here, address))
        return None


def without_user(address):
    parts = urllib.parse.urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def with_user_of(base, address):
    source, target = urllib.parse.urlsplit(base), urllib.parse.urlsplit(address)
    if "@" in source.netloc and source.netloc.rpartition("@")[2] == target.netloc:
        return target._replace(netloc=source.netloc).geturl()
    return address


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


def size_bytes(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def continue_download(index, address, part, total_bytes):
    """Appends to the file `part` the missing bytes of `address`; starts again if the server knows no ranges."""
    start = size_bytes(part)
    headers = {"Range": f"bytes={start}-"} if start else {}
    with index.open(address, headers) as response:
        resumed = response.status == 206
        done = start if resumed else 0
        with open(part, "ab" if resumed else "wb") as file:
            shown_s = time.monotonic()
            for block in iter(lambda: response.read(BLOCK_BYTES), b""):
                file.write(block)
                done += len(block)
                if sys.stderr.isatty() and time.monotonic() - shown_s > 0.5:
                    shown_s = time.monotonic()
                    print(f"\r  {done >> 20} of {total_bytes >> 20} MiB ", end="", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print("\r" + " " * 40 + "\r", end="", file=sys.stderr, flush=True)
    if done < total_bytes:
        raise http.client.IncompleteRead(b"", total_bytes - done)


def download(index, address, part, wheel):
    """Downloads in several attempts; each continues where the last one broke."""
    for attempt in range(1, ATTEMPTS + 1):
        if size_bytes(part) >= wheel["size_bytes"]:
            return
        try:
            return continue_download(index, address, part, wheel["size_bytes"])
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 416, 429):
                raise
            reason = error
            if error.code == 416:
                os.remove(part)
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in NOT_THE_NETWORK:
                raise
            reason = error
        if attempt < ATTEMPTS:
            say(f"the connection broke at {size_bytes(part) >> 20} MiB ({reason!r}); "
                f"going on, attempt {attempt + 1} of {ATTEMPTS}")
            time.sleep(2 ** (attempt - 1))
    raise SetupError(f"{wheel['file']} could not be downloaded ({reason!r}). "
                     f"Run this again: it goes on at {size_bytes(part) >> 20} MiB.")


def download_with_pip(wheel, folder):
    """Lets pip download the wheel: it cannot resume, but knows every kind of index."""
    version, tags = wheel["file"].split("-")[1], wheel["file"][:-len(".whl")].split("-")[-1]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--implementation=cp", "--python-version=3.11", "--dest", folder,
               f"{wheel['project']}=={version}"]
    command += [f"--platform={tag}" for tag in tags.split(".")]
    say(f"asking pip for {wheel['file']}")
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        raise SetupError(f"pip could not get {wheel['project']} {version} either. Check the network and pip's "
                         "settings (python3 -m pip config list), or install libtorch by hand and set LIBTORCH.")


def fetch(index, wheel, folder):
    """Downloads the wheel if needed, checks its SHA-256 and returns its path in `folder`."""
    path = os.path.join(folder, wheel["file"])
    part = path + ".part"
    for _ in range(2):
        resumed = os.path.exists(path) or size_bytes(part) > 0
        if not os.path.exists(path):
            address = index.find(wheel)
            try:
                if address:
                    say(f"downloading {wheel['file']} ({wheel['size_bytes'] / 1e6:.0f} MB"
                        + (f", going on at {size_bytes(part) >> 20} MiB)" if size_bytes(part) else ")"))
                    download(index, address, part, wheel)
                    os.replace(part, path)
                else:
                    download_with_pip(wheel, folder)
            except (urllib.error.URLError, ValueError) as error:
                say(f"{without_user(address)}: {error}")
                download_with_pip(wheel, folder)
        if not os.path.exists(path):
            raise SetupError(f"pip found a file other than {wheel['file']}; is the index a mirror of PyPI?")
        found = sha256(path)
        if found == wheel["sha256"]:
            return path
        os.remove(path)
        problem = (f"{wheel['file']} had the SHA-256 {found}, not {wheel['sha256']}: "
                   "damaged or not the right file. It was removed.")
        if not resumed:
            break
        say(problem + " Downloading it afresh.")
    raise SetupError(problem + " Run this again, or try another network or index.")
