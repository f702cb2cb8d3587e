"""A Bluetooth controller on the virtual air: Bumble's, with what it lacks.

Added to bumble 0.0.236: the completion of a cancelled connection (a host waits for ever without it), buffers that are
given back on delivery, scan responses of their own, signal strength, and long packets (data length extension).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bumble import hci
from bumble.controller import Connection, Controller

if TYPE_CHECKING:
    from imu_coach.virtual.air import Air


class Radio(Controller):
    """A controller on the air."""

    le_acl_data_packet_length = 251  # like any with data length extension; Bumble's 27 makes ten fragments of a packet
    total_num_le_acl_data_packets = 8  # like a real one; Bumble's 64 hide the back-pressure
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
        | hci.LeFeatureMask.LL_PRIVACY
    )

    def __init__(self, name: str, air: Air, **kwargs: Any) -> None:
        super().__init__(name, link=air, **kwargs)
        self.air = air
        self.fragments: dict[int, int] = {}

    def on_hci_le_create_connection_cancel_command(self, _command: Any) -> hci.HCI_StatusReturnParameters:
        """Cancel, and say so: Bumble's own leaves the host waiting for ever."""
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the host, unless it is gone by then: what was on the way is lost with it."""
        host = self.host
        if host is not None:
            asyncio.get_running_loop().call_soon(self._hand, host, bytes(packet))

    def _hand(self, host: Any, packet: bytes) -> None:
        if self.hci_sink is not None and self.hci_sink is host:
            self.hci_sink.on_packet(packet)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Take a fragment; its credit comes back when the whole has been delivered."""
        connection = self.find_connection_by_handle(packet.connection_handle)
        if connection is not None:
            self.fragments[connection.handle] = self.fragments.get(connection.handle, 0) + 1
            connection.assembler.feed_packet(packet)

    def credit(self, handle: int, count: int) -> None:
        """Give the host back its buffers."""
        event = hci.HCI_Number_Of_Completed_Packets_Event(connection_handles=[handle], num_completed_packets=[count])
        self.send_hci_packet(event)

    def on_advertising_pdu(self, pdu: Any) -> None:
        """Report an advertisement, with the scan response of its own and a signal strength."""
        if self.le_scan_enable:
            kinds = hci.HCI_LE_Advertising_Report_Event.EventType
            answer = self.air.scan_response(pdu.advertiser_address) if self.le_scan_type else None
            for kind, data in ((kinds.ADV_IND, pdu.data), (kinds.SCAN_RSP, answer)):
                if data is not None:
                    self._report(kind, pdu.advertiser_address, bytes(data))
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, kind: Any, address: hci.Address, data: bytes) -> None:
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind,
            address_type=address.address_type,
            address=address,
            data=data,
            rssi=self.air.strength(address),
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    def has(self, connection: Connection) -> bool:
        """Whether this very connection is open, not one that came after it."""
        return self.le_connections.get(connection.peer_address) is connection

    def ended(self, connection: Connection, reason: int) -> None:
        """A connection is over, if it is not already; the host is told."""
        if self.has(connection):
            self.on_le_disconnected(connection, reason)

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        """A connection is over, by whichever end; who is at the other one hears nothing more."""
        super().on_le_disconnected(connection, reason)
        self.fragments.pop(connection.handle, None)
        self.air.closed(self)
