from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit import rich_text
from qiatan.kit.errors import InvalidInput
from qiatan.kit.rich_text import (
    RichBlock,
    RichDocument,
    RichList,
    RichParagraph,
    RichPicture,
    RichSpan,
    checked,
    degraded,
    is_plain,
    parsed,
    plain_text,
    safe_href,
    stored,
)

PICTURE = UUID(int=7)


def paragraph(*spans: RichSpan | str, align: str = "left") -> RichParagraph:
    made = [RichSpan(text=span) if isinstance(span, str) else span for span in spans]
    return RichParagraph.model_validate({"kind": "paragraph", "align": align, "spans": made})


def listed(*items: str, ordered: bool = False) -> RichList:
    return RichList(kind="list", ordered=ordered, items=[[RichSpan(text=item)] for item in items])


def picture(alt: str = "") -> RichPicture:
    return RichPicture(kind="picture", id=PICTURE, width=40, height=30, alt=alt)


def document(*blocks: RichBlock) -> RichDocument:
    return RichDocument(blocks=list(blocks))


def test_the_plain_text_has_a_line_for_each_paragraph_and_a_mark_for_each_item() -> None:
    given_document = document(
        paragraph("您好\n请看："), listed("尺码", "颜色"), picture("图"), listed("一", "二", ordered=True), paragraph("再见")
    )

    assert plain_text(given_document) == "您好\n请看：\n• 尺码\n• 颜色\n1. 一\n2. 二\n再见"


@pytest.mark.parametrize(
    "block",
    [
        paragraph(RichSpan(text="a", bold=True)),
        paragraph(RichSpan(text="a", italic=True)),
        paragraph(RichSpan(text="a", underline=True)),
        paragraph(RichSpan(text="a", size="large")),
        paragraph(RichSpan(text="a", href="https://a.example")),
        paragraph("a", align="center"),
        listed("a"),
        picture(),
    ],
)
def test_any_form_makes_a_document_rich(block: RichBlock) -> None:
    assert not is_plain(document(paragraph("你好"), block))


def test_line_breaks_and_emoji_are_no_form() -> None:
    assert is_plain(document(paragraph("你好😀\n在吗"), paragraph(), paragraph("👨‍👩‍👧")))


def test_neighbours_of_the_same_look_become_one_and_blank_edges_go() -> None:
    spans = [RichSpan(text="退"), RichSpan(text="", bold=True), RichSpan(text="货\r\n"), RichSpan(text="！", bold=True)]
    given_document = document(paragraph("  "), paragraph(*spans), paragraph(), paragraph("再见"), paragraph())

    assert checked(given_document) == document(
        paragraph(RichSpan(text="退货\n"), RichSpan(text="！", bold=True)), paragraph(), paragraph("再见")
    )


def test_empty_items_and_lists_go() -> None:
    assert checked(document(listed("a", " "), listed(" "), paragraph("b"))) == document(listed("a"), paragraph("b"))


@pytest.mark.parametrize("empty", [document(paragraph()), document(paragraph(" \n")), document(listed(" "))])
def test_a_document_that_says_nothing_is_refused(empty: RichDocument) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(empty)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("document", "empty")]


def test_a_picture_alone_says_something() -> None:
    assert checked(document(picture(" 尺码  表 "))) == document(picture("尺码 表"))


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://a.example/x",
        "//a.example",
        "/app/settings",
        "a.example",
        "https://",
        "https:///x",
        "http://[::1",
        "https://a.example/a b",
        "https://a.example/\u202egnp.exe",
        "https:\\\\a.example",
        "mailto:",
        "tel:",
        "mailto://a.example",
        "https://a.example/" + "x" * 2_000,
    ],
)
def test_addresses_that_may_not_be_followed_are_none(href: str) -> None:
    assert safe_href(href) is None


@pytest.mark.parametrize(
    "href", ["http://a.example", "https://a.example:8443/b?c=d#e", "https://商店.example/杯子", "mailto:a@b.example", "tel:+8613800138000"]
)
def test_addresses_of_the_four_kinds_stay_as_they_are(href: str) -> None:
    assert safe_href(href) == href


def test_a_bad_link_is_refused_by_its_place() -> None:
    bad = RichSpan(text="x", href="javascript:alert(1)")
    given_document = document(paragraph("a"), paragraph("b", bad), RichList(kind="list", items=[[RichSpan(text="c")], [bad]]))

    with pytest.raises(InvalidInput) as refused:
        checked(given_document)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [
        ("document.blocks.1.spans.1.href", "invalid_link"),
        ("document.blocks.2.items.1.0.href", "invalid_link"),
    ]


def test_a_links_scheme_is_written_small_and_an_empty_link_is_none() -> None:
    spans = [RichSpan(text="a", href=" HTTPS://A.example/B "), RichSpan(text="b", href="")]

    assert checked(document(paragraph(*spans))) == document(paragraph(RichSpan(text="a", href="https://A.example/B"), RichSpan(text="b")))


@pytest.mark.parametrize(
    "large",
    [
        document(paragraph("字" * 3_000), paragraph("字" * 2_000)),
        document(*(picture() for _ in range(21))),
        document(*(paragraph(*(RichSpan(text="a", bold=at % 2 == 0) for at in range(600))) for _ in range(2))),
        document(*(paragraph(RichSpan(text="a", href="https://a.example/" + "x" * 1_900)) for _ in range(30))),
    ],
)
def test_what_is_too_large_is_refused(large: RichDocument) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(large)

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("document", "too_long")]


