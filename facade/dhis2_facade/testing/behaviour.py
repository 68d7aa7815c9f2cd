"""What differs between the server versions, one row a version, each by what is other than in the one before."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

__all__ = ["BEHAVIOURS", "Behaviour"]


@frozen(kw_only=True)
class Behaviour:
    """How one version answers; the numbers are the traps that docs/quirks.md lists."""

    version: str
    full_version: str

    # Who one is (7)
    login: str
    """Where a call without credentials is sent."""
    login_html: str
    """The same, if it accepts HTML."""
    login_root: str
    """The same, for the root of the server."""
    session_on_refusal: bool
    """A refused call sets a session cookie too."""
    keys_checked: bool
    """The checksum of a token is checked first: 400."""
    no_such_key: str
    key_types: tuple[str, ...]
    key_response: str
    """The responseType of the answer."""
    revoked_tokens_work: bool
    bearer_challenge: bool
    """A bearer token gets the OAuth 2 error."""
    ping_is_open: bool
    login_redirect: str | None
    """What POST /api/auth/login names; without it there is no such call."""

    # How answers are written
    json_type: str
    tomcat: bool
    """The container is Tomcat (HTML pages), not Jetty (JSON)."""
    method_refused: str
    media_type_missing: str
    media_type_refused: str
    charset_upper: bool
    jackson_source: str
    jackson_start: bool
    """A token that is none is reported where it begins."""
    jackson_empty: str
    body_source: str | None
    """Where a list in a body is read from, if the error says it bare (500)."""
    body_nested: bool
    """The error of a list in a body repeats itself."""
    body_missing: int
    servlet: str
    reply_throws: str
    uncoded: frozenset[str]
    """Refusals without an errorCode."""
    statuses: Mapping[str, int]
    """Refusals with another status."""

    # What objects have
    old_sharing: bool
    """externalAccess, publicAccess, userAccesses, userGroupAccesses."""
    externalize: bool
    """sharing.external and access.externalize."""
    href_with_more: bool
    """href comes with * beside other fields too."""
    user_credentials: bool
    two_factor: bool
    email_verified: bool
    file_assigned: bool

    # Lists
    fields_of_nothing: bool
    """Without a value, `fields=` asks for nothing; else for what is given without it."""
    past_last_page: bool
    """A page past the last is empty; else the last page comes again (9b)."""
    negative_page_size: str
    page_checked: bool
    query_refused: int
    """The status of a filter that is none."""
    query_code: str | None
    filter_cut: bool
    """A filter ends at a comma (24)."""
    conversations_in_memory: bool
    """Conversations are filtered in memory; else by the database, which also counts what a list holds."""
    or_with_own: bool
    """rootJunction=OR also applies to "one's own"; else the page stays empty (23)."""
    orders_alias: bool
    users_by_name: bool
    gist_root: str | None
    """What stands before the paths that a gist names."""

    # Conversations
    uid_checked: bool
    """GET of what is not a uid is 405 (8b)."""
    mark_read_on_get: bool
    strangers_act: bool
    """Anybody may reply, add recipients, set priority and status, assign (16)."""
    only_own_marks: bool
    """Marks and removal for somebody else are for superusers (15d, 15f)."""
    feedback_location: bool
    xml_accepted: bool
    delete_denied: str
    delete_unknown: str

    # Files
    file_list: bool
    """Files can be listed, and fields= works on one (26)."""

    # System
    system_info: frozenset[str]
    """Groups of entries of /api/system/info."""
    authorities: frozenset[str]
    """What a superuser has."""


_NO_CODE_40 = frozenset({"read", "download", "internal", "empty_file", "unknown_file", "other_domain"})
_NO_CODE_41 = frozenset({"read", "internal", "followup"})

_AUTHORITIES = frozenset(
    [
        "ALL",
        "F_ACCEPT_DATA_LOWER_LEVELS",
        "F_APPROVE_DATA",
        "F_APPROVE_DATA_LOWER_LEVELS",
        "F_CAPTURE_DATASTORE_UPDATE",
        "F_DATAVALUE_ADD",
        "F_EDIT_EXPIRED",
        "F_ENROLLMENT_CASCADE_DELETE",
        "F_EXPORT_DATA",
        "F_GENERATE_MIN_MAX_VALUES",
        "F_IMPERSONATE_USER",
        "F_INSERT_CUSTOM_JS_CSS",
        "F_LOCALE_ADD",
        "F_METADATA_EXPORT",
        "F_METADATA_IMPORT",
        "F_ORGANISATIONUNIT_MOVE",
        "F_ORGANISATION_UNIT_MERGE",
        "F_ORGANISATION_UNIT_SPLIT",
        "F_ORG_UNIT_PROFILE_ADD",
        "F_PERFORM_ANALYTICS_EXPLAIN",
        "F_PERFORM_MAINTENANCE",
        "F_PREDICTOR_RUN",
        "F_REPLICATE_USER",
        "F_RUN_VALIDATION",
        "F_SEND_EMAIL",
        "F_SKIP_DATA_IMPORT_AUDIT",
        "F_SYSTEM_SETTING",
        "F_TEI_CASCADE_DELETE",
        "F_TRACKED_ENTITY_INSTANCE_SEARCH_IN_ALL_ORGUNITS",
        "F_TRACKED_ENTITY_MERGE",
        "F_UNCOMPLETE_EVENT",
        "F_USER_GROUPS_READ_ONLY_ADD_MEMBERS",
        "F_USER_VIEW",
        "F_VIEW_EVENT_ANALYTICS",
        "F_VIEW_SERVER_INFO",
        "F_VIEW_UNAPPROVED_DATA",
    ]
)
_AUTHORITIES_40 = _AUTHORITIES | frozenset(
    [
        "F_DATAVALUE_DELETE",
        "F_EXPORT_EVENTS",
        "F_IGNORE_TRACKER_REQUIRED_VALUE_VALIDATION",
        "F_IMPORT_DATA",
        "F_IMPORT_EVENTS",
        "F_PROGRAM_DASHBOARD_CONFIG_ADMIN",
        "F_TRACKER_IMPORTER_EXPERIMENTAL",
        "F_USERGROUP_MANAGING_RELATIONSHIPS_ADD",
        "F_USERGROUP_MANAGING_RELATIONSHIPS_VIEW",
    ]
)
_AUTHORITIES_41 = _AUTHORITIES | frozenset(
    [
        "F_IGNORE_TRACKER_REQUIRED_VALUE_VALIDATION",
        "F_INDICATOR_MERGE",
        "F_INDICATOR_TYPE_MERGE",
        "F_PREVIOUS_IMPERSONATOR_AUTHORITY",
    ]
)
_AUTHORITIES_42 = _AUTHORITIES | frozenset(
    [
        "F_CATEGORY_OPTION_COMBO_MERGE",
        "F_CATEGORY_OPTION_MERGE",
        "F_DATA_ELEMENT_MERGE",
        "F_INDICATOR_MERGE",
        "F_INDICATOR_TYPE_MERGE",
        "F_JOB_LOG_READ",
        "F_LEGEND_SET_DELETE",
        "F_LEGEND_SET_PRIVATE_ADD",
        "F_LEGEND_SET_PUBLIC_ADD",
        "F_LOCALE_DELETE",
        "F_METADATA_MANAGE",
        "F_MINMAX_DATAELEMENT_ADD",
        "F_MOBILE_SENDSMS",
        "F_MOBILE_SETTINGS",
        "F_OAUTH2_CLIENT_MANAGE",
        "F_PREVIOUS_IMPERSONATOR_AUTHORITY",
        "M_dhis-web-app-management",
    ]
)

_REDACTED = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"

_V40 = Behaviour(
    version="40",
    full_version="2.40.12",
    login="/dhis-web-commons/security/login.action",
    login_html="/index.html",
    login_root="/index.html",
    session_on_refusal=True,
    keys_checked=False,
    no_such_key="The API token does not exists.",
    key_types=("PERSONAL_ACCESS_TOKEN",),
    key_response="ApiTokenCreationResponse",
    revoked_tokens_work=True,
    bearer_challenge=True,
    ping_is_open=False,
    login_redirect=None,
    json_type="application/json",
    tomcat=False,
    method_refused="Request method '{}' not supported",
    media_type_missing="Content type '' not supported",
    media_type_refused="Content type '{}' not supported",
    charset_upper=True,
    jackson_source="(org.eclipse.jetty.server.HttpInput)",
    jackson_start=False,
    jackson_empty="; line: 1, column: 0",
    body_source="(org.springframework.util.StreamUtils$NonClosingInputStream)",
    body_nested=False,
    body_missing=500,
    servlet="javax.servlet",
    reply_throws="org.hisp.dhis.user.User,{}.http.HttpServletRequest)",
    uncoded=_NO_CODE_40,
    statuses={"other_domain": 401},
    old_sharing=True,
    externalize=True,
    href_with_more=False,
    user_credentials=True,
    two_factor=True,
    email_verified=False,
    file_assigned=False,
    fields_of_nothing=True,
    past_last_page=False,
    negative_page_size="fromIndex(0) > toIndex({})",
    page_checked=False,
    query_refused=409,
    query_code=None,
    filter_cut=False,
    conversations_in_memory=True,
    or_with_own=False,
    orders_alias=False,
    users_by_name=False,
    gist_root=None,
    uid_checked=False,
    mark_read_on_get=False,
    strangers_act=True,
    only_own_marks=True,
    feedback_location=False,
    xml_accepted=True,
    delete_denied="Access is denied",
    delete_unknown="no_object",
    file_list=False,
    system_info=frozenset(),
    authorities=_AUTHORITIES_40,
)

_V41 = evolve(
    _V40,
    version="41",
    full_version="2.41.9.1",
    login="/dhis-web-login",
    login_root="/dhis-web-login",
    keys_checked=True,
    no_such_key="The API token does not exists",
    key_types=("PERSONAL_ACCESS_TOKEN_V1", "PERSONAL_ACCESS_TOKEN_V2"),
    revoked_tokens_work=False,
    login_redirect="/dhis-web-dashboard",
    jackson_source=_REDACTED,
    jackson_start=True,
    jackson_empty="; line: 1",
    body_source=None,
    body_nested=True,
    body_missing=400,
    reply_throws="org.hisp.dhis.user.UserDetails,{}.http.HttpServletRequest)"
    " throws org.hisp.dhis.feedback.ForbiddenException",
    uncoded=_NO_CODE_41,
    statuses={},
    old_sharing=False,
    externalize=False,
    file_assigned=True,
    strangers_act=False,
    only_own_marks=False,
    feedback_location=True,
    delete_unknown="unknown_conversation",
    file_list=True,
    system_info=frozenset({"database_time"}),
    authorities=_AUTHORITIES_41,
)

_V42 = evolve(
    _V41,
    version="42",
    full_version="2.42.5.2",
    login="/dhis-web-login/",
    login_html="/dhis-web-login/",
    login_root="/dhis-web-login/",
    session_on_refusal=False,
    key_response="ObjectReport",
    bearer_challenge=False,
    ping_is_open=True,
    login_redirect="/",
    json_type="application/json;charset=UTF-8",
    tomcat=True,
    method_refused="Request method '{}' is not supported",
    media_type_missing="Content-Type is not supported",
    media_type_refused="Content-Type '{}' is not supported",
    charset_upper=False,
    body_nested=False,
    servlet="jakarta.servlet",
    uncoded=frozenset(),
    externalize=True,
    href_with_more=True,
    user_credentials=False,
    two_factor=False,
    email_verified=True,
    fields_of_nothing=False,
    past_last_page=True,
    negative_page_size="max-results cannot be negative",
    page_checked=True,
    query_refused=400,
    query_code="E1003",
    filter_cut=True,
    conversations_in_memory=False,
    or_with_own=True,
    orders_alias=True,
    users_by_name=True,
    gist_root="/api",
    uid_checked=True,
    mark_read_on_get=True,
    xml_accepted=False,
    delete_denied="Access is denied, requires one Authority from [F_METADATA_IMPORT]",
    system_info=frozenset({"database_time", "analytics"}),
    authorities=_AUTHORITIES_42,
)

BEHAVIOURS = {behaviour.version: behaviour for behaviour in (_V40, _V41, _V42)}
