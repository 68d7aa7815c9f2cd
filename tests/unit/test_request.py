"""Requests: what stands in a path, a query and a body, and what is refused before anything is sent."""

from __future__ import annotations

import copy
import datetime
import io
import pickle
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bindings.v42.api import file_resource, message_conversation
from dhis2_bindings.v42.models import FileResourceDomain, FileResourceUpload, MessageConversationInfo, Ref
from dhis2_wire import UNSET, DecodeError, File, Request, comma, rest, segment
from dhis2_wire.request import pairs

UID = "yKLCFDYCzPy"
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text not in (".", ".."))


def made(**given_: Any) -> Request[Any]:
    return Request("GET", "/api/me", "MeDto", "dhis2_bindings.v42.models", **given_)


@given(texts)
def test_a_path_variable_stays_one_segment_and_arrives_as_it_was(text: str) -> None:
    quoted = segment("uid", text)
    assert "/" not in quoted
    assert unquote(quoted) == text
    request = httpx.Request("GET", f"https://dhis2.test/api/things/{quoted}/data")
    assert request.url.raw_path.decode() == f"/api/things/{quoted}/data"


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_dot_segments_and_nothing_are_refused_in_a_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"^uid: '"):
        message_conversation.get(text)


@pytest.mark.parametrize(("value", "said"), [(None, "None"), (UNSET, "nothing"), (True, "bool"), ([UID], "list")])
def test_what_is_no_text_is_refused_in_a_path(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^uid: a path takes text, not {said}"):
        segment("uid", value)


def test_half_a_surrogate_pair_is_refused_everywhere() -> None:
    with pytest.raises(ValueError, match=r"^uid: .*surrogate"):
        message_conversation.get("\ud800")
    with pytest.raises(ValueError, match=r"^queryString: .*surrogate"):
        message_conversation.list_(query_string="\ud800")
    for body in ("\ud800", MessageConversationInfo(text="\ud800")):
        with pytest.raises(ValueError, match=r"^body: .*surrogate"):
            made(body=body, content_type="text/plain" if body == "\ud800" else None).arguments()


@given(st.lists(texts, min_size=1).filter(lambda parts: not any("/" in part for part in parts)))
def test_the_rest_of_a_path_keeps_its_slashes(parts: list[str]) -> None:
    assert [unquote(part) for part in rest("subpath", "/".join(parts)).split("/")] == parts


@pytest.mark.parametrize("text", ["a/../b", "..", "a//b", "/a"])
def test_the_rest_of_a_path_climbs_nowhere(text: str) -> None:
    with pytest.raises(ValueError, match=r"^subpath: "):
        rest("subpath", text)


def test_fields_are_joined_and_filters_repeated() -> None:
    request = message_conversation.list_(
        fields=["id", "messages[id,text]"], filter_=["read:eq:false", "subject:like:a,b"], order="lastMessage:desc"
    )
    assert request.query == (
        ("fields", "id,messages[id,text]"),
        ("filter", "read:eq:false"),
        ("filter", "subject:like:a,b"),
        ("order", "lastMessage:desc"),
    )


def test_attachments_of_a_reply_are_joined_and_conversations_to_leave_repeated() -> None:
    reply = message_conversation.post_message_conversation_reply(UID, body="x", attachments=["a", "b"], internal=True)
    assert reply.query == (("attachments", "a,b"), ("internal", "true"))
    leave = message_conversation.remove_user_from_message_conversations(mc=["a", "b"])
    assert leave.query == (("mc", "a"), ("mc", "b"))


def test_nothing_is_sent_of_what_was_not_given() -> None:
    assert message_conversation.list_().query == ()
    assert message_conversation.list_(fields=[], filter_=[]).query == ()


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (1.5, "1.5"),
        (FileResourceDomain.MESSAGE_ATTACHMENT, "MESSAGE_ATTACHMENT"),
        (datetime.date(2026, 11, 23), "2026-11-23"),
        (datetime.datetime(2026, 11, 23, 4, 43, 50, 230999), "2026-11-23T04:43:50.230"),
    ],
)
def test_values_are_written_as_the_server_reads_them(value: Any, sent: str) -> None:
    assert pairs({"x": value}) == (("x", sent),)


@pytest.mark.parametrize("value", [None, {"a": 1}, b"bytes", object()])
def test_what_a_query_cannot_carry_is_refused_with_its_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^page: a query takes"):
        message_conversation.list_(page=value)


@pytest.mark.parametrize(
    ("value", "sent"), [("a,b", "a,b"), (["a", "b"], "a,b"), (("a", 1), "a,1"), ([], None), (UNSET, None)]
)
def test_a_comma_list_is_one_text(value: Any, sent: str | None) -> None:
    assert pairs({"x": comma(value)}) == ((("x", sent),) if sent is not None else ())


@pytest.mark.parametrize("value", [None, {"a": 1}, [None], [["a"]]])
def test_what_a_comma_list_cannot_carry_is_refused_with_its_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^fields: a query takes"):
        message_conversation.list_(fields=value)


