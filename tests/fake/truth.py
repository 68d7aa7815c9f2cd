"""Recorded exchanges against the fake: the requests are sent to it, its answers are held against the recorded ones."""

from __future__ import annotations

import copy
import json
import re
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import httpx
from attrs import Factory, define, evolve, field, frozen

from dhis2_facade.testing.server import FakeDhis2
from dhis2_facade.testing.state import State, User, random_uid
from tests.support.cast import ACTORS
from tests.support.exchanges import HOST, ORDER, Exchange, exchanges, ids, scenarios, whole

AGENT = re.compile(rb'"userAgent":"([^"]+)"')
UID = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]{10}(?![A-Za-z0-9])")
WORD = re.compile(r"(?<![.A-Za-z])[A-Za-z]{3,}")
"""A word that may be another; the ending of a file's name stays."""
ANY_OF_ITS_KIND = (
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"),
    re.compile(r"\d+ h, \d+ m, \d+ s"),
    re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
)
MASKED = re.compile(r"masked|<\w+>")
TEXTS = frozenset(
    [
        "subject",
        "text",
        "name",
        "displayName",
        "username",
        "firstName",
        "surname",
        "email",
        "code",
        "shortName",
        "displayShortName",
        "displayFormName",
        "userFirstname",
        "userSurname",
        "lastSenderFirstname",
        "lastSenderSurname",
    ]
)
"""Properties that hold words of people."""
UNORDERED = frozenset(
    [
        "userMessages",
        "attachments",
        "userGroups",
        "organisationUnits",
        "authorities",
        "removed",
        "markedRead",
        "markedUnread",
        "markedFollowup",
        "unmarkedFollowup",
        "users",
    ]
)
"""Sets on the server, whose order is of no meaning: by random keys, or as the rows lie in the database."""
IN_JSON = re.compile(r'("(?:subject|text|username)"\s*:\s*")((?:[^"\\]|\\.)*)')
IN_FORM = re.compile(r'(filename=")([^"]*)')
OF_PEOPLE = re.compile(r"(subject|text|name|displayName|username):")
"""Filters on words of people."""
WRITTEN = re.compile(r"/messageConversations/(feedback|\w{11})$")
"""Where a body is text, whatever it says it is."""
IN_XML = re.compile(r"(<(?:subject|text)>)([^<]*)")


# -- what the recordings say of their world ----------------------------------------------------------------------------


@define
class World:
    """The actors, the group, the unit and what they are called, as the recordings show them."""

    version: str
    ids: dict[str, str]
    known: dict[str, dict[str, Any]] = field(factory=dict)
    roles: dict[str, str] = field(factory=dict)
    uids: list[str] = field(factory=list)
    words: set[str] = field(factory=set)
    agent: str = ""

    def name(self, key: str) -> str:
        known = self.known[self.ids[key]]
        return str(known.get("name") or known["displayName"])


def read_world(version: str) -> World:
    world = World(version, ids(version))
    world.known = {uid: {} for uid in world.ids.values()}
    uids = set(world.ids.values())
    for exchange in exchanges(version):
        location = exchange.headers.get("location", "").rpartition("/")[2]
        uids |= {location} if UID.fullmatch(location) else set()
        found = AGENT.search(exchange.body)
        world.agent = world.agent or (found[1].decode() if found else "")
        if exchange.body and exchange.media_type == "application/json":
            for one in _objects(exchange.json()):
                uids |= {str(one[key]) for key in ("id", "uid") if UID.fullmatch(str(one.get(key)))}
                if one.get("id") in world.known:
                    world.known[one["id"]] |= {name: one[name] for name in one.keys() & TEXTS if one[name]}
                    for role in one.get("userRoles", ()):
                        if "name" in role and "username" in one:
                            world.roles[one["id"]] = role["name"]
        world.words |= _written(exchange)
    world.uids = sorted(uids)
    for key in world.ids:
        world.words |= set(WORD.findall(" ".join(str(value) for value in world.known[world.ids[key]].values())))
    return world


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(one)


def _written(exchange: Exchange) -> set[str]:
    """The words that people wrote in this request."""
    text = exchange.request_body.decode("latin-1")
    kind = exchange.request_headers.get("content-type", "")
    found = [json.loads(f'"{one[1]}"') for one in IN_JSON.findall(text)] + [one[1] for one in IN_XML.findall(text)]
    found += [value for name, value in exchange.query if name == "subject"]
    if WRITTEN.search(exchange.path) and kind.startswith("text/plain"):
        found.append(text)
    return {word for one in found for word in WORD.findall(one)}


