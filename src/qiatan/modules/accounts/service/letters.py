"""What is written to people: subject, plain text, and the same as simple HTML that no mail program has to guess at."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

_BUTTON = "display:inline-block;padding:10px 20px;border-radius:6px;background:#3357cc;color:#ffffff;text-decoration:none"
_FONTS = "-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei',sans-serif"


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A letter in words; everything in it is plain text."""

    subject: str
    greeting: str
    lines: tuple[str, ...]
    button: str
    link: str
    to_open: str
    or_open: str
    closing: tuple[str, ...]


def invitation_letter(locale: str, *, name: str, enterprise: str, inviter: str | None, link: str) -> Letter:
    """Asks somebody to join an enterprise. `inviter` is absent where a program invited."""
    if locale == "en":
        who = f"{inviter} invites you" if inviter else "You are invited"
        draft = _Draft(
            subject=f"{who} to join {enterprise}",
            greeting=f"Hello {name},",
            lines=(f"{who} to work with the team of {enterprise} in Qiatan, where customers are talked to.",),
            button="Join the team",
            link=link,
            to_open="Open this address in your browser:",
            or_open="Or open this address in your browser:",
            closing=(
                "The link works once and within 7 days. You choose your own password with it.",
                "If you do not know this team, ignore this letter; nothing happens then.",
            ),
        )
        return _written(draft, locale)
    who = f"{inviter} 邀请你" if inviter else "邀请你"
    draft = _Draft(
        subject=f"{who}加入{enterprise}",
        greeting=f"{name}，你好：",
        lines=(f"{who}加入「{enterprise}」的洽谈工作台，和团队一起接待客户。",),
        button="加入团队",
        link=link,
        to_open="请在浏览器中打开这个地址：",
        or_open="也可以在浏览器中打开这个地址：",
        closing=("链接只能使用一次，7 天内有效。打开后由你自己设置密码。", "如果你不认识这个团队，忽略这封邮件即可，不会有任何影响。"),
    )
    return _written(draft, locale)


def reset_letter(locale: str, *, name: str, email: str, link: str) -> Letter:
    """Lets somebody choose a new password."""
    if locale == "en":
        draft = _Draft(
            subject="Choose a new password for Qiatan",
            greeting=f"Hello {name},",
            lines=(f"a new password was asked for, for your account {email}.",),
            button="Choose a new password",
            link=link,
            to_open="Open this address in your browser:",
            or_open="Or open this address in your browser:",
            closing=(
                "The link works once and within one hour. With the new password you are signed out everywhere, and sign in anew.",
                "If it was not you who asked, ignore this letter: your password stays as it is.",
            ),
        )
        return _written(draft, locale)
    draft = _Draft(
        subject="设置新的洽谈密码",
        greeting=f"{name}，你好：",
        lines=(f"我们收到了为账号 {email} 设置新密码的请求。",),
        button="设置新密码",
        link=link,
        to_open="请在浏览器中打开这个地址：",
        or_open="也可以在浏览器中打开这个地址：",
        closing=(
            "链接只能使用一次，1 小时内有效。设置新密码后，所有设备都会退出，需要重新登录。",
            "如果不是你本人操作，忽略这封邮件即可，密码不会改变。",
        ),
    )
    return _written(draft, locale)


def _written(draft: _Draft, locale: str) -> Letter:
    text = "\n\n".join([draft.greeting, *draft.lines, f"{draft.to_open}\n{draft.link}", *draft.closing]) + "\n"
    paragraph = '<p style="margin:0 0 16px">{}</p>'
    small = '<p style="margin:0 0 8px;color:#5b6472;font-size:13px">{}</p>'
    link = escape(draft.link)
    parts = [
        *(paragraph.format(escape(line)) for line in (draft.greeting, *draft.lines)),
        f'<p style="margin:24px 0"><a href="{link}" style="{_BUTTON}">{escape(draft.button)}</a></p>',
        small.format(f'{escape(draft.or_open)}<br><a href="{link}" style="color:#3357cc;word-break:break-all">{link}</a>'),
        *(small.format(escape(line)) for line in draft.closing),
    ]
    html = (
        f'<!doctype html>\n<html lang="{escape(locale)}">\n<head><meta charset="utf-8"><title>{escape(draft.subject)}</title></head>\n'
        f'<body style="margin:0;background:#f4f6f9">\n<div style="max-width:520px;margin:0 auto;padding:32px 24px;background:#ffffff;'
        f'color:#1f2633;font:15px/1.7 {_FONTS}">\n' + "\n".join(parts) + "\n</div>\n</body>\n</html>\n"
    )
    return Letter(draft.subject, text, html)
