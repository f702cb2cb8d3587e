"""The virtual 2.4 GHz air between Bumble controllers: what its own link lacks, and what goes wrong in a real one.

Added to bumble 0.0.236's link: connection events, retransmissions, a supervision timeout, back-pressure (buffers are
given back on delivery), connections that are never established, range, and hosts that die.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

from imu_coach.virtual.radio import Radio

__all__ = ["Air", "LinkProfile", "Radio"]


NEVER_HEARD = 6
"""Connection events without an answer after which a new connection is given up (Core 5.4, Vol 6 B 4.5.2)."""
RSSI = -55.0
"""dBm of a sensor at arm's length; :class:`Air` adds a few dB of fading to each advertisement."""


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """How good the radio is.

    Attributes
    ----------
    interval : s between connection events; 0: everything is delivered at once
    loss : chance that a packet needs another connection event
    per_event : packets in one connection event
    supervision : s of silence after which a connection is lost
    advertisement_loss : chance that an advertisement is not heard
    """

    interval: float = 0.015
    loss: float = 0.0
    per_event: int = 6
    supervision: float = 4.0
    advertisement_loss: float = 0.0


@dataclass(eq=False)
class _End:
    """One end of a connection: whose it is, the controller's record of it, and what waits to be sent from here."""

    radio: Radio
    connection: Connection
    queue: deque[tuple[int, bytes]] = field(default_factory=deque)

    @property
    def open(self) -> bool:
        """Whether the controller has this very connection, not one that came after it."""
        return self.radio.has(self.connection)


@dataclass(eq=False)
class _Wire:
    """A connection: two ends, and the rhythm of its events; ``patience`` runs while one end cannot hear the other."""

    ends: tuple[_End, _End]
    anchor: float
    timer: asyncio.Handle | None = None
    patience: asyncio.Handle | None = None


