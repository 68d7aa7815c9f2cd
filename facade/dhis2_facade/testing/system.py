"""The calls about the server itself, and a few kinds of metadata that nobody has made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from .answers import json_answer
from .calls import Call
from .jackson import CONSTANT
from .listing import found, listed
from .refusals import Refused

__all__ = ["EMPTY", "constant", "constants", "create_constant", "empty", "info", "ping", "settings"]

SETTINGS = {"applicationTitle": "DHIS 2"}
EMPTY = ("dataElements", "dataSets", "indicators", "programs")
"""Kinds of metadata of which there is nothing here."""
NEVER = "1970-01-01T00:00:00.000"
_HOUR = 3600  # seconds


def ping(_call: Call) -> Response:
    """Say nothing, with 200."""
    return Response(status_code=200)


def info(call: Call) -> Response:
    """What the server is; the User-Agent that it saw; a superuser is told of the machine too."""
    behaviour, superuser = call.behaviour, call.user.superuser
    now = call.state.now()
    database: dict[str, Any] = {"spatialSupport": True}
    if "database_time" in behaviour.system_info:
        database["time"] = now
    said: dict[str, Any] = {
        "contextPath": call.host,
        "userAgent": call.headers.get("user-agent"),
        "calendar": "iso8601",
        "dateFormat": "yyyy-mm-dd",
        "serverDate": now,
        "serverTimeZoneId": "UTC",
        "serverTimeZoneDisplayName": "Coordinated Universal Time",
        "version": behaviour.full_version,
        "revision": "0000000",
        "buildTime": "2026-01-01T00:00:00.000",
        "databaseInfo": database,
        "encryption": superuser,
        "emailConfigured": False,
        "redisEnabled": False,
        "systemName": SETTINGS["applicationTitle"],
        "instanceBaseUrl": call.host,
        "isMetadataVersionEnabled": False,
    }
    if "analytics" in behaviour.system_info:
        said |= _analytics()
    if superuser:
        name = f"dhis{behaviour.version}"
        database |= {"name": name, "user": name, "url": "jdbc:postgresql:dhis2", "databaseVersion": "PostgreSQL"}
        said |= _MACHINE
    return json_answer(
        behaviour,
        {name: value for name, value in said.items() if value is not None},
        headers={"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate"},
    )


def _analytics() -> dict[str, str]:
    seconds = int(datetime.now(UTC).timestamp())
    since = f"{seconds // _HOUR} h, {seconds % _HOUR // 60} m, {seconds % 60} s"
    return {
        "lastAnalyticsTableSuccess": NEVER,
        "intervalSinceLastAnalyticsTableSuccess": since,
        "lastAnalyticsTableRuntime": "",
        "lastSystemMonitoringSuccess": NEVER,
        "lastAnalyticsTablePartitionSuccess": NEVER,
        "intervalSinceLastAnalyticsTablePartitionSuccess": since,
        "lastAnalyticsTablePartitionRuntime": "",
        "systemMetadataVersion": "",
        "lastMetadataVersionSyncAttempt": NEVER,
    }


_MACHINE = {
    "jasperReportsVersion": "6.20.0",
    "environmentVariable": "DHIS2_HOME",
    "fileStoreProvider": "filesystem",
    "readOnlyMode": "off",
    "nodeId": "test",
    "javaVersion": "17",
    "javaVendor": "test",
    "osName": "test",
    "osArchitecture": "test",
    "osVersion": "test",
    "externalDirectory": "test",
    "readReplicaCount": 0,
    "memoryInfo": "test",
    "cpuCores": 2,
    "clusterHostname": "",
}


def settings(call: Call) -> Response:
    """The settings that are asked for."""
    chosen = call.query.getlist("key") or list(SETTINGS)
    return json_answer(
        call.behaviour,
        {name: SETTINGS[name] for name in chosen if name in SETTINGS},
        headers={"Cache-Control": "no-cache, no-store, must-revalidate"},
    )


def empty(call: Call) -> Response:
    """A list of a kind of metadata of which there is nothing here."""
    body: dict[str, Any] = {}
    if call.paged:
        body["pager"], _ = call.page([])
    return call.uncached({**body, call.parameters["kind"]: []})


def create_constant(call: Call) -> Response:
    """Make a constant."""
    call.expect("application/json")
    given = call.object(CONSTANT)
    if not call.user.superuser:
        raise Refused("create_type")
    made = call.state.add_constant(given.get("name"), given.get("shortName"), float(given.get("value") or 0))
    report = {
        "responseType": "ObjectReport",
        "uid": made.uid,
        "klass": "org.hisp.dhis.constant.Constant",
        "errorReports": [],
    }
    return call.web_message(201, response=report, location=f"constants/{made.uid}")


def constants(call: Call) -> Response:
    """All constants."""
    return listed(call, "constant", list(call.state.constants.values()), default_order=["name:iasc"])


def constant(call: Call) -> Response:
    """One constant."""
    return found(call, "constant", call.state.constants)
