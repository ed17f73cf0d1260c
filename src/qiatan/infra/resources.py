"""What the doors need to do their work, made once by the entrypoint and handed on."""

from __future__ import annotations

from dataclasses import dataclass

from qiatan.infra.bus import Bus
from qiatan.infra.clock import Clock
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.infra.http_out import HttpOut
from qiatan.infra.mail import Mailer
from qiatan.infra.nodes import Node, NodeKeeper
from qiatan.infra.oidc_providers import Providers
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.realtime.relay import Relay
from qiatan.infra.sealing import Sealer
from qiatan.infra.settings import Settings
from qiatan.infra.storage import Storage
from qiatan.infra.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    database: Database
    storage: Storage
    hub: Hub
    throttle: Throttle
    clock: Clock
    geo: Geo
    http: HttpOut
    providers: Providers
    mailer: Mailer
    sealer: Sealer
    node: Node
    nodes: NodeKeeper
    bus: Bus
    relay: Relay
