"""What the server keeps, in memory: people, conversations, files, tokens."""

from __future__ import annotations

import hashlib
import secrets
import string
import uuid
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from attrs import define, field

from .refusals import Refused

__all__ = [
    "Constant",
    "Conversation",
    "FileResource",
    "Message",
    "OrganisationUnit",
    "State",
    "Token",
    "User",
    "UserGroup",
    "UserMessage",
    "UserRole",
]

SUPERUSER = "ALL"
MESSAGE_ATTACHMENT = "MESSAGE_ATTACHMENT"
COLUMN = 255  # characters that the database keeps of a subject, and of a message's metaData
SESSIONS = 10_000  # kept at most
_LETTERS = string.ascii_letters
_ALPHABET = string.ascii_letters + string.digits
_CHECKSUM = 10  # digits at the end of a token


def random_uid() -> str:
    """A letter, then ten letters or digits."""
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def new_session() -> str:
    """The id of a session."""
    return secrets.token_hex(16).upper()


def new_token() -> str:
    """A personal access token with its checksum."""
    start = "d2pat_" + "".join(secrets.choice(_ALPHABET) for _ in range(32))
    return start + checksum(start)


def checksum(start: str) -> str:
    """The last digits of a token that begins so."""
    return str(zlib.crc32(start.encode())).zfill(_CHECKSUM)


def well_formed(token: str) -> bool:
    """Whether the checksum of a token is right."""
    return token.startswith("d2pat_") and token[-_CHECKSUM:] == checksum(token[:-_CHECKSUM])


@define(eq=False, kw_only=True)
class Thing:
    """Whatever has a uid."""

    uid: str
    created: str
    last_updated: str


@define(eq=False, kw_only=True)
class UserRole(Thing):
    """What its users may do."""

    name: str
    authorities: frozenset[str]


@define(eq=False, kw_only=True)
class User(Thing):
    """Somebody who can log in."""

    username: str
    password: str
    first_name: str
    surname: str
    role: UserRole
    email: str | None = None
    code: str | None = None
    units: list[OrganisationUnit] = field(factory=list)
    last_login: str | None = None

    @property
    def name(self) -> str:
        """The name that is shown."""
        return f"{self.first_name} {self.surname}"

    @property
    def manages_tickets(self) -> bool:
        """Whether internal notes are news to this user."""
        return bool({SUPERUSER, "F_MANAGE_TICKETS"} & self.role.authorities)

    @property
    def superuser(self) -> bool:
        """Whether everything is allowed."""
        return SUPERUSER in self.role.authorities


@define(eq=False, kw_only=True)
class UserGroup(Thing):
    """People who can be written to together."""

    name: str
    users: list[User] = field(factory=list)


@define(eq=False, kw_only=True)
class OrganisationUnit(Thing):
    """A place; its people can be written to together."""

    name: str


@define(eq=False, kw_only=True)
class FileResource(Thing):
    """An uploaded file."""

    name: str
    content_type: str
    content: bytes
    domain: str
    owner: User
    assigned: bool = False

    @property
    def md5(self) -> str:
        """Of the content, in hexadecimal digits."""
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest()


@define(eq=False, kw_only=True)
class Message(Thing):
    """One message of a conversation."""

    text: str | None
    metadata: str
    sender: User
    internal: bool = False
    attachments: list[FileResource] = field(factory=list)


@define(eq=False, kw_only=True)
class UserMessage:
    """Where one participant stands."""

    user: User
    read: bool
    follow_up: bool = False
    key: str = field(factory=lambda: str(uuid.uuid4()))


@define(eq=False, kw_only=True)
class Conversation(Thing):
    """A message conversation."""

    subject: str
    creator: User
    last_sender: User
    last_message: str
    message_type: str
    status: str
    priority: str = "NONE"
    message_count: int = 1
    assignee: User | None = None
    messages: list[Message] = field(factory=list)
    participants: dict[str, UserMessage] = field(factory=dict)

    def of(self, user: User) -> UserMessage | None:
        """Where this user stands, if taking part."""
        return self.participants.get(user.uid)

    def admits(self, user: User) -> bool:
        """Whether this user may read and act."""
        return user.superuser or user.uid in self.participants

    def add(self, users: Iterable[User]) -> None:
        """Let these take part too."""
        for user in users:
            self.participants.setdefault(user.uid, UserMessage(user=user, read=False))


@define(eq=False, kw_only=True)
class Token(Thing):
    """A personal access token."""

    key: str
    owner: User
    revoked: bool = False


@define(eq=False, kw_only=True)
class Constant(Thing):
    """A number with a name."""

    name: str | None
    short_name: str | None
    value: float


def _at_once(_delay: float, act: Callable[[], None]) -> None:
    act()