def test_a_request_without_a_body_has_no_content_type() -> None:
    sent = message_conversation.remove_user_from_message_conversation(UID, UID).arguments()
    assert sent == {
        "method": "DELETE",
        "url": f"/api/messageConversations/{UID}/{UID}",
        "headers": {"Accept": "application/json"},
    }


def test_a_body_is_written_with_what_is_set_alone() -> None:
    body = MessageConversationInfo(subject="Stock ✓", text="…", users=[Ref(id=UID)])
    sent = message_conversation.create(body=body).arguments()
    assert sent["content"] == '{"subject":"Stock ✓","text":"…","users":[{"id":"yKLCFDYCzPy"}]}'.encode()
    assert sent["headers"]["Content-Type"] == "application/json"


def test_a_text_body_is_raw_utf_8() -> None:
    sent = message_conversation.post_message_conversation_reply(UID, body='"在庫"').arguments()
    assert sent["content"] == '"在庫"'.encode()
    assert sent["headers"]["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "body",
    [
        object(),
        {"at": object()},
        [float("nan")],
        {"x": float("inf")},
        [UNSET],
        File(b"", "x"),
        MessageConversationInfo(unknown_={"x": object()}),
    ],
)
def test_a_body_that_is_no_json_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        made(body=body).arguments()


def test_a_body_within_itself_is_refused() -> None:
    body: list[Any] = []
    body.append(body)
    with pytest.raises(ValueError, match=r"^body: it is nested too deep, or stands within itself"):
        made(body=body).arguments()


@pytest.mark.parametrize("body", [None, {"text": "x"}, ["x"], MessageConversationInfo(text="x")])
def test_a_text_body_is_text(body: Any) -> None:
    with pytest.raises(ValueError, match=r"^body: text, bytes or an open file is sent here"):
        message_conversation.post_message_conversation_reply(UID, body=body).arguments()


def test_bytes_and_open_files_are_sent_as_they_are() -> None:
    stream = io.BytesIO(b"zip")
    for body in (b"zip", stream):
        assert made(body=body, content_type="application/zip").arguments()["content"] is body


def test_a_form_carries_lists_and_objects() -> None:
    @define
    class Form:
        tags: Any = UNSET
        files: Any = UNSET
        owner: Any = UNSET
        unknown_: Any = None

    form = Form(tags=["a", "b"], files=[File(b"1", "1.txt"), File(b"2", "2.txt")], owner=Ref(id=UID))
    assert made(body=form, content_type="multipart/form-data").arguments()["files"] == [
        ("tags", (None, "a")),
        ("tags", (None, "b")),
        ("owner", (None, b'{"id":"yKLCFDYCzPy"}', "application/json")),
        ("files", ("1.txt", b"1", "application/octet-stream")),
        ("files", ("2.txt", b"2", "application/octet-stream")),
    ]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", io.BytesIO(b"a,b\n1,2\n")])
def test_an_upload_is_a_form_with_its_fields_before_the_file(content: Any) -> None:
    body = FileResourceUpload(
        file=File(content, "zählung.csv", "text/csv"), domain=FileResourceDomain.MESSAGE_ATTACHMENT
    )
    sent = file_resource.save_file_resource(body=body).arguments()
    request = httpx.Client(base_url="https://dhis2.test").build_request(**sent)
    written = request.read()
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert written.index(b'name="domain"\r\n\r\nMESSAGE_ATTACHMENT') < written.index(b'name="file"; filename=')
    assert b"Content-Type: text/csv\r\n\r\na,b\n1,2\n" in written


def test_a_form_without_a_file_is_still_a_form() -> None:
    sent = file_resource.save_file_resource(body=FileResourceUpload(uid=UID)).arguments()
    request = httpx.Client(base_url="https://dhis2.test").build_request(**sent)
    assert request.headers["content-type"].startswith("multipart/form-data")


def test_a_form_is_made_of_an_object() -> None:
    with pytest.raises(ValueError, match="a form takes an object"):
        made(body=["x"], content_type="multipart/form-data").arguments()


def test_headers_are_sent() -> None:
    sent = made(headers={"If-None-Match": "x", "Unset": UNSET}).arguments()
    assert sent["headers"] == {"Accept": "application/json", "If-None-Match": "x"}


def test_answers_are_read_as_the_operation_says() -> None:
    assert file_resource.get_file_resource_data(UID).parse(b"\x00\xff") == b"\x00\xff"
    assert message_conversation.list_csv().parse("id\nä".encode()) == "id\nä"
    assert (
        message_conversation.add_recipients_to_message_conversation(UID, body=MessageConversationInfo()).parse(b"")
        is None
    )
    page = message_conversation.list_().parse(b'{"pager": {"total": 0}, "messageConversations": []}')
    assert page.pager
    assert page.pager.total == 0


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"a": 1', b"\xff"])
def test_an_answer_that_is_no_json_says_so(content: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^the answer: expected JSON"):
        message_conversation.list_().parse(content)


def test_requests_are_values() -> None:
    one, same = (message_conversation.create(body=MessageConversationInfo(text="secret")) for _ in range(2))
    assert one == same
    assert "secret" not in repr(one)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert one != message_conversation.create(body=MessageConversationInfo(text="other"))