def test_five_thousand_characters_are_kept() -> None:
    assert len(plain_text(checked(document(paragraph("字" * 5_000))))) == 5_000


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800"])
def test_what_is_not_text_is_refused(text: str) -> None:
    broken = RichSpan.model_construct(text=text, href=None)

    with pytest.raises(InvalidInput) as refused:
        checked(RichDocument(blocks=[RichParagraph.model_construct(kind="paragraph", align="left", spans=[broken])]))

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("document.blocks.0.spans.0.text", "invalid_text")]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"blocks": []},
        {"blocks": [{"kind": "html", "html": "<b>x</b>"}]},
        {"blocks": [{"kind": "paragraph", "spans": [{"text": "x", "onclick": "alert(1)"}]}]},
        {"blocks": [{"kind": "paragraph", "spans": [{"text": "x", "size": "64px"}]}]},
        {"blocks": [{"kind": "picture", "id": "https://evil.example/x.png", "width": 1, "height": 1}]},
        {"blocks": [{"kind": "paragraph", "spans": []}] * 201},
    ],
)
def test_what_is_no_document_is_refused(data: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(data)

    assert all(problem.field.startswith("document") for problem in refused.value.fields)


def test_the_place_of_what_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed({"blocks": [{"kind": "paragraph", "spans": [{"text": "x", "bold": "perhaps"}]}]})

    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("document.blocks.0.spans.0.bold", "invalid")]


def test_a_channel_without_rich_text_gets_paragraphs_pictures_and_addresses() -> None:
    spans: list[RichSpan | str] = [
        "见 ",
        RichSpan(text="退货", href="https://a.example/r"),
        RichSpan(text="说明", bold=True, href="https://a.example/r"),
        "。",
    ]
    contact: list[RichSpan | str] = [RichSpan(text="400-1234", href="tel:400-1234"), "，", RichSpan(text="写信", href="mailto:a@b.example")]
    given_document = document(paragraph(*spans), picture("表"), paragraph(), listed("一", "二"), paragraph(*contact))

    parts = [part.model_dump(mode="json") for part in degraded(given_document)]

    assert parts == [
        {"kind": "text", "text": "见 退货说明 https://a.example/r。"},
        {"kind": "picture", "id": str(PICTURE), "width": 40, "height": 30, "alt": "表"},
        {"kind": "text", "text": "• 一\n• 二"},
        {"kind": "text", "text": "400-1234，写信 a@b.example"},
    ]


def test_what_is_stored_leaves_out_what_says_nothing() -> None:
    assert stored(document(paragraph("a", RichSpan(text="b", bold=True)), listed("c"))) == {
        "blocks": [
            {"kind": "paragraph", "spans": [{"text": "a"}, {"text": "b", "bold": True}]},
            {"kind": "list", "items": [[{"text": "c"}]]},
        ]
    }


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
_HREFS = st.none() | st.sampled_from(["", "https://a.example/x", "tel:110", "mailto:a@b.example"])
_SPANS = st.builds(
    RichSpan,
    text=_TEXTS,
    bold=st.booleans(),
    italic=st.booleans(),
    underline=st.booleans(),
    size=st.sampled_from(["small", "normal", "large"]),
    href=_HREFS,
)
_LINES = st.lists(_SPANS, max_size=4)
_BLOCKS = st.one_of(
    st.builds(RichParagraph, kind=st.just("paragraph"), align=st.sampled_from(["left", "center", "right"]), spans=_LINES),
    st.builds(RichList, kind=st.just("list"), ordered=st.booleans(), items=st.lists(_LINES, max_size=3)),
    st.builds(RichPicture, kind=st.just("picture"), id=st.uuids(), width=st.just(1), height=st.just(1), alt=_TEXTS),
)
_DOCUMENTS = st.builds(RichDocument, blocks=st.lists(_BLOCKS, min_size=1, max_size=6))


def _in_its_one_form(given_document: RichDocument) -> RichDocument | None:
    """None where it says nothing."""
    try:
        return checked(given_document)
    except InvalidInput as error:
        if [problem.code for problem in error.fields] == ["empty"]:
            return None
        raise


@given(_DOCUMENTS)
def test_a_document_is_either_refused_or_comes_back_from_the_store_in_its_one_form(given_document: RichDocument) -> None:
    clean = _in_its_one_form(given_document)
    if clean is None:
        return

    assert checked(clean) == clean
    assert parsed(json.loads(json.dumps(stored(clean)))) == clean
    assert len(plain_text(clean)) <= rich_text.MAX_TEXT


@given(_DOCUMENTS)
def test_degraded_parts_say_all_words_and_show_all_pictures(given_document: RichDocument) -> None:
    parts = degraded(given_document)

    said = "".join(part.text for part in parts if isinstance(part, rich_text.TextPart))
    for block in given_document.blocks:
        for line in rich_text.spans_of(block):
            for word in "".join(span.text for span in line if not span.href).split():
                assert all(character in said for character in word)
    assert [part.id for part in parts if isinstance(part, RichPicture)] == [
        block.id for block in given_document.blocks if isinstance(block, RichPicture)
    ]


@given(st.text(max_size=40))
def test_no_address_that_passes_has_a_scheme_that_runs(href: str) -> None:
    kept = safe_href(href)

    assert kept is None or kept.split(":")[0] in rich_text.SCHEMES
