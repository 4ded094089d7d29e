"""The wire contract, check by check. The first endpoint is a follower."""

import json
import time

import error_pb2
import grpc
import health_pb2
import health_pb2_grpc
from client import client_api_pb2 as api
from engine_client import (
    EVENTUAL,
    LEADER_TRAILER,
    LEASE,
    LINEARIZABLE,
    TIMEOUT_S,
    Client,
    Node,
    compare_and_swap,
    delete,
    put,
)
from server import cluster_pb2 as cluster

MIB = 1024 * 1024
BINARY = bytes(range(256))


def expect(actual, expected):
    assert actual == expected, f"expected {expected!r}, got {actual!r}"


def status_of(call):
    """The gRPC status that `call` ends with."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def metadata(node):
    return node.call(node.cluster.GetClusterMetadata, cluster.MetadataRequest())[0]


def leader_address(endpoints):
    with Node(endpoints[0]) as node:
        membership = metadata(node)
    return {n.id: n.address for n in membership.nodes}[membership.current_leader_id]


def metadata_names_a_leader_among_its_nodes(endpoints):
    """GetClusterMetadata names a leader that is among its nodes, all of which can be dialed."""
    with Node(endpoints[0]) as node:
        first = metadata(node)
    assert first.HasField("current_leader_id"), first
    expect(sorted(n.id for n in first.nodes), [1, 2, 3])
    expect({n.address for n in first.nodes}, set(endpoints))
    expect({n.status for n in first.nodes}, {3})  # ACTIVE
    for member in first.nodes:
        with Node(member.address) as node:
            expect(metadata(node).current_leader_id, first.current_leader_id)


def discover_leader_agrees_with_metadata(endpoints):
    """DiscoverLeader gives id, address and term of the same leader."""
    with Node(endpoints[0]) as node:
        request = cluster.LeaderDiscoveryRequest(node_id=0, requester_address="")
        found, _ = node.call(node.cluster.DiscoverLeader, request)
        expect(found.leader_id, metadata(node).current_leader_id)
    expect(found.leader_address, leader_address(endpoints))
    assert found.term >= 1, found


def follower_refuses_a_write_with_a_hint(endpoints):
    """A follower refuses a write as NOT_LEADER, with the leader in metadata and trailer."""
    with Node(endpoints[0]) as node:
        response, trailers = node.write(put(b"hint", b"1"))
        leader_id = metadata(node).current_leader_id
    expect(response.error, error_pb2.NOT_LEADER)
    assert not response.HasField("write_result"), response
    expect(response.metadata.leader_id, str(leader_id))
    expect(response.metadata.leader_address, leader_address(endpoints))
    hint = json.loads(trailers[LEADER_TRAILER])
    expect(hint, {"leader_id": leader_id, "address": leader_address(endpoints)})


def hint_leads_to_the_leader_in_one_step(endpoints):
    """Who follows the hint of a follower is served at the next node."""
    client = Client(endpoints)
    client.put(b"py/hello", b"world")
    expect(client.visited, [endpoints[0], leader_address(endpoints)])
    expect(Client(endpoints).get(b"py/hello", LINEARIZABLE), b"world")


def absent_policy_is_the_servers_default(endpoints):
    """A read without a policy gets the default, linearizable, on a follower too."""
    Client(endpoints).put(b"py/default", b"1")
    client = Client(endpoints)
    expect(client.get(b"py/default"), b"1")
    expect(client.visited, [endpoints[0]])


def followers_serve_linearizable_reads(endpoints):
    """A follower serves a linearizable read that sees every write acknowledged before."""
    for number in range(20):
        value = str(number).encode()
        Client([leader_address(endpoints)]).put(b"py/fresh", value)
        client = Client(endpoints)
        expect(client.get(b"py/fresh", LINEARIZABLE), value)
        expect(client.visited, [endpoints[0]])


def policy_zero_is_a_lease_read(endpoints):
    """Policy 0 is present and means a lease read: the leader serves it, a follower sends on."""
    Client(endpoints).put(b"py/lease", b"1")
    with Node(endpoints[0]) as node:
        response, trailers = node.read([b"py/lease"], LEASE)
    expect(response.error, error_pb2.NOT_LEADER)
    expect(response.metadata.leader_address, leader_address(endpoints))
    assert LEADER_TRAILER in trailers, trailers
    expect(Client(endpoints).get(b"py/lease", LEASE), b"1")


def eventual_reads_are_local(endpoints):
    """A follower answers an eventual read itself, and has every write before long."""
    Client(endpoints).put(b"py/eventual", b"1")
    until = time.monotonic() + TIMEOUT_S
    client = Client(endpoints)
    while client.get(b"py/eventual", EVENTUAL) != b"1":
        assert time.monotonic() < until, "the write never arrived"
    expect(set(client.visited), {endpoints[0]})


def unknown_policy_is_refused(endpoints):
    """A policy that does not exist is INVALID_REQUEST."""
    with Node(endpoints[0]) as node:
        expect(node.read([b"py/hello"], 7)[0].error, error_pb2.INVALID_REQUEST)


def missing_keys_are_left_out(endpoints):
    """A read leaves out the keys that do not exist, and is otherwise in order of the keys."""
    for key in (b"py/m/1", b"py/m/3"):
        Client(endpoints).put(key, b"value of " + key)
    with Node(endpoints[0]) as node:
        response, _ = node.read([b"py/m/3", b"py/m/2", b"py/m/1"], LINEARIZABLE)
    results = [(result.key, result.value) for result in response.read_data.results]
    expect(results, [(b"py/m/3", b"value of py/m/3"), (b"py/m/1", b"value of py/m/1")])


def read_data_is_set_when_empty(endpoints):
    """A read that finds nothing still has read_data, and error 0."""
    with Node(leader_address(endpoints)) as node:
        for policy in (None, LEASE, LINEARIZABLE, EVENTUAL):
            response, _ = node.read([b"py/never"], policy)
            expect(response.error, error_pb2.SUCCESS)
            expect(response.WhichOneof("success_result"), "read_data")
            expect(len(response.read_data.results), 0)


def write_result_is_set(endpoints):
    """Every successful write has error 0 and a write_result."""
    with Node(leader_address(endpoints)) as node:
        for command in (put(b"py/w", b"1"), compare_and_swap(b"py/w", b"0", b"2"), delete(b"py/w")):
            response, _ = node.write(command)
            expect(response.error, error_pb2.SUCCESS)
            expect(response.WhichOneof("success_result"), "write_result")


def empty_values_exist(endpoints):
    """A key with an empty value exists, and is not the same as none."""
    client = Client(endpoints)
    client.put(b"py/empty", b"")
    expect(client.read([b"py/empty", b"py/never"], LINEARIZABLE), {b"py/empty": b""})


def bytes_come_back_unchanged(endpoints):
    """Keys and values are bytes: any byte, in any place."""
    client = Client(endpoints)
    for key in (b"\x00", b"\xff\xff", b"\x00\xff\x00", BINARY):
        client.put(b"py/b/" + key, BINARY + key)
    for key in (b"\x00", b"\xff\xff", b"\x00\xff\x00", BINARY):
        expect(client.get(b"py/b/" + key, LINEARIZABLE), BINARY + key)
    scanned = [key for key, _ in client.scan(b"py/b/\x00")[0]]
    expect(scanned, [b"py/b/\x00", b"py/b/" + BINARY, b"py/b/\x00\xff\x00"])


def deletes_remove_and_repeat(endpoints):
    """A delete removes the key; deleting nothing succeeds too."""
    client = Client(endpoints)
    client.put(b"py/gone", b"1")
    for _ in range(2):
        client.write(delete(b"py/gone"))
        expect(client.get(b"py/gone", LINEARIZABLE), None)


def swaps_compare(endpoints):
    """A compare-and-swap tells absent, empty and other values apart, and says whether it swapped."""
    client = Client(endpoints)
    client.write(delete(b"py/cas"))

    def swap(expected, value):
        return client.write(compare_and_swap(b"py/cas", expected, value)).succeeded

    expect(swap(b"", b"no"), False)
    expect(swap(None, b""), True)
    expect(swap(None, b"no"), False)
    expect(swap(b"", b"1"), True)
    expect(swap(b"2", b"no"), False)
    expect(swap(b"1", b"2"), True)
    expect(client.get(b"py/cas", LINEARIZABLE), b"2")


def scans_are_sorted_and_have_a_revision(endpoints):
    """A scan gives the keys of its prefix in order, at a revision that grows with writes."""
    client = Client(endpoints)
    for number in (2, 10, 1):
        client.put(b"py/s/%d" % number, b"%d" % number)
    client.put(b"py/t", b"beyond the prefix")
    entries, revision = client.scan(b"py/s/")
    expect(entries, [(b"py/s/1", b"1"), (b"py/s/10", b"10"), (b"py/s/2", b"2")])
    client.put(b"py/s/1", b"new")
    again, later = client.scan(b"py/s/")
    expect(again[0], (b"py/s/1", b"new"))
    assert later > revision, (revision, later)
    expect(client.scan(b"py/nothing/")[0], [])


def followers_serve_scans(endpoints):
    """A follower serves scans, as fresh as its reads."""
    Client(endpoints).put(b"py/f/1", b"1")
    client = Client(endpoints)
    expect(client.scan(b"py/f/")[0], [(b"py/f/1", b"1")])
    expect(client.visited, [endpoints[0]])


def what_breaks_a_rule_is_refused(endpoints):
    """Empty keys, oversized keys and values, and missing commands are INVALID_REQUEST."""
    bad = [
        put(b"", b"1"),
        put(b"k" * (4096 + 1), b"1"),
        put(b"py/big", b"v" * (MIB + 1)),
        delete(b""),
        compare_and_swap(b"", None, b"1"),
        api.WriteCommand(),
    ]
    with Node(leader_address(endpoints)) as node:
        for command in bad:
            response, _ = node.write(command)
            expect(response.error, error_pb2.INVALID_REQUEST)
            assert response.metadata.debug_message, response
        expect(node.read([b""], LINEARIZABLE)[0].error, error_pb2.INVALID_REQUEST)
        expect(node.write(put(b"k" * 4096, b"v" * MIB))[0].error, error_pb2.SUCCESS)
        oversized = lambda: node.write(put(b"py/huge", b"v" * 5 * MIB))
        expect(status_of(oversized), grpc.StatusCode.RESOURCE_EXHAUSTED)


def malformed_bytes_are_refused(endpoints):
    """Bytes that are no message are refused, and the node goes on."""
    base = "/d_engine.client.RaftClientService/"
    with Node(leader_address(endpoints)) as node:
        for method in ("HandleClientWrite", "HandleClientRead"):
            call = node.channel.unary_unary(base + method)
            response = api.ClientResponse.FromString(call(b"\xff\xff\xff", timeout=TIMEOUT_S))
            expect(response.error, error_pb2.INVALID_REQUEST)
        # A command that is cut off within its key.
        call = node.channel.unary_unary(base + "HandleClientWrite")
        response = api.ClientResponse.FromString(call(b"\x12\x04\x0a\x02\x0a\x7f", timeout=TIMEOUT_S))
        expect(response.error, error_pb2.INVALID_REQUEST)
        scan = node.channel.unary_unary(base + "HandleClientScan")
        garbage = lambda: scan(b"\xff\xff\xff", timeout=TIMEOUT_S)
        expect(status_of(garbage), grpc.StatusCode.INVALID_ARGUMENT)
        expect(node.write(put(b"py/alive", b"1"))[0].error, error_pb2.SUCCESS)


def unknown_fields_are_tolerated(endpoints):
    """A field of a later version of the contract does no harm."""
    with Node(leader_address(endpoints)) as node:
        request = api.ClientWriteRequest(command=put(b"py/later", b"1")).SerializeToString()
        call = node.channel.unary_unary("/d_engine.client.RaftClientService/HandleClientWrite")
        answer = call(request + b"\xfa\x3e\x02hi", timeout=TIMEOUT_S)  # field 1007, bytes
    expect(api.ClientResponse.FromString(answer).error, error_pb2.SUCCESS)
    expect(Client(endpoints).get(b"py/later", LINEARIZABLE), b"1")


def gzip_requests_are_accepted(endpoints):
    """Requests compressed with gzip are accepted on every service."""
    client = Client(endpoints, compression=grpc.Compression.Gzip)
    client.put(b"py/gzip", b"z" * 100_000)
    expect(client.get(b"py/gzip", LINEARIZABLE), b"z" * 100_000)
    expect(client.scan(b"py/gzip")[0], [(b"py/gzip", b"z" * 100_000)])
    with Node(endpoints[0], compression=grpc.Compression.Gzip) as node:
        assert metadata(node).HasField("current_leader_id")


def many_calls_share_a_connection(endpoints):
    """Hundreds of calls at once on one connection are all answered."""
    with Node(leader_address(endpoints)) as node:
        requests = [
            api.ClientWriteRequest(client_id=at, command=put(b"py/many/%03d" % at, b"%d" % at))
            for at in range(500)
        ]
        calls = [node.client.HandleClientWrite.future(r, timeout=TIMEOUT_S) for r in requests]
        expect({call.result().error for call in calls}, {error_pb2.SUCCESS})
    entries, _ = Client(endpoints).scan(b"py/many/")
    expect([value for _, value in entries], [b"%d" % at for at in range(500)])


def health_is_told(endpoints):
    """grpc.health.v1 says SERVING for the node and its services, NOT_FOUND for others."""
    for address in endpoints:
        with Node(address) as node:
            health = health_pb2_grpc.HealthStub(node.channel)
            for service in ("", "d_engine.client.RaftClientService"):
                request = health_pb2.HealthCheckRequest(service=service)
                expect(health.Check(request, timeout=TIMEOUT_S).status, 1)
                watch = health.Watch(request, timeout=TIMEOUT_S)
                expect(next(watch).status, 1)
                watch.cancel()
            unknown = health_pb2.HealthCheckRequest(service="no.such.Service")
            ask = lambda: health.Check(unknown, timeout=TIMEOUT_S)
            expect(status_of(ask), grpc.StatusCode.NOT_FOUND)


def membership_can_be_watched(endpoints):
    """WatchMembership begins with the present members."""
    with Node(endpoints[0]) as node:
        stream = node.client.WatchMembership(api.WatchMembershipRequest(), timeout=TIMEOUT_S)
        first = next(stream)
        stream.cancel()
    expect(sorted(first.members), [1, 2, 3])
    expect(list(first.learners), [])


def changes_can_be_watched(endpoints):
    """Watch, on a follower too, tells each change of a prefix once, in order, and nothing else."""
    with Node(endpoints[0]) as node:
        request = api.WatchRequest(key=b"py/watch/", prefix=True, prev_kv=True)
        stream = node.client.Watch(request, timeout=TIMEOUT_S)
        stream.initial_metadata()  # from here on the watch sees everything
        client = Client(endpoints)
        client.put(b"py/watch/a", b"1")
        client.put(b"py/watched", b"not of this prefix")
        client.put(b"py/watch/a", b"2")
        client.write(delete(b"py/watch/a"))
        events = []
        while len(events) < 3:
            event = next(stream)
            if event.event_type != api.WATCH_EVENT_TYPE_PROGRESS:
                events.append(event)
        stream.cancel()
    of = lambda event: (event.event_type, event.key, event.value, event.prev_value)
    expected = [
        (api.WATCH_EVENT_TYPE_PUT, b"py/watch/a", b"1", b""),
        (api.WATCH_EVENT_TYPE_PUT, b"py/watch/a", b"2", b"1"),
        (api.WATCH_EVENT_TYPE_DELETE, b"py/watch/a", b"", b"2"),
    ]
    expect([of(event) for event in events], expected)
    first, second, third = (event.revision for event in events)
    expect((second, third), (first + 2, first + 3))


def times_to_live_end(endpoints):
    """A put with ttl_secs is deleted when they are over, at one revision, as a watch tells."""
    with Node(endpoints[0]) as node:
        stream = node.client.Watch(api.WatchRequest(key=b"py/ttl"), timeout=TIMEOUT_S)
        stream.initial_metadata()
        client = Client(endpoints)
        command = put(b"py/ttl", b"short")
        command.insert.ttl_secs = 1
        began = time.monotonic()
        client.write(command)
        expect(next(stream).value, b"short")
        ended = next(stream)
        stream.cancel()
    assert time.monotonic() - began >= 1, "it ended early"
    expect(ended.event_type, api.WATCH_EVENT_TYPE_DELETE)
    expect(client.get(b"py/ttl", LINEARIZABLE), None)


CHECKS = [
    metadata_names_a_leader_among_its_nodes,
    discover_leader_agrees_with_metadata,
    follower_refuses_a_write_with_a_hint,
    hint_leads_to_the_leader_in_one_step,
    absent_policy_is_the_servers_default,
    followers_serve_linearizable_reads,
    policy_zero_is_a_lease_read,
    eventual_reads_are_local,
    unknown_policy_is_refused,
    missing_keys_are_left_out,
    read_data_is_set_when_empty,
    write_result_is_set,
    empty_values_exist,
    bytes_come_back_unchanged,
    deletes_remove_and_repeat,
    swaps_compare,
    scans_are_sorted_and_have_a_revision,
    followers_serve_scans,
    what_breaks_a_rule_is_refused,
    malformed_bytes_are_refused,
    unknown_fields_are_tolerated,
    gzip_requests_are_accepted,
    many_calls_share_a_connection,
    health_is_told,
    membership_can_be_watched,
    changes_can_be_watched,
    times_to_live_end,
]