# -- other names, other words, other uids ------------------------------------------------------------------------------


def _other_word(word: str) -> str:
    """Another word of the same length that is sorted alike: only what follows the second letter changes."""

    def turned(letter: str) -> str:
        first = ord("a" if letter.islower() else "A")
        return chr((ord(letter) - first + 13) % 26 + first)

    return word[:2] + "".join(map(turned, word[2:]))


@define
class Disguise:
    """The world under other names: uids that sort alike, words of the same length."""

    uids: dict[str, str]
    words: dict[str, str]

    @classmethod
    def none(cls, world: World) -> Disguise:
        return cls({uid: uid for uid in world.uids}, {})

    @classmethod
    def full(cls, world: World) -> Disguise:
        others = sorted(random_uid() for _ in world.uids)
        words = {word.lower() for word in world.words}
        spellings = {spelling for word in words for spelling in (word, word.title(), word.upper())}
        return cls(dict(zip(world.uids, others, strict=True)), {word: _other_word(word) for word in spellings})

    def text(self, text: str) -> str:
        if not self.words:
            return text
        return WORD.sub(lambda found: self.words.get(found[0], found[0]), text)

    def query(self, name: str, value: str) -> str:
        if name == "filter":
            *asked, argument = value.split(":", 2)
            return ":".join([*asked, self.text(argument)]) if len(asked) == 2 and OF_PEOPLE.search(value) else value
        return self.text(value) if name in {"subject", "query", "queryString"} else value

    def body(self, path: str, body: bytes) -> bytes:
        if not self.words:
            return body
        text = body.decode("latin-1")
        if WRITTEN.search(path):
            text = self.text(text)
        else:
            text = IN_JSON.sub(lambda found: found[1] + json.dumps(self.text(json.loads(f'"{found[2]}"')))[1:-1], text)
            for pattern in (IN_XML, IN_FORM):
                text = pattern.sub(lambda found: found[1] + self.text(found[2]), text)
        return text.encode("latin-1")


# -- one server that the exchanges are tried on ------------------------------------------------------------------------


@frozen
class Verdict:
    """What differs, if anything, in the answer to one request."""

    exchange: Exchange
    differences: list[str]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.exchange.version, self.exchange.scenario, self.exchange.step


