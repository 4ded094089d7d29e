"""What a foreign client has to do to be served by any cluster: follow hints, and try the next."""

import json
import time

import grpc

import error_pb2
from client import client_api_pb2 as api
from client import client_api_pb2_grpc
from server import cluster_pb2_grpc

LEASE = api.READ_CONSISTENCY_POLICY_LEASE_READ
LINEARIZABLE = api.READ_CONSISTENCY_POLICY_LINEARIZABLE_READ
EVENTUAL = api.READ_CONSISTENCY_POLICY_EVENTUAL_CONSISTENCY

TIMEOUT_S = 10
HOPS_MAX = 4
LEADER_TRAILER = "x-raft-leader"


class Node:
    """One node, dialed by its address; every call returns the answer and the trailers."""

    def __init__(self, address, compression=None):
        self.address = address
        self.channel = grpc.insecure_channel(address, compression=compression)
        self.client = client_api_pb2_grpc.RaftClientServiceStub(self.channel)
        self.cluster = cluster_pb2_grpc.ClusterManagementServiceStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method, request):
        """Returns (response, trailers); raises grpc.RpcError for a status other than OK."""
        response, call = method.with_call(request, timeout=TIMEOUT_S)
        return response, dict(call.trailing_metadata())

    def write(self, command):
        return self.call(self.client.HandleClientWrite, api.ClientWriteRequest(command=command))

    def read(self, keys, policy=None):
        request = api.ClientReadRequest(keys=keys)
        if policy is not None:  # present, also when it is 0
            request.consistency_policy = policy
        return self.call(self.client.HandleClientRead, request)

    def scan(self, prefix):
        return self.call(self.client.HandleClientScan, api.ScanRequest(prefix=prefix))


def put(key, value):
    return api.WriteCommand(insert=api.WriteCommand.Insert(key=key, value=value))


def delete(key):
    return api.WriteCommand(delete=api.WriteCommand.Delete(key=key))


def compare_and_swap(key, expected, value):
    """`expected` None: the key must not exist."""
    swap = api.WriteCommand.CompareAndSwap(key=key, new_value=value)
    if expected is not None:
        swap.expected_value = expected
    return api.WriteCommand(compare_and_swap=swap)


def leader_of(error_or_response, trailers):
    """The address in a refusal: of the answer's metadata, or else of the trailer."""
    metadata = getattr(error_or_response, "metadata", None)
    if metadata is not None and metadata.leader_address:
        return metadata.leader_address
    if LEADER_TRAILER in trailers:
        return json.loads(trailers[LEADER_TRAILER])["address"]
    return None


class Client:
    """Starts at the first endpoint and goes where it is sent; `visited` tells the way."""

    def __init__(self, endpoints, compression=None):
        self.endpoints = endpoints
        self.compression = compression
        self.address = endpoints[0]
        self.visited = []

    def write(self, command):
        return self._follow(lambda node: node.write(command)).write_result

    def put(self, key, value):
        self.write(put(key, value))

    def read(self, keys, policy=None):
        """The values of the keys that exist, as a dict."""
        response = self._follow(lambda node: node.read(keys, policy))
        assert response.WhichOneof("success_result") == "read_data", response
        return {result.key: result.value for result in response.read_data.results}

    def get(self, key, policy=None):
        return self.read([key], policy).get(key)

    def scan(self, prefix):
        response = self._follow(lambda node: node.scan(prefix))
        return [(entry.key, entry.value) for entry in response.entries], response.revision

    def put_until(self, key, value, deadline_s):
        """Puts the same value again and again, which does no harm, until it is acknowledged."""
        until = time.monotonic() + deadline_s
        while True:
            try:
                return self.put(key, value)
            except (grpc.RpcError, Refused):
                if time.monotonic() > until:
                    raise
                at = self.endpoints.index(self.address) if self.address in self.endpoints else -1
                self.address = self.endpoints[(at + 1) % len(self.endpoints)]
                time.sleep(0.05)

    def _follow(self, ask):
        for _ in range(HOPS_MAX):
            self.visited.append(self.address)
            with Node(self.address, self.compression) as node:
                try:
                    response, trailers = ask(node)
                    refused = getattr(response, "error", error_pb2.SUCCESS)
                    if refused == error_pb2.SUCCESS:
                        return response
                    leader = leader_of(response, trailers)
                    if refused != error_pb2.NOT_LEADER or leader is None:
                        raise Refused(response)
                except grpc.RpcError as error:
                    leader = leader_of(None, dict(error.trailing_metadata() or ()))
                    if error.code() != grpc.StatusCode.FAILED_PRECONDITION or leader is None:
                        raise
            self.address = leader
        raise AssertionError(f"sent around in circles: {self.visited}")


class Refused(Exception):
    """An answer with an error that names nobody else to ask."""
