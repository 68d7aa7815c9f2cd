"""The languages of `fields=`, `filter=`, `order=` and of pages, for whatever is asked."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_facade.testing.fields import Selection, parse, render
from dhis2_facade.testing.jackson import column
from dhis2_facade.testing.queries import OPERATORS, Pager, QueryError, filters, matching, ordered, page_of, search
from dhis2_facade.testing.schema import Viewer, kinds
from dhis2_facade.testing.server import new_state
from dhis2_facade.testing.state import Conversation, State
from tests.support.exchanges import VERSIONS

KIND = "messageConversation"
versions = st.sampled_from(VERSIONS)
names = st.text(string.ascii_letters, min_size=1, max_size=8)
known_names = st.sampled_from(sorted(set(kinds("40")[KIND]) & set(kinds("42")[KIND])))
words = st.text(string.ascii_letters + string.digits + " ", max_size=6)


def written(selection: Selection) -> str:
    parts = [*selection.presets, *(f"!{name}" for name in sorted(selection.excluded))]
    parts += [name if inner is None else f"{name}[{written(inner)}]" for name, inner in selection.names.items()]
    return ",".join(parts)


selections = st.recursive(
    st.builds(
        Selection,
        presets=st.lists(st.sampled_from([":all", ":simple", ":identifiable"]), max_size=2),
        names=st.dictionaries(names, st.none(), min_size=1, max_size=4),
        excluded=st.sets(names, max_size=2),
    ),
    lambda inner: st.builds(Selection, names=st.dictionaries(names, st.none() | inner, min_size=1, max_size=4)),
    max_leaves=6,
)


def world(version: str = "42", subjects: tuple[str, ...] = ("first",)) -> tuple[State, list[Conversation], Viewer]:
    state = new_state(version)
    clerk, nurse = state.user_named("clerk"), state.user_named("nurse")
    assert clerk is not None
    assert nurse is not None
    sent = [state.send(clerk, subject, "text", "agent", recipients=[nurse]) for subject in subjects]
    return state, sent, Viewer(state, clerk, "http://x/api", listing=True)


# -- fields ------------------------------------------------------------------------------------------------------------


@given(selections)
def test_what_is_written_is_what_is_read(selection: Selection) -> None:
    assert parse(written(selection)) == selection


@given(selections)
def test_brackets_need_not_be_closed(selection: Selection) -> None:
    text = written(selection)
    assert parse(text.rstrip("]")) == parse(text)


@given(st.text(alphabet="ab,[]()~!:*.| ", max_size=60))
def test_any_text_can_be_read_and_rendered(text: str) -> None:
    _, [one], viewer = world()
    assert isinstance(render("42", KIND, text, one, viewer), dict)


def test_brackets_may_be_deep() -> None:
    assert parse("a[" * 500).names["a"] is not None


@given(versions, st.sets(known_names, min_size=1))
def test_only_what_is_asked_for_is_given(version: str, asked: set[str]) -> None:
    _, [one], viewer = world(version)
    everything = render(version, KIND, "*", one, viewer)
    found = render(version, KIND, ",".join([*asked, "nothingLikeIt"]), one, viewer)
    assert found == {name: value for name, value in everything.items() if name in asked}


@given(versions, st.sets(known_names))
def test_what_is_excluded_is_not_given(version: str, excluded: set[str]) -> None:
    _, [one], viewer = world(version)
    everything = render(version, KIND, "*,id", one, viewer)
    found = render(version, KIND, ",".join(["*", "id", *(f"!{name}" for name in excluded)]), one, viewer)
    assert found.keys() == everything.keys() - excluded


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("id~rename(uid)", {"uid"}),
        ("messages~size~rename(n)", {"n"}),
        ("messages::size", {"messages"}),
        ("messages|size", {"messages"}),
        ("id~rename(uid", {"uid"}),
        ("messages(id),read", {"messages", "read"}),
        (" id , re-ad ", {"id", "read"}),
        (":nothing,id", {"id"}),
        ("", set()),
    ],
)
def test_transformations_and_odd_forms(fields: str, expected: set[str]) -> None:
    _, [one], viewer = world()
    assert render("42", KIND, fields, one, viewer).keys() == expected


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ("size", 2),
        ("isEmpty", False),
        ("isNotEmpty", True),
        ("pluck(read)", [True, False]),
        ("pluck(colour)~size", 2),
        ("size~isEmpty", False),
    ],
)
def test_lists_can_be_transformed(step: str, value: object) -> None:
    state, [one], _ = world()
    viewer = Viewer(state, one.creator, "http://x/api")
    assert render("42", KIND, f"userMessages~{step}", one, viewer) == {"userMessages": value}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("subject~size", {"subject": 5}),
        ("messageCount~size", {"messageCount": 1}),
        ("read~size", {"read": True}),
        ("subject~isEmpty", {"subject": "first"}),
        ("subject~pluck(id)", {"subject": "first"}),
        ("lastSender~keyBy(username)[username]", {"lastSender": {"username": "clerk"}}),
        ("favorites~keyBy", {"favorites": {}}),
        ("messages~pluck(text)[text]", {"messages": ["text"]}),
        ("messages~keyBy(text)[text]", {"messages": {"text": {"text": "text"}}}),
        ("messages~keyBy(colour)[text]", {"messages": {}}),
        ("userMessages~keyBy(followUp)[followUp]", {"userMessages": {"false": [{"followUp": False}] * 2}}),
        ("access[read,colour]", {"access": {"read": True}}),
        ("sharing[external]", {"sharing": {"external": False}}),
        ("sharing[users]", {"sharing": {"users": {}}}),
        ("messages[text,!text]", {"messages": [{}]}),
        ("messages[text]~size", {"messages": [{"text": "text"}]}),
    ],
)
def test_what_is_written_of_a_conversation(fields: str, expected: dict[str, Any]) -> None:
    state, [one], _ = world()
    assert render("42", KIND, fields, one, Viewer(state, one.creator, "http://x/api")) == expected


def test_only_what_is_stored_is_given_of_mail() -> None:
    names = "id created lastUpdated createdBy subject lastSender lastMessage userMessages messages messageCount"
    for preset in (":owner", ":persisted"):
        _, [one], viewer = world()
        found = render("42", KIND, f"{preset},messages[{preset}]", one, viewer)
        assert found.keys() == {*names.split(), "messageType", "priority", "status"}
        [message] = found["messages"]
        assert message.keys() == {
            *["id", "created", "lastUpdated", "text", "metaData", "sender", "internal", "attachments"]
        }


def test_where_nothing_that_is_asked_for_is_known_there_is_what_is_given_without_brackets() -> None:
    _, [one], viewer = world()
    for name in ("messages", "sharing", "userMessages", "lastSender"):
        whole = render("42", KIND, name, one, viewer)
        assert render("42", KIND, f"{name}[colour]", one, viewer) == whole


@pytest.mark.parametrize(
    ("texts", "given"),
    [
        (["*"], (True, True, True)),
        (["*,id"], (False, False, True)),
        (["id", "*"], (True, True, True)),
        ([":simple,!subject"], (True, True, True)),
        (["id,:simple"], (False, False, True)),
        (["id"], (False, False, False)),
        (["href"], (True, True, True)),
    ],
)
def test_who_asks_for_all_gets_the_address_too(texts: list[str], given: tuple[bool, ...]) -> None:
    found = []
    for version in VERSIONS:
        _, [one], viewer = world(version)
        found.append("href" in render(version, KIND, texts, one, viewer))
    assert tuple(found) == given


# -- filters -----------------------------------------------------------------------------------------------------------


def left(subjects: list[str], *texts: str, junction: str = "AND", cut: bool = False) -> list[str]:
    _, sent, viewer = world("42", tuple(subjects))
    test = matching(filters("42", KIND, texts, cut=cut), junction)
    return [one.subject for one in sent if test(one, viewer)]


@given(st.lists(words, max_size=8), words.filter(bool), st.sampled_from(["eq", "like", "ilike", "in", "token"]))
def test_a_filter_and_its_opposite_share_out_all(subjects: list[str], argument: str, operator: str) -> None:
    value = f"[{argument}]" if operator == "in" else argument
    one, other = (left(subjects, f"subject:{sign}{operator}:{value}") for sign in ("", "!"))
    assert sorted(one + other) == sorted(subjects)


@given(st.lists(words, max_size=8), words.filter(bool))
def test_comparisons_agree_with_each_other(subjects: list[str], argument: str) -> None:
    found = {name: left(subjects, f"subject:{name}:{argument}") for name in ("gt", "ge", "lt", "le", "eq", "ieq")}
    assert sorted(found["gt"] + found["eq"]) == sorted(found["ge"])
    assert sorted(found["lt"] + found["eq"]) == sorted(found["le"])
    assert sorted(found["lt"] + found["ge"]) == sorted(subjects)
    assert set(found["eq"]) <= set(found["ieq"])
    assert set(left(subjects, f"subject:like:{argument}")) <= set(left(subjects, f"subject:ilike:{argument}"))


@given(st.lists(words, max_size=6), words.filter(bool), words.filter(bool))
def test_and_is_both_and_or_is_either(subjects: list[str], one: str, other: str) -> None:
    texts = (f"subject:like:{one}", f"subject:like:{other}")
    alone = [set(left(subjects, text)) for text in texts]
    assert set(left(subjects, *texts)) == alone[0] & alone[1]
    assert set(left(subjects, *texts, junction="OR")) == alone[0] | alone[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject", "Invalid filter => subject"),
        ("colour:eq:1", "Unknown path property: colour"),
        ("lastSender.colour:eq:1", "Unknown path property: lastSender.colour"),
        ("subject:EQ:1", "`EQ` is not a valid operator."),
        ("subject:in:a", "Collection size must be integer `a`"),
        ("subject:in", "Invalid argument `null` for in operator."),
        ("messageCount:in:[]", "Unable to parse `` as `Integer`."),
        ("messageCount:eq:1_0", "Unable to parse `1_0` as `Integer`."),
        ("messageCount:eq:9999999999", "Unable to parse `9999999999` as `Integer`."),
        ("messages:in:[x]", "Unable to parse `x` to `Message`."),
        ("messages:gt:many", "Collection size must be integer `many`"),
        ("assignee:eq:x", "Unable to parse `x` to `User`."),
        ("sharing:eq:x", "Unable to parse `x` to `Sharing`."),
        (
            "subject.id:eq:1",
            "Simple type was found before finished parsing path expression, please check your path string.",
        ),
        (":eq:1", "Unknown path property: "),
        ("subject:", "Invalid filter => subject:"),
        ("created:like:soon", "Unable to parse `soon` as `Date`."),
        ("created:gt:20200101", "Unable to parse `20200101` as `Date`."),
        (
            "priority:eq:SOON",
            "Unable to parse `SOON` as `class org.hisp.dhis.message.MessageConversationPriority`, available values are: [NONE, LOW, MEDIUM, HIGH]",
        ),
        ("subject:near:1", "`near` is not a valid operator."),
        ("created:gt:soon", "Unable to parse `soon` as `Date`."),
        ("messageCount:gt:many", "Unable to parse `many` as `Integer`."),
    ],
)
def test_a_filter_that_is_none_is_said(text: str, said: str) -> None:
    with pytest.raises(QueryError) as refused:
        left(["a"], text)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("subject:like:a", ["a", "ab"]),
        ("subject:$ilike:A", ["a", "ab"]),
        ("subject:like$:b", ["b", "ab"]),
        ("subject:startsWith:a", ["a", "ab"]),
        ("subject:endsWith:B", ["b", "ab"]),
        ("subject:eq", []),
        ("identifiable:eq:ab", ["ab"]),
        ("messages:!empty", ["a", "b", "ab"]),
        ("subject:in:[a,b]", ["a", "b"]),
        ("assignee:null", ["a", "b", "ab"]),
        ("assignee:!null", []),
        ("messages:empty", []),
        ("messages.text:eq:text", ["a", "b", "ab"]),
        ("messageCount:ge:1", ["a", "b", "ab"]),
        ("messageCount:in:[2,3]", []),
        ("created:gt:2020-01-01", ["a", "b", "ab"]),
        ("created:lt:2020-01-01T10:00", []),
        ("read:eq:true", ["a", "b", "ab"]),
        ("userMessages.user.username:eq:nurse", ["a", "b", "ab"]),
        ("userMessages.user.username:!eq:nurse", ["a", "b", "ab"]),
        ("userMessages.user.username:!in:[clerk,nurse]", []),
        ("messages.text:!like:ext", []),
        ("assignee.id:!eq:aBcDeFgHiJk", ["a", "b", "ab"]),
        ("assignee.id:!like:x", []),
        ("assignee.username:!in:[x]", ["a", "b", "ab"]),
        ("subject:!eq", ["a", "b", "ab"]),
        ("subject:in:[]", []),
        ("subject:in:[b, a]", ["b"]),
        ("read:eq:TRUE", ["a", "b", "ab"]),
        ("read:eq:yes", []),
        ("read:like:true", []),
        ("created:gt:2020", ["a", "b", "ab"]),
        ("created:lt:2020-01", []),
        ("userMessages:eq:2", ["a", "b", "ab"]),
        ("userMessages:gt:2", []),
        ("description:eq:x", []),
        ("description:null", ["a", "b", "ab"]),
        ("sharing.external:eq:false", ["a", "b", "ab"]),
    ],
)
def test_operators(text: str, found: list[str]) -> None:
    assert selected("42", text) == found


def selected(version: str, text: str) -> list[str]:
    _, sent, viewer = world(version, ("a", "b", "ab"))
    everything = Viewer(viewer.state, viewer.user, viewer.root, listing=True, filtering=True)
    [test] = filters(version, KIND, [text], cut=False)
    return [one.subject for one in sent if test(one, everything)]


@pytest.mark.parametrize(
    ("text", "in_memory", "by_the_database"),
    [("userMessages:eq:2", 0, 3), ("userMessages:!eq:2", 3, 0), ("messages:empty", 0, 0)],
)
def test_what_a_list_holds_is_counted_by_the_database_alone(text: str, in_memory: int, by_the_database: int) -> None:
    assert [len(selected(version, text)) for version in VERSIONS] == [in_memory, in_memory, by_the_database]


@pytest.mark.parametrize(
    ("value", "argument", "found"),
    [
        ("Stock count of May", "count", True),
        ("Stock count of May", "oun", True),
        ("Stock count of May", "co sto", True),
        ("Stock count of May", "ount stock", False),
        ("Stock-count: May", "stock.may", True),
    ],
)
def test_several_words_are_each_the_beginning_of_one(value: str, argument: str, found: bool) -> None:
    for version in VERSIONS:
        _, [one], viewer = world(version)
        one.messages[0].text = value
        assert search(version, KIND, argument, "token")(one, viewer) is found


def test_a_comma_may_end_a_filter() -> None:
    assert left(["a", "b"], "subject:eq:a, or so", cut=True) == ["a"]
    assert left(["a", "b"], "subject:eq:a, or so") == []
    assert left(["a", "b"], "subject:in:[a,b],subject:eq:b", cut=True) == ["b"]


def test_every_operator_is_tried() -> None:
    for name in OPERATORS:
        left(["a"], f"subject:{name}:[a]" if name == "in" else f"subject:{name}:a")


# -- orders ------------------------------------------------------------------------------------------------------------


@given(st.lists(words, max_size=8))
def test_orders_sort_and_turn_round(subjects: list[str]) -> None:
    _, sent, viewer = world("42", tuple(subjects))

    def sorted_by(*orders: str) -> list[str]:
        return [one.subject for one in ordered("42", KIND, sent, orders, viewer, default=["id"])]

    assert sorted_by("subject:asc") == sorted(subjects) == sorted_by("subject")
    assert sorted_by("subject:desc") == sorted(subjects, reverse=True)
    assert [one.lower() for one in sorted_by("subject:iasc")] == sorted(one.lower() for one in subjects)
    assert sorted_by("created:desc") == subjects[::-1] == sorted_by("messageType:asc,created:desc")
    by_uid = [one.subject for one in sorted(sent, key=lambda one: one.uid)]
    assert sorted_by() == by_uid == sorted_by("colour:asc") == sorted_by("messages:asc") == sorted_by("subject:up")
    assert sorted_by("subject:desc:x") == sorted_by("subject:") == sorted(subjects)


# -- pages -------------------------------------------------------------------------------------------------------------


def walked(objects: list[int], page_size: int) -> Iterator[tuple[Pager, list[int]]]:
    page: int | None = 1
    for _ in range(len(objects) + 2):
        if page is None:
            return
        pager, found = page_of(objects, page, page_size, empty_past_last=True)
        yield pager, list(found)
        link: Any = pager.written("/x", [("page", "7"), ("fields", "a[b]")]).get("nextPage")
        page = int(dict(parse_qsl(urlsplit(link).query))["page"]) if link else None
    raise AssertionError("the pages do not end")


@given(st.integers(0, 60), st.integers(1, 12))
def test_the_pages_are_all_there_is(count: int, page_size: int) -> None:
    objects = list(range(count))
    pages = list(walked(objects, page_size))
    assert [one for _, page in pages for one in page] == objects
    assert all(pager.total == count for pager, _ in pages)
    assert len(pages) == max(pages[0][0].page_count, 1)
    assert all(len(page) == page_size for _, page in pages[:-1])


@given(st.integers(0, 30), st.integers(-3, 40), st.integers(1, 7))
def test_past_the_last_page_there_is_nothing_or_the_last_again(count: int, page: int, page_size: int) -> None:
    objects = list(range(count))
    pager, empty = page_of(objects, page, page_size, empty_past_last=True)
    _, again = page_of(objects, page, page_size, empty_past_last=False)
    assert 1 <= pager.page <= max(pager.page_count, 1)
    if page > max(pager.page_count, 1):
        assert list(empty) == []
        assert list(again) == objects[(pager.page - 1) * page_size :]
    else:
        assert list(empty) == list(again)


def test_links_leave_out_what_need_not_be_said() -> None:
    query = [("fields", "a[b],*~c d"), ("page", "2"), ("pageSize", "50"), ("filter", "x"), ("filter", "y")]
    written_ = Pager(2, 50, 140).written("/x", query)
    assert written_["prevPage"] == "/x?fields=a%5Bb%5D%2C*%7Ec+d&filter=x&filter=y"
    assert written_["nextPage"] == "/x?page=3&fields=a%5Bb%5D%2C*%7Ec+d&filter=x&filter=y"


# -- where a value begins ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "where"),
    [
        ('{"a": 1}', ("a",), 7),
        ('{"b":"x","a":[1, {"c":2}]}', ("a", 1), 18),
        (' {"b" : [ ] , "a" : {"c":"d"}}', ("a", "c"), 26),
        ("[]", (), 1),
    ],
)
def test_the_column_of_a_value(text: str, path: tuple[str | int, ...], where: int) -> None:
    assert column(text, path) == where