@define
class Replay:
    """A server with the world of the recordings, and what was learnt so far of which uid is which."""

    server: FakeDhis2
    world: World
    disguise: Disguise
    known: dict[str, str] = field(factory=dict)
    coming: deque[str] = field(factory=deque)
    foreseen: set[str] = field(factory=set)
    session: str = ""
    token: str = ""
    state: State | None = None
    """Only of a snapshot: what the server had then."""
    client: httpx.Client = Factory(lambda: httpx.Client(timeout=10))

    def seed(self) -> None:
        """What record.py prepares."""
        world, state = self.world, State(self.server.state.superuser_authorities)
        state.new_uid = self.new_uid
        roles = {actor: world.roles.get(world.ids[actor]) for actor in ACTORS}
        superusers = state.add_role(self.disguise.text(roles["admin"] or "Superuser"), state.superuser_authorities)
        plain = next((name for actor, name in roles.items() if name and actor != "admin"), "Clerk")
        clerks = state.add_role(self.disguise.text(plain), ["M_dhis-web-messaging"])
        unit = state.add_unit(self._name("unit"), uid=self._uid("unit"))
        people = {}
        for actor in ACTORS:
            known = {name: self.disguise.text(str(value)) for name, value in world.known[world.ids[actor]].items()}
            first, _, last = known.get("name", known.get("displayName", "x y")).partition(" ")
            people[actor] = state.add_user(
                known["username"],
                f"secret of {actor}",
                first_name=known.get("firstName", first),
                surname=known.get("surname", last),
                role=superusers if actor == "admin" else clerks,
                uid=self._uid(actor),
                email=known.get("email"),
                code=known.get("code"),
                units=[unit] if actor in {"clerk", "nurse"} else [],
            )
        state.add_group(self._name("group"), [people["clerk"], people["nurse"]], uid=self._uid("group"))
        feedback = state.add_group(
            self._name("feedback"), [people["admin"], people["clerk"]], uid=self._uid("feedback")
        )
        state.feedback_group = feedback
        self.use(state)

    def use(self, state: State) -> None:
        state.later = self.server._later
        self.server.state = self.server._app.state = state

    def _uid(self, key: str) -> str:
        recorded = self.world.ids[key]
        return self.known.setdefault(recorded, self.disguise.uids[recorded])

    def _name(self, key: str) -> str:
        return self.disguise.text(self.world.name(key))

    def new_uid(self) -> str:
        return self.coming.popleft() if self.coming else random_uid()

    def snapshot(self) -> Replay:
        apart = {id(one): one for one in (self.server, self, self.client)}
        state = copy.deepcopy(self.server.state, apart)
        return evolve(self, state=state, known=dict(self.known), foreseen=set(self.foreseen))

    def restore(self, snapshot: Replay) -> None:
        assert snapshot.state is not None
        self.known, self.foreseen = snapshot.known, snapshot.foreseen
        self.session, self.token = snapshot.session, snapshot.token
        self.use(snapshot.state)

    def actor(self, name: str) -> User:
        return self.server.state.users[self._uid(name)]

    def empty_mailboxes(self) -> None:
        """As record.py does before it begins."""
        state = self.server.state
        for user in state.users.values():
            for conversation in state.mail_of(user):
                state.remove_participant(conversation, user)

    def others_write(self) -> None:
        """Mail of other people is around."""
        state = self.server.state
        role = next(iter(state.roles.values()))
        one, two = (
            state.add_user(f"stranger{n}", "x", first_name=f"S{n}", surname="Ranger", role=role) for n in range(2)
        )
        for n in range(30):
            mail = state.send(one, f"strange {n}", "of others", "x", recipients=[two])
            state.reply(mail, two, "again", "x")

    def others_leave(self) -> None:
        """Only their accounts: a list of users is of everybody."""
        users = self.server.state.users
        for uid in [uid for uid, user in users.items() if user.username.startswith("stranger")]:
            del users[uid]

    # -- asking --------------------------------------------------------------------------------------------------------

    def run(self, scenario: str) -> list[Verdict]:
        return [self.try_one(exchange) for exchange in exchanges(self.world.version, scenario)]

    def try_one(self, exchange: Exchange) -> Verdict:
        request = self.request(exchange)
        self._foresee(exchange)
        response = self.client.send(request)
        self.client.cookies.clear()
        self.coming.clear()
        cookie = response.cookies.get("JSESSIONID")
        if cookie and response.status_code < 400:
            self.session = cookie
        if response.content and response.headers.get("content-type", "").startswith("application/json"):
            key = next((one["key"] for one in _objects(response.json()) if "klass" in one and "key" in one), None)
            self.token = key or self.token
        return Verdict(exchange, list(self.differences(exchange, response)))

    def _foresee(self, exchange: Exchange) -> None:
        """An object that is made now gets the uid it had, or the one that stands for it: lists are sorted by them."""
        uids = [exchange.headers.get("location", "").rpartition("/")[2]]
        if exchange.body and exchange.media_type == "application/json" and exchange.method == "POST":
            uids += [str(one.get(key)) for one in _objects(exchange.json()) for key in ("id", "uid")]
        if exchange.path.endswith("/feedback") and exchange.status == 201 and not uids[0]:
            uids += self._seen_later(exchange)
        for uid in dict.fromkeys(uids):
            if uid not in self.known and uid not in self.foreseen and uid in self.disguise.uids:
                self.foreseen.add(uid)
                self.coming.append(self.disguise.uids[uid])
                break

    def _seen_later(self, made: Exchange) -> list[str]:
        """The conversations of later answers of the scenario: one of them was made without telling its uid (17)."""
        later = list(exchanges(self.world.version, made.scenario))
        later = later[later.index(made) :]
        bodies = [one.json() for one in later if one.body and one.media_type == "application/json"]
        return [one["id"] for body in bodies for one in body.get("messageConversations", ()) if "id" in one]

    def translated(self, text: str) -> str:
        return UID.sub(lambda found: self.known.get(found[0]) or self.disguise.uids.get(found[0], found[0]), text)

    def request(self, exchange: Exchange) -> httpx.Request:
        headers = {n: v for n, v in exchange.request_headers.items() if n not in {"content-length", "host"}}
        headers.setdefault("user-agent", self.world.agent)
        kind = headers.get("content-type", "")
        if "authorization" in headers:
            headers["authorization"] = self._authorization(exchange.actor, headers["authorization"])
        if "cookie" in headers:
            headers["cookie"] = headers["cookie"].replace("<session>", self.session)
        split = urlsplit(exchange.uri)
        target, query = self.translated(split.path), split.query
        pairs = [(name, self.translated(self.disguise.query(name, value))) for name, value in exchange.query]
        if pairs != exchange.query:
            query = urlencode(pairs)
        target += f"?{query}" if query else ""
        url = httpx.URL(self.server.url).copy_with(raw_path=target.encode())
        body = self.disguise.body(exchange.path, whole(exchange, kind))
        body = self.translated(body.decode("latin-1")).encode("latin-1")
        if b"<password>" in body:
            user = self.server.state.user_named(json.loads(body)["username"])
            body = body.replace(b"<password>", b"" if user is None else user.password.encode())
        request = httpx.Request(exchange.method, url, headers=headers, content=body)
        for name in ("accept-encoding", "connection"):
            request.headers.pop(name, None)
        if not body and exchange.request_headers.get("content-length") != "0":
            request.headers.pop("content-length", None)
        return request

    def _authorization(self, actor: str, recorded: str) -> str:
        scheme = recorded.partition(" ")[0]
        if actor == "nobody":
            return f"{scheme} bm9ib2R5OndobwDx" if scheme == "Basic" else f"{scheme} nonsense"
        if scheme == "ApiToken":
            return f"{scheme} {self.token}"
        user = self.actor(actor)
        return f"{scheme} {b64encode(f'{user.username}:{user.password}'.encode()).decode()}"

    # -- comparing -----------------------------------------------------------------------------------------------------

    def differences(self, exchange: Exchange, response: httpx.Response) -> Iterator[str]:
        if response.status_code != exchange.status:
            yield f"status {response.status_code}, recorded {exchange.status}"
        types = [one.get("content-type", "").replace(" ", "") for one in (response.headers, exchange.headers)]
        if types[0] != types[1]:
            yield f"content type {types[0]!r}, recorded {types[1]!r}"
        yield from self._header_differences(exchange, response)
        if _is_page(exchange):
            return
        if exchange.media_type == "application/json" and exchange.body:
            try:
                got = response.json()
            except ValueError:
                yield f"no JSON: {response.content[:100]!r}"
                return
            yield from self._compare(exchange.json(), got, "", self.known)
        elif exchange.body != response.content:
            yield f"body {response.content[:100]!r}, recorded {exchange.body[:100]!r}"

    def _header_differences(self, exchange: Exchange, response: httpx.Response) -> Iterator[str]:
        recorded = exchange.headers
        where = urlsplit(response.headers.get("location", "")).path
        expected = urlsplit(recorded.get("location", "")).path
        last = expected.rpartition("/")[2]
        if last in self.disguise.uids and last not in self.known:
            self.known[last] = where.rpartition("/")[2]
        if where != self.translated(expected):
            yield f"Location {where!r}, recorded {expected!r}"
        for name in ("content-disposition", "www-authenticate"):
            got, wanted = _raw(response, name), recorded.get(name, "")
            if got != (self.disguise.text(wanted) if name == "content-disposition" else wanted):
                yield f"{name} {got!r}, recorded {wanted!r}"
        allow = [
            set(filter(None, one.split(","))) for one in (response.headers.get("allow", ""), recorded.get("allow", ""))
        ]
        if allow[0] != allow[1]:
            yield f"Allow {allow[0]}, recorded {allow[1]}"
        cookies = [
            one.partition("=")[0] for one in (response.headers.get("set-cookie", ""), recorded.get("set-cookie", ""))
        ]
        if cookies[0] != cookies[1]:
            yield f"cookie {cookies[0]!r}, recorded {cookies[1]!r}"

    def _compare(self, recorded: Any, got: Any, path: str, known: dict[str, str]) -> Iterator[str]:
        if isinstance(recorded, dict) and isinstance(got, dict):
            for name in recorded.keys() - got.keys():
                yield f"{path}.{name} is missing"
            for name in got.keys() - recorded.keys():
                yield f"{path}.{name} is too much: {got[name]!r}"
            for name in sorted(recorded.keys() & got.keys(), key=lambda name: (name != "id", name)):
                yield from self._compare(recorded[name], got[name], f"{path}.{name}", known)
        elif isinstance(recorded, list) and isinstance(got, list):
            if len(recorded) != len(got):
                yield f"{path} has {len(got)}, recorded {len(recorded)}: {got!r:.300}"
            elif path.rpartition(".")[2] in UNORDERED:
                yield from self._compare_sets(recorded, got, path, known)
            else:
                for n, (one, other) in enumerate(zip(recorded, got, strict=True)):
                    yield from self._compare(one, other, f"{path}[{n}]", known)
        elif isinstance(recorded, str) and isinstance(got, str):
            if not self._same_text(recorded, got, path, known):
                yield f"{path} is {got!r}, recorded {recorded!r}"
        elif recorded != got or type(recorded) is not type(got):
            yield f"{path} is {got!r}, recorded {recorded!r}"

    def _compare_sets(self, recorded: list[Any], got: list[Any], path: str, known: dict[str, str]) -> Iterator[str]:
        left = list(got)
        for one in recorded:
            for other in left:
                tried = dict(known)
                if not any(self._compare(one, other, f"{path}[]", tried)):
                    known.update(tried)
                    left.remove(other)
                    break
            else:
                yield f"{path} lacks {one!r:.200}, has {left!r:.300}"

    def _same_text(self, recorded: str, got: str, path: str, known: dict[str, str]) -> bool:
        if MASKED.fullmatch(recorded) or any(one.fullmatch(recorded) and one.fullmatch(got) for one in ANY_OF_ITS_KIND):
            return True
        if UID.fullmatch(recorded) and recorded in self.disguise.uids:
            if recorded not in known and UID.fullmatch(got):
                known[recorded] = got
            return known.get(recorded) == got
        if recorded.startswith(HOST) and "?" in recorded:
            return self._same_link(recorded, got)
        name = path.rpartition(".")[2]
        expected = recorded.replace(HOST, self.server.url)
        if name in TEXTS:
            expected = self.disguise.text(expected)
        elif name == "message":
            for actor in ACTORS:
                expected = expected.replace(self.world.name(actor), self._name(actor))
        return self.translated(expected) == got

    def _same_link(self, recorded: str, got: str) -> bool:
        one, other = urlsplit(recorded), urlsplit(got)
        pairs = [
            (n, self.translated(self.disguise.query(n, v))) for n, v in parse_qsl(one.query, keep_blank_values=True)
        ]
        java = "&".join(f"{n}={quote_plus(v, safe='*').replace('~', '%7E')}" for n, v in pairs)
        return self.translated(one.path) == other.path and java == other.query