class Air(LocalLink):
    """All controllers in one room.

    Attributes
    ----------
    profile : of every link; :attr:`special` has those of single sensors
    wires : connections, until neither end has them.  They are told apart by the controllers' records, not by addresses:
        a sensor that was off, or an adapter, comes back with its own while others still wait for the one it had
    stats : packets delivered, retransmissions, advertisements, connections lost by supervision
    """

    def __init__(self, profile: LinkProfile | None = None, seed: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bumble's is half typed
        self.profile = profile or LinkProfile()
        self.special: dict[str, LinkProfile] = {}
        self.random = random.Random(seed)
        self.away: set[Radio] = set()
        self.wires: set[_Wire] = set()
        self.stats = {"delivered": 0, "again": 0, "advertised": 0, "supervised": 0}

    # --- who is where -----------------------------------------------------------------------------------------------

    def radio_at(self, address: str) -> Radio | None:
        """The living radio with this address."""
        return next((r for r in self._living() if str(r.random_address).split("/")[0] == address.upper()), None)

    def _living(self) -> list[Radio]:
        return [c for c in self.controllers if isinstance(c, Radio)]

    def strength(self, address: hci.Address) -> int:
        """Signal strength of an advertisement, dBm."""
        return round(RSSI - sum(address.address_bytes) % 12 + self.random.gauss(0.0, 2.0))

    def scan_response(self, address: hci.Address) -> bytes | None:
        """What an advertiser answers to an active scan."""
        found = next((r for r in self._living() if r.le_legacy_advertiser.address == address), None)
        return None if found is None else bytes(found.le_legacy_advertiser.scan_response_data)

    def profile_of(self, wire: _Wire) -> LinkProfile:
        """How good one connection is: that of the sensor at one of its ends, or everybody's."""
        for end in wire.ends:
            found = self.special.get(str(end.radio.random_address).split("/")[0])
            if found is not None:
                return found
        return self.profile

    def set_profile(self, profile: LinkProfile | None, address: str = "") -> None:
        """Change one sensor's link, or with "" everybody's; None: back to what everybody has."""
        if not address:
            self.profile = profile or LinkProfile()
        elif profile is None:
            self.special.pop(address.upper(), None)
        else:
            self.special[address.upper()] = profile

    def there(self, radio: Radio) -> bool:
        """Whether a radio hears and is heard."""
        return radio in self.controllers and radio not in self.away

    def set_in_range(self, radio: Radio, there: bool) -> None:
        """Take a radio out of range, or back."""
        if there:
            self.away.discard(radio)
        else:
            self.away.add(radio)
        self._watch_all(radio)

    def lost(self, radio: Radio) -> None:
        """The host behind a radio is gone: silence; the other ends find out by their supervision timeout."""
        if radio not in self.controllers:
            return
        self.controllers.discard(radio)
        self.away.discard(radio)
        radio.le_legacy_advertiser.stop()
        radio.pending_le_connection = None
        radio.le_scan_enable = False
        radio.host = None
        self._watch_all(radio)

    # --- supervision ------------------------------------------------------------------------------------------------

    def closed(self, radio: Radio) -> None:
        """A radio has ended a connection by itself."""
        self._watch_all(radio)

    def _watch_all(self, radio: Radio) -> None:
        for wire in [wire for wire in self.wires if any(end.radio is radio for end in wire.ends)]:
            self._watch(wire)

    def _hear(self, wire: _Wire) -> bool:
        """Whether the ends of a connection hear each other."""
        return all(end.open and self.there(end.radio) for end in wire.ends)

    def _watch(self, wire: _Wire) -> None:
        """Begin or end to wait for the other end; whatever makes it silent, an end that is left waits only so long."""
        if self._hear(wire):
            if wire.patience is not None:
                wire.patience.cancel()
                wire.patience = None
        elif wire.patience is None:
            patience = self.profile_of(wire).supervision
            wire.patience = asyncio.get_running_loop().call_later(patience, self._supervise, wire)

    def _supervise(self, wire: _Wire) -> None:
        self.stats["supervised"] += any(end.open for end in wire.ends)
        self._cut(wire, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _cut(self, wire: _Wire, reason: int, *, but: _End | None = None) -> None:
        """A connection is no more; the ends that are open are told, except one that knows."""
        self.wires.discard(wire)
        for handle in (wire.timer, wire.patience):
            if handle is not None:
                handle.cancel()
        for end in wire.ends:
            if end is not but:
                end.radio.ended(end.connection, reason)

    # --- advertising and connecting ---------------------------------------------------------------------------------

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Everybody in range may hear it."""
        if not isinstance(sender_controller, Radio):
            return
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            loop.call_soon(self._connect, sender_controller, packet)
            return
        if not self.there(sender_controller):
            return
        self.stats["advertised"] += 1
        for radio in self._living():
            heard = radio is not sender_controller and radio not in self.away
            if heard and self.random.random() >= self.profile.advertisement_loss:
                loop.call_soon(radio.on_ll_advertising_pdu, packet)

    def _connect(self, central: Radio, packet: ll.ConnectInd) -> None:
        """A connection is asked for; who advertises there takes it, or nobody ever answers."""
        asking = central.le_connections.get(packet.advertiser_address)
        if asking is None:
            return
        for radio in self._living() if self.there(central) else ():
            if radio is central or radio in self.away or packet.initiator_address in radio.le_connections:
                continue
            radio.on_ll_advertising_pdu(packet)
            taken = radio.le_connections.get(packet.initiator_address)
            if taken is not None:
                anchor = asyncio.get_running_loop().time() - self.random.random()
                self.wires.add(_Wire((_End(central, asking), _End(radio, taken)), anchor))
                return
        wait = NEVER_HEARD * max(self.profile.interval, 0.01)
        reason = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
        asyncio.get_running_loop().call_later(wait, central.ended, asking, reason)

    # --- data -------------------------------------------------------------------------------------------------------

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Wait for the next connection event."""
        if not isinstance(sender_controller, Radio):
            return
        connection = sender_controller.le_connections.get(destination_address)
        if connection is None:
            return
        fragments = sender_controller.fragments.pop(connection.handle, 0)
        for wire in self.wires:  # or not established yet, or never: as a controller does, keep the buffers
            for end in wire.ends:
                if end.connection is connection:
                    end.queue.append((fragments, data))
                    if wire.timer is None:
                        self._arm(wire)

    def _arm(self, wire: _Wire) -> None:
        loop = asyncio.get_running_loop()
        interval = self.profile_of(wire).interval
        if interval <= 0.0:
            wire.timer = loop.call_soon(self._event, wire)
        else:
            now = loop.time()
            wire.timer = loop.call_later(interval - (now - wire.anchor) % interval, self._event, wire)

    def _event(self, wire: _Wire) -> None:
        """A connection event: both ends send what they may."""
        wire.timer = None
        profile = self.profile_of(wire)
        heard = self._hear(wire)
        if heard:
            for end, other in (wire.ends, wire.ends[::-1]):
                self._send(end, other, profile)
        if any(end.queue for end in wire.ends):
            if profile.interval <= 0.0 and not heard:
                wire.timer = asyncio.get_running_loop().call_later(0.01, self._event, wire)
            else:
                self._arm(wire)

    def _send(self, end: _End, other: _End, profile: LinkProfile) -> None:
        for _ in range(min(profile.per_event, len(end.queue))):
            if self.random.random() < profile.loss:  # not acknowledged: the event is over, once more in the next
                self.stats["again"] += 1
                return
            fragments, data = end.queue.popleft()
            self.stats["delivered"] += 1
            other.radio.on_link_acl_data(other.connection.peer_address, PhysicalTransport.LE, data)
            end.radio.credit(end.connection.handle, fragments)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Control packets are not queued; a farewell that is not heard leaves the other end to its timeout."""
        for wire in self.wires:
            for sender, receiver in (wire.ends, wire.ends[::-1]):
                ours = (
                    sender.connection.self_address == sender_address
                    and receiver.connection.self_address == receiver_address
                )
                if ours and self._hear(wire):
                    if isinstance(packet, ll.TerminateInd):
                        self._cut(wire, packet.error_code, but=sender)
                    else:
                        asyncio.get_running_loop().call_soon(self._control, wire, receiver, packet)
                    return

    def _control(self, wire: _Wire, receiver: _End, packet: ll.ControlPdu) -> None:
        if self._hear(wire):
            receiver.radio.on_ll_control_pdu(receiver.connection.peer_address, packet)
