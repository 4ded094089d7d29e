"""What must hold once the leader was killed: run after `contract`, with the nodes that are left."""

from engine_client import LEASE, LINEARIZABLE, Client

FAILOVER_S = 30


def writes_go_on(endpoints):
    """A client that asks one node after the other is served again by a new leader."""
    client = Client(endpoints)
    client.put_until(b"py/after", b"1", FAILOVER_S)
    assert client.get(b"py/after", LEASE) == b"1"


def acknowledged_writes_are_there(endpoints):
    """Every write that the dead leader acknowledged is there."""
    entries, _ = Client(endpoints).scan(b"py/many/")
    assert [value for _, value in entries] == [b"%d" % at for at in range(500)], entries
    assert Client(endpoints).get(b"py/hello", LINEARIZABLE) == b"world"


CHECKS = [writes_go_on, acknowledged_writes_are_there]
