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
    """One end of a connection: whose it is, what it calls the other end, and what waits to be sent from here."""

    radio: Radio
    peer: hci.Address
    queue: deque[tuple[Connection, int, bytes]] = field(default_factory=deque)


@dataclass(eq=False)
class _Wire:
    """A connection: two ends, and the rhythm of its events."""

    ends: tuple[_End, _End]
    anchor: float
    timer: asyncio.Handle | None = None


class Air(LocalLink):
    """All controllers in one room.

    Attributes
    ----------
    profile : of every link; :attr:`special` has those of single sensors
    stats : packets delivered, retransmissions, advertisements, connections lost by supervision
    """

    def __init__(self, profile: LinkProfile | None = None, seed: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bumble's is half typed
        self.profile = profile or LinkProfile()
        self.special: dict[str, LinkProfile] = {}
        self.random = random.Random(seed)
        self.away: dict[Radio, float] = {}
        self.dead: set[Radio] = set()
        self.wires: dict[tuple[Radio, hci.Address], _Wire] = {}
        self.stats = {"delivered": 0, "again": 0, "advertised": 0, "supervised": 0}

    # --- who is where -----------------------------------------------------------------------------------------------

    def radio_at(self, address: str) -> Radio | None:
        """The living radio with this address."""
        return next((r for r in self._living() if str(r.random_address).split("/")[0] == address.upper()), None)

    def _living(self) -> list[Radio]:
        return [c for c in self.controllers if isinstance(c, Radio) and c not in self.dead]

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

    def set_in_range(self, radio: Radio, there: bool) -> None:
        """Take a radio out of range, or back."""
        if there:
            self.away.pop(radio, None)
        elif radio not in self.away:
            loop = asyncio.get_running_loop()
            self.away[radio] = since = loop.time()
            for wire in self._wires_of(radio):
                loop.call_later(self.profile_of(wire).supervision, self._supervise, radio, wire, since)

    def lost(self, radio: Radio) -> None:
        """The host behind a radio is gone: silence; the other ends find out by their supervision timeout."""
        if radio in self.dead:
            return
        self.set_in_range(radio, False)
        self.dead.add(radio)
        radio.le_legacy_advertiser.stop()
        radio.pending_le_connection = None
        radio.le_scan_enable = False
        radio.host = None
        if not self._wires_of(radio):
            self._forget(radio)

    def _forget(self, radio: Radio) -> None:
        self.away.pop(radio, None)
        self.dead.discard(radio)
        self.controllers.discard(radio)

    def _wires_of(self, radio: Radio) -> list[_Wire]:
        return [wire for (owner, _), wire in self.wires.items() if owner is radio]

    def _supervise(self, radio: Radio, wire: _Wire, since: float) -> None:
        first = wire.ends[0]
        if self.away.get(radio) == since and self.wires.get((first.radio, first.peer)) is wire:
            self.stats["supervised"] += 1
            self._cut(wire, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _cut(self, wire: _Wire, reason: int, *, only: Radio | None = None) -> None:
        """End a connection at both ends, or tell only one of them."""
        if wire.timer is not None:
            wire.timer.cancel()
        for end in wire.ends:
            self.wires.pop((end.radio, end.peer), None)
        for end in wire.ends:
            if only is None or end.radio is only:
                end.radio.ended(end.peer, reason)
            if end.radio in self.dead and not self._wires_of(end.radio):
                self._forget(end.radio)

    # --- advertising and connecting ---------------------------------------------------------------------------------

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Everybody in range may hear it."""
        if not isinstance(sender_controller, Radio) or sender_controller in self.away:
            return
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            loop.call_soon(self._connect, sender_controller, packet)
            return
        self.stats["advertised"] += 1
        for radio in self._living():
            heard = radio is not sender_controller and radio not in self.away
            if heard and self.random.random() >= self.profile.advertisement_loss:
                loop.call_soon(radio.on_ll_advertising_pdu, packet)

    def _connect(self, central: Radio, packet: ll.ConnectInd) -> None:
        """A connection is asked for; who advertises there takes it, or nobody ever answers."""
        for radio in self._living():
            if radio is not central and radio not in self.away and central not in self.away:
                radio.on_ll_advertising_pdu(packet)
                if packet.initiator_address in radio.le_connections:
                    there = (radio, packet.initiator_address)
                    if there not in self.wires and radio.le_connections[packet.initiator_address].self_address == (
                        packet.advertiser_address
                    ):
                        self._join(_End(central, packet.advertiser_address), _End(*there))
                        return
        wait = NEVER_HEARD * max(self.profile.interval, 0.01)
        reason = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
        asyncio.get_running_loop().call_later(wait, self._not_established, central, packet.advertiser_address, reason)

    def _not_established(self, central: Radio, address: hci.Address, reason: int) -> None:
        if (central, address) not in self.wires:
            central.ended(address, reason)

    def _join(self, central: _End, peripheral: _End) -> None:
        now = asyncio.get_running_loop().time()
        wire = _Wire((central, peripheral), now - self.random.random())
        for end in wire.ends:
            self.wires[end.radio, end.peer] = wire

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
        wire = self.wires.get((sender_controller, destination_address))
        if wire is None:
            # not established yet, or never: as a controller does, keep the buffers
            return
        end = next(end for end in wire.ends if end.radio is sender_controller)
        end.queue.append((connection, fragments, data))
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
        if not any(end.radio in self.away for end in wire.ends):
            for end, other in (wire.ends, wire.ends[::-1]):
                self._send(end, other, profile)
        if any(end.queue for end in wire.ends):
            if profile.interval <= 0.0 and any(end.radio in self.away for end in wire.ends):
                wire.timer = asyncio.get_running_loop().call_later(0.01, self._event, wire)
            else:
                self._arm(wire)

    def _send(self, end: _End, other: _End, profile: LinkProfile) -> None:
        for _ in range(min(profile.per_event, len(end.queue))):
            if self.random.random() < profile.loss:  # not acknowledged: the event is over, once more in the next
                self.stats["again"] += 1
                return
            connection, fragments, data = end.queue.popleft()
            self.stats["delivered"] += 1
            other.radio.on_link_acl_data(connection.self_address, PhysicalTransport.LE, data)
            end.radio.credit(connection.handle, fragments)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Control packets are not queued; a farewell that is not heard leaves the other end to its timeout."""
        wire = self._between(sender_address, receiver_address)
        if wire is None:
            return
        sender, receiver = wire.ends if wire.ends[0].peer == receiver_address else wire.ends[::-1]
        apart = sender.radio in self.away or receiver.radio in self.away
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.TerminateInd):
            if apart:
                reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
                loop.call_later(self.profile_of(wire).supervision, lambda: self._farewell(wire, receiver, reason))
            else:
                self._farewell(wire, receiver, packet.error_code)
        elif not apart:
            loop.call_soon(self._control, receiver, packet)

    def _farewell(self, wire: _Wire, receiver: _End, reason: int) -> None:
        if self.wires.get((receiver.radio, receiver.peer)) is wire:
            self._cut(wire, reason, only=receiver.radio)

    def _control(self, receiver: _End, packet: ll.ControlPdu) -> None:
        if receiver.peer in receiver.radio.le_connections:
            receiver.radio.on_ll_control_pdu(receiver.peer, packet)

    def _between(self, one: hci.Address, two: hci.Address) -> _Wire | None:
        """The connection between two addresses."""
        for wire in self.wires.values():
            if {str(end.peer) for end in wire.ends} == {str(one), str(two)}:
                return wire
        return None