@define(eq=False)
class State:
    """Everything that one server keeps."""

    superuser_authorities: frozenset[str]
    new_uid: Callable[[], str] = random_uid
    later: Callable[[float, Callable[[], None]], None] = _at_once
    commit_delay: float = 0.0  # seconds
    users: dict[str, User] = field(factory=dict)
    roles: dict[str, UserRole] = field(factory=dict)
    groups: dict[str, UserGroup] = field(factory=dict)
    units: dict[str, OrganisationUnit] = field(factory=dict)
    conversations: dict[str, Conversation] = field(factory=dict)
    files: dict[str, FileResource] = field(factory=dict)
    tokens: dict[str, Token] = field(factory=dict)
    sessions: dict[str, User] = field(factory=dict)
    constants: dict[str, Constant] = field(factory=dict)
    feedback_group: UserGroup | None = None
    stored: int = 0
    """How many messages were stored so far."""
    _mail: dict[str, dict[str, Conversation]] = field(factory=dict)
    _last: datetime = field(factory=lambda: datetime.now(UTC))

    # -- time ----------------------------------------------------------------------------------------------------------

    def now(self) -> str:
        """The server's time (UTC, no zone), later by a millisecond at least whenever it is asked."""
        self._last = max(datetime.now(UTC), self._last + timedelta(milliseconds=1))
        return self._last.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._last.microsecond // 1000:03d}"

    # -- people --------------------------------------------------------------------------------------------------------

    def add_role(self, name: str, authorities: Iterable[str]) -> UserRole:
        """Make a role."""
        now = self.now()
        role = UserRole(
            uid=self.new_uid(), created=now, last_updated=now, name=name, authorities=frozenset(authorities)
        )
        self.roles[role.uid] = role
        return role

    def add_user(
        self,
        username: str,
        password: str,
        *,
        first_name: str,
        surname: str,
        role: UserRole,
        uid: str | None = None,
        email: str | None = None,
        code: str | None = None,
        units: Iterable[OrganisationUnit] = (),
    ) -> User:
        """Make a user."""
        now = self.now()
        user = User(
            uid=uid or self.new_uid(),
            created=now,
            last_updated=now,
            username=username,
            password=password,
            first_name=first_name,
            surname=surname,
            role=role,
            email=email,
            code=code,
            units=list(units),
        )
        self.users[user.uid] = user
        return user

    def add_group(self, name: str, users: Iterable[User], *, uid: str | None = None) -> UserGroup:
        """Make a user group."""
        now = self.now()
        group = UserGroup(uid=uid or self.new_uid(), created=now, last_updated=now, name=name, users=list(users))
        self.groups[group.uid] = group
        return group

    def add_unit(self, name: str, *, uid: str | None = None) -> OrganisationUnit:
        """Make an organisation unit."""
        now = self.now()
        unit = OrganisationUnit(uid=uid or self.new_uid(), created=now, last_updated=now, name=name)
        self.units[unit.uid] = unit
        return unit

    def user_named(self, username: str) -> User | None:
        """The user who logs in so."""
        return next((user for user in self.users.values() if user.username == username), None)

    def users_of(self, unit: OrganisationUnit) -> list[User]:
        """The people of an organisation unit."""
        return [user for user in self.users.values() if unit in user.units]

    def groups_of(self, user: User) -> list[UserGroup]:
        """The groups of a user."""
        return [group for group in self.groups.values() if user in group.users]

    def in_feedback_group(self, user: User) -> bool:
        """Whether this user gets feedback."""
        return self.feedback_group is not None and user in self.feedback_group.users

    def answers_feedback(self, user: User) -> bool:
        """Whether this user may see and write internal notes."""
        return user.superuser or self.in_feedback_group(user)

    def add_constant(self, name: str | None, short_name: str | None, value: float) -> Constant:
        """Make a constant."""
        now = self.now()
        constant = Constant(
            uid=self.new_uid(), created=now, last_updated=now, name=name, short_name=short_name, value=value
        )
        self.constants[constant.uid] = constant
        return constant

    def forget(self, one: Thing) -> None:
        """Let groups, units, sessions and tokens know nothing of it any more."""
        for group in self.groups.values():
            group.users = [user for user in group.users if user is not one]
        for user in self.users.values():
            user.units = [unit for unit in user.units if unit is not one]
        self.sessions = {key: user for key, user in self.sessions.items() if user is not one}
        self.tokens = {key: token for key, token in self.tokens.items() if token.owner is not one}
        if self.feedback_group is one:
            self.feedback_group = None

    # -- who one is ----------------------------------------------------------------------------------------------------

    def open_session(self, user: User) -> str:
        """The id of a new session."""
        while len(self.sessions) >= SESSIONS:
            self.sessions.pop(next(iter(self.sessions)))
        session = new_session()
        self.sessions[session] = user
        user.last_login = self.now()
        return session

    def add_token(self, owner: User) -> Token:
        """Make a personal access token."""
        now = self.now()
        token = Token(uid=self.new_uid(), created=now, last_updated=now, key=new_token(), owner=owner)
        self.tokens[token.key] = token
        return token

    # -- conversations -------------------------------------------------------------------------------------------------

    def mail_of(self, user: User) -> list[Conversation]:
        """The conversations that this user takes part in, oldest first."""
        return list(self._mail.get(user.uid, {}).values())

    def send(
        self,
        sender: User,
        subject: str | None,
        text: str | None,
        metadata: str,
        *,
        recipients: Iterable[User],
        attachments: Iterable[FileResource] = (),
        message_type: str = "PRIVATE",
    ) -> Conversation:
        """Start a conversation."""
        if subject is None:
            raise Refused("no_subject")
        _keepable(subject, text, metadata)
        ticket = message_type == "TICKET"
        uid, now = self.new_uid(), self.now()
        conversation = Conversation(
            uid=uid,
            created=now,
            last_updated=now,
            subject=subject,
            creator=sender,
            last_sender=sender,
            last_message=now,
            message_type=message_type,
            status="OPEN" if ticket else "NONE",
        )
        conversation.messages.append(self._message(sender, text, metadata, attachments=attachments))
        conversation.participants[sender.uid] = UserMessage(user=sender, read=True)
        conversation.add(recipients)

        def commit() -> None:
            self.conversations[uid] = conversation
            for participant in conversation.participants:
                self._mail.setdefault(participant, {})[uid] = conversation

        self._store(commit)
        return conversation

    def reply(
        self,
        conversation: Conversation,
        sender: User,
        text: str,
        metadata: str,
        *,
        internal: bool = False,
        attachments: Iterable[FileResource] = (),
    ) -> None:
        """Add a message; an internal note does not count, and is news only to who manages all tickets."""
        _keepable("", text, metadata)
        message = self._message(sender, text, metadata, internal=internal, attachments=attachments)

        def commit() -> None:
            conversation.messages.append(message)
            conversation.last_sender = sender
            conversation.last_message = conversation.last_updated = message.created
            conversation.message_count += not internal
            for participant in conversation.participants.values():
                if participant.user is not sender and (not internal or participant.user.manages_tickets):
                    participant.read = False

        self._store(commit)

    def add_participants(self, conversation: Conversation, users: Iterable[User]) -> None:
        """Let these take part too."""
        conversation.add(users)
        conversation.last_updated = self.now()
        for participant in conversation.participants:
            self._mail.setdefault(participant, {})[conversation.uid] = conversation

    def remove_participant(self, conversation: Conversation, user: User) -> bool:
        """Let this one take part no longer; says whether that changed anything."""
        self._mail.get(user.uid, {}).pop(conversation.uid, None)
        return conversation.participants.pop(user.uid, None) is not None

    def _message(
        self,
        sender: User,
        text: str | None,
        metadata: str,
        *,
        internal: bool = False,
        attachments: Iterable[FileResource] = (),
    ) -> Message:
        now = self.now()
        return Message(
            uid=self.new_uid(),
            created=now,
            last_updated=now,
            text=text,
            metadata=metadata,
            sender=sender,
            internal=internal,
            attachments=list(attachments),
        )

    def _store(self, commit: Callable[[], None]) -> None:
        self.stored += 1
        self.later(self.commit_delay, commit)

    # -- files ---------------------------------------------------------------------------------------------------------

    def add_file(
        self, owner: User, name: str, content_type: str, content: bytes, *, domain: str, uid: str | None = None
    ) -> FileResource:
        """Keep an uploaded file."""
        uid, now = uid or self.new_uid(), self.now()
        kept = FileResource(
            uid=uid,
            created=now,
            last_updated=now,
            name=name,
            content_type=content_type,
            content=content,
            domain=domain,
            owner=owner,
        )
        self.files[uid] = kept
        return kept

    def spend(self, uids: Iterable[str], *, of: str = "") -> list[FileResource]:
        """Take files for a message; those before a bad one are spent all the same (6)."""
        spent = []
        for uid in dict.fromkeys(uids):
            attachment = self.files.get(uid)
            if attachment is None:
                raise Refused(f"unknown_attachment{of}", uid)
            if attachment.assigned or attachment.domain != MESSAGE_ATTACHMENT:
                raise Refused(f"used_attachment{of}", uid)
            attachment.assigned = True
            spent.append(attachment)
        return spent


def _keepable(subject: str, text: str | None, metadata: str) -> None:
    if len(subject) > COLUMN or len(metadata) > COLUMN:
        raise Refused("too_long")
    for parameter, value in ((3, subject), (4, text or "")):
        if "\0" in value:
            raise Refused("nul", parameter)
