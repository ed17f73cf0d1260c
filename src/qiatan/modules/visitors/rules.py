"""Pure decisions about visitors: when a token is renewed or replaced, when a visit goes on, what is kept of what a browser says."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit, urlunsplit

from qiatan.kit.text import shorten

TOKEN_IDLE = timedelta(days=30)
TOKEN_ROTATION = timedelta(hours=24)
TOKEN_GRACE = timedelta(minutes=5)
RENEWAL_STEP = timedelta(days=1)
VISIT_GAP = timedelta(minutes=30)
SEEN_STEP = timedelta(minutes=1)
MOST_PAGES = 30
"""So many of the pages of a visit are kept, the newest."""

TOKEN_PREFIX = "qv_"  # noqa: S105 -- what every token begins with
# The prefix and 32 random bytes in base64.
_TOKEN = re.compile(r"qv_[A-Za-z0-9_-]{43}")

URL_LENGTH = 2_000
TITLE_LENGTH = 200
USER_AGENT_LENGTH = 512

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_TIMEZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_SCREEN = re.compile(r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}")


def looks_like_token(text: str) -> bool:
    """Whether it is worth asking the database."""
    return _TOKEN.fullmatch(text) is not None


def must_rotate(created_at: datetime, replaced_at: datetime | None, now: datetime) -> bool:
    """A token older than a day is replaced.

    One that was replaced already and still lives gets a successor of its own: the answer with the first one may have been lost.
    """
    return replaced_at is not None or now - created_at >= TOKEN_ROTATION


def must_renew(expires_at: datetime, now: datetime) -> bool:
    """Expiry moves on with use, written at most once a day."""
    return expires_at < now + TOKEN_IDLE - RENEWAL_STEP


def goes_on(last_seen_at: datetime, now: datetime) -> bool:
    """Whether what happens now still belongs to the visit that was seen then."""
    return now - last_seen_at < VISIT_GAP


def kept_url(text: str | None) -> str | None:
    """A web address without credentials in it; anything else (`javascript:`, `file:`, text) is dropped."""
    line = _line(text)
    if line is None or " " in line:
        return None
    try:
        parts = urlsplit(line)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, parts.fragment))[:URL_LENGTH]


def kept_title(text: str | None) -> str | None:
    line = _line(text)
    return None if line is None else shorten(line, TITLE_LENGTH)


def kept_language(text: str | None) -> str | None:
    return text if text is not None and _LANGUAGE.fullmatch(text) else None


def kept_timezone(text: str | None) -> str | None:
    return text if text is not None and _TIMEZONE.fullmatch(text) else None


def kept_screen(text: str | None) -> str | None:
    return text if text is not None and _SCREEN.fullmatch(text) else None


def kept_user_agent(text: str | None) -> str | None:
    line = _line(text)
    return None if line is None else line[:USER_AGENT_LENGTH]


def _line(text: str | None) -> str | None:
    """The text on one line, without controls, invisible and direction-changing characters; None when nothing is left."""
    if text is None:
        return None
    kept = "".join(" " if character.isspace() else character for character in text if _visible(character))
    return " ".join(kept.split()) or None


def _visible(character: str) -> bool:
    return character.isspace() or not unicodedata.category(character).startswith("C")


# In this order: most browsers call themselves by their ancestors' names as well. Each pattern captures the version, where one is given.
_BROWSERS = (
    ("WeCom", r"wxwork/(\d+)"),
    ("WeChat", r"MicroMessenger/(\d+)"),
    ("DingTalk", r"DingTalk/(\d+)"),
    ("Feishu", r"(?:Feishu|Lark)/(\d+)"),
    ("Alipay", r"AlipayClient/(\d+)"),
    ("Weibo", r"Weibo"),
    ("QQ", r"\bQQ/(\d+)"),
    ("QQ Browser", r"QQBrowser/(\d+)"),
    ("UC Browser", r"(?:UCBrowser|UBrowser|UCBS)/(\d+)"),
    ("Quark", r"Quark/(\d+)"),
    ("Baidu", r"(?:baiduboxapp|BIDUBrowser)/(\d+)"),
    ("Huawei Browser", r"HuaweiBrowser/(\d+)"),
    ("MIUI Browser", r"MiuiBrowser/(\d+)"),
    ("Vivo Browser", r"VivoBrowser/(\d+)"),
    ("HeyTap Browser", r"HeyTapBrowser/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+)\S* (?:Mobile/\S+ )?Safari/"),
    ("Internet Explorer", r"(?:MSIE |Trident/.{0,60}rv:)(\d+)"),
)
_SYSTEMS = (
    ("HarmonyOS", r"(?:OpenHarmony|HarmonyOS)[ /]?(\d+)?"),
    ("iOS", r"(?:iPhone|iPad|iPod).{0,60} OS (\d+)"),
    ("Android", r"Android (\d+)"),
    ("Android", r"Android"),
    ("Windows 10/11", r"Windows NT 10"),
    ("Windows 8", r"Windows NT 6\.[23]"),
    ("Windows 7", r"Windows NT 6\.1"),
    ("Windows", r"Windows"),
    # Browsers freeze the number at 10_15_7, so it says nothing.
    ("macOS", r"Mac OS X"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)
_BOT = r"bot\b|crawl|spider|slurp|headless|curl/|python"
_TABLET = r"iPad|Tablet|PlayBook|Silk/"
_PHONE = r"iPhone|iPod|Mobile|Phone\b"


def browser_of(user_agent: str | None) -> str | None:
    """Name and main version, like `Chrome 126`. Browsers lie; this is shown, never decided upon."""
    return _named(_BROWSERS, user_agent)


def system_of(user_agent: str | None) -> str | None:
    """Operating system and, where browsers still tell it, its main version."""
    return _named(_SYSTEMS, user_agent)


def device_of(user_agent: str | None) -> str | None:
    """`bot`, `tablet`, `phone` or `desktop`."""
    if not user_agent:
        return None
    if re.search(_BOT, user_agent, re.IGNORECASE):
        return "bot"
    if re.search(_TABLET, user_agent) or ("Android" in user_agent and "Mobile" not in user_agent):
        return "tablet"
    return "phone" if re.search(_PHONE, user_agent) else "desktop"


def _named(table: tuple[tuple[str, str], ...], user_agent: str | None) -> str | None:
    for name, pattern in table:
        found = re.search(pattern, user_agent or "")
        if found:
            version = found.group(1) if found.re.groups else None
            return f"{name} {version}" if version else name
    return None


# Where the words stand that were searched for; most engines hide them today.
_ENGINES = (
    ("baidu", ("baidu.com",), ("wd", "word", "kw")),
    ("google", ("google",), ("q",)),
    ("bing", ("bing.com",), ("q",)),
    ("sogou", ("sogou.com",), ("query", "keyword")),
    ("360", ("so.com", "haosou.com"), ("q",)),
    ("shenma", ("sm.cn",), ("q",)),
    ("toutiao", ("toutiao.com",), ("keyword",)),
    ("quark", ("quark.cn",), ("q",)),
    ("yahoo", ("search.yahoo.com", "search.yahoo.co.jp"), ("p",)),
    ("duckduckgo", ("duckduckgo.com",), ("q",)),
    ("yandex", ("yandex.ru", "yandex.com", "ya.ru"), ("text",)),
    ("naver", ("search.naver.com",), ("query",)),
)
_GOOGLE = re.compile(r"(?:^|\.)google\.(?:com|cn|[a-z]{2}|com?\.[a-z]{2})$")
KEYWORD_LENGTH = 200


def search_of(referrer: str | None) -> tuple[str | None, str | None]:
    """The search engine a visitor came from, and what they had searched for, as far as the referrer tells."""
    if not referrer:
        return None, None
    try:
        parts = urlsplit(referrer)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None, None
    for name, hosts, parameters in _ENGINES:
        if _GOOGLE.search(host) if name == "google" else any(host == known or host.endswith("." + known) for known in hosts):
            return name, _searched_for(parts.query, parameters)
    return None, None


def _searched_for(query: str, parameters: tuple[str, ...]) -> str | None:
    try:
        given = parse_qs(query, max_num_fields=100)
    except ValueError:
        return None
    words = next((given[name][0] for name in parameters if name in given), None)
    line = _line(words)
    return None if line is None else line[:KEYWORD_LENGTH]
