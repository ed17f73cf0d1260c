"""A certified OpenID provider on loopback (see oidc_provider.mjs), and a browser that signs in there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from tests.support.network import free_port

ROOT = Path(__file__).parents[2]
CLIENT_ID = "qiatan"
CLIENT_SECRET = "a secret that only the two of us know"
Person = dict[str, Any]
"""Claims: `sub`, `email`, `email_verified` …"""


@dataclass(frozen=True)
class OidcProvider:
    """A running provider that knows one client and believes whoever signs in."""

    issuer: str

    async def sign_in(self, url: str, person: Person) -> dict[str, str]:
        """Open the address as a browser, sign in as somebody with these claims; returns what the provider sends the browser back with."""
        async with httpx.AsyncClient(follow_redirects=False, timeout=20) as browser:
            answer = await browser.get(url)
            for form in ({"prompt": "login", "login": json.dumps(person), "password": "any"}, {"prompt": "consent"}):
                answer = await self._follow(browser, answer)
                if answer.is_redirect:
                    break
                action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
                assert action is not None, answer.text
                answer = await browser.post(urljoin(str(answer.url), action.group(1)), data=form)
            answer = await self._follow(browser, answer)
            assert answer.is_redirect, answer.text
            return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    async def _follow(self, browser: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
        """Go along while the provider redirects to itself."""
        while answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if not target.startswith(self.issuer):
                break
            answer = await browser.get(target)
        return answer


@contextmanager
def oidc_provider(redirect_uri: str) -> Iterator[OidcProvider]:
    """Run a provider for a relying party that is answered at addresses that begin with this one."""
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uris": [redirect_uri]}
    port = free_port()
    config = {"port": port, "web": str(ROOT / "web"), "clients": [client]}
    node = shutil.which("node", path=os.pathsep.join([str(ROOT / ".make" / "bin"), os.environ["PATH"]]))
    assert node is not None, "node is not installed: run `make check` once"
    with subprocess.Popen(
        [node, ROOT / "tests" / "support" / "oidc_provider.mjs", json.dumps(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("listening at "):
                    break
            else:
                raise AssertionError("".join(said))
            yield OidcProvider(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