def _raw(response: httpx.Response, name: str) -> str:
    """The header as UTF-8, in which file names come (27)."""
    return b", ".join(value for key, value in response.headers.raw if key.lower() == name.encode()).decode("utf-8")


def _is_page(exchange: Exchange) -> bool:
    """An answer of the container, of which only the kind is held."""
    return exchange.media_type == "text/html" or b'"servlet":' in exchange.body


# -- all of it ---------------------------------------------------------------------------------------------------------


def replayed(version: str, *, disguised: bool) -> list[Verdict]:
    """Every recorded exchange of a version, in order, on one server."""
    world = read_world(version)
    disguise = Disguise.full(world) if disguised else Disguise.none(world)
    recorded = scenarios(version)
    ordered = [*(name for name in ORDER if name in recorded), *(name for name in recorded if name not in ORDER)]
    verdicts: list[Verdict] = []
    with FakeDhis2(version=version) as server:
        replay = Replay(server, world, disguise)
        replay.seed()
        for scenario in ordered:
            if scenario == "lookups":
                replay.others_leave()
            verdicts += better(replay, scenario)
            if scenario == "journey" and disguised:
                replay.others_write()
        replay.client.close()
    return verdicts


def better(replay: Replay, scenario: str) -> list[Verdict]:
    """record.py empties all mailboxes whenever it is started, and the recordings do not say when that was."""
    before = replay.snapshot()
    went_on = replay.run(scenario)
    if not any(one.differences for one in went_on):
        return went_on
    after = replay.snapshot()
    replay.restore(before)
    replay.empty_mailboxes()
    started = replay.run(scenario)
    if agreeing(started) > agreeing(went_on):
        return started
    replay.restore(after)
    return went_on


def agreeing(verdicts: list[Verdict]) -> int:
    return sum(not one.differences for one in verdicts)


def shares(verdicts: list[Verdict]) -> Iterator[str]:
    """Lines that say how much agrees, a scenario each."""
    total = Counter(one.exchange.scenario for one in verdicts)
    agreed = Counter(one.exchange.scenario for one in verdicts if not one.differences)
    for scenario, count in total.items():
        yield f"{scenario:16} {agreed[scenario]:4} of {count:4}  {agreed[scenario] / count:7.1%}"
    yield f"{'all':16} {agreed.total():4} of {total.total():4}  {agreed.total() / total.total():7.1%}"
