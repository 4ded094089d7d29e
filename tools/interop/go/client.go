package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/deventlab/d-engine/proto/client"
	errorpb "github.com/deventlab/d-engine/proto/error"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	timeout       = 10 * time.Second
	attemptsMax   = 3
	leaderTrailer = "x-raft-leader"
)

// engineClient starts at the first endpoint and goes where it is sent.
type engineClient struct {
	address string
	// visited is the way that the calls took.
	visited []string
	options []grpc.CallOption
}

type answer interface{ GetError() errorpb.ErrorCode }

// call makes one call at a node, and at the leader when the node names one instead of answering.
func (c *engineClient) call(
	ask func(context.Context, client.RaftClientServiceClient, ...grpc.CallOption) (interface{}, error),
) (interface{}, error) {
	for attempt := 0; attempt < attemptsMax; attempt++ {
		c.visited = append(c.visited, c.address)
		response, trailers, err := c.callOnce(ask)
		leader := leaderOf(response, trailers, err)
		if leader == "" {
			if coded, ok := response.(answer); ok && err == nil && coded.GetError() != errorpb.ErrorCode_SUCCESS {
				return nil, fmt.Errorf("%s answered %v", c.address, response)
			}
			return response, err
		}
		c.address = leader
	}
	return nil, fmt.Errorf("sent on more than %d times: %v", attemptsMax, c.visited)
}

func (c *engineClient) callOnce(
	ask func(context.Context, client.RaftClientServiceClient, ...grpc.CallOption) (interface{}, error),
) (interface{}, metadata.MD, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	connection, err := grpc.DialContext(ctx, c.address, grpc.WithInsecure(), grpc.WithBlock())
	if err != nil {
		return nil, nil, err
	}
	defer connection.Close()
	var trailers metadata.MD
	options := append([]grpc.CallOption{grpc.Trailer(&trailers)}, c.options...)
	response, err := ask(ctx, client.NewRaftClientServiceClient(connection), options...)
	return response, trailers, err
}

// leaderOf gives the address in a refusal for not leading, and "" for everything else.
func leaderOf(response interface{}, trailers metadata.MD, err error) string {
	if err != nil {
		if status.Code(err) != codes.FailedPrecondition || len(trailers[leaderTrailer]) == 0 {
			return ""
		}
		var hint struct{ Address string }
		if json.Unmarshal([]byte(trailers[leaderTrailer][0]), &hint) != nil {
			return ""
		}
		return hint.Address
	}
	refusal, ok := response.(*client.ClientResponse)
	if !ok || refusal.GetError() != errorpb.ErrorCode_NOT_LEADER {
		return ""
	}
	return refusal.GetMetadata().GetLeaderAddress()
}

func (c *engineClient) write(command *client.WriteCommand) (*client.WriteResult, error) {
	response, err := c.call(func(
		ctx context.Context, service client.RaftClientServiceClient, options ...grpc.CallOption,
	) (interface{}, error) {
		request := &client.ClientWriteRequest{ClientId: 0, Command: command}
		return service.HandleClientWrite(ctx, request, options...)
	})
	if err != nil {
		return nil, err
	}
	result := response.(*client.ClientResponse).GetWriteResult()
	if result == nil {
		return nil, fmt.Errorf("no write_result in %v", response)
	}
	return result, nil
}

// read gives the values of the keys that exist; a nil policy leaves the level to the server.
func (c *engineClient) read(
	policy *client.ReadConsistencyPolicy, keys ...string,
) (map[string]string, error) {
	response, err := c.call(func(
		ctx context.Context, service client.RaftClientServiceClient, options ...grpc.CallOption,
	) (interface{}, error) {
		request := &client.ClientReadRequest{ConsistencyPolicy: policy}
		for _, key := range keys {
			request.Keys = append(request.Keys, []byte(key))
		}
		return service.HandleClientRead(ctx, request, options...)
	})
	if err != nil {
		return nil, err
	}
	data := response.(*client.ClientResponse).GetReadData()
	if data == nil {
		return nil, fmt.Errorf("no read_data in %v", response)
	}
	values := map[string]string{}
	for _, result := range data.GetResults() {
		values[string(result.GetKey())] = string(result.GetValue())
	}
	return values, nil
}

func (c *engineClient) scan(prefix string) (*client.ScanResponse, error) {
	response, err := c.call(func(
		ctx context.Context, service client.RaftClientServiceClient, options ...grpc.CallOption,
	) (interface{}, error) {
		return service.HandleClientScan(ctx, &client.ScanRequest{Prefix: []byte(prefix)}, options...)
	})
	if err != nil {
		return nil, err
	}
	return response.(*client.ScanResponse), nil
}

func put(key, value string) *client.WriteCommand {
	insert := &client.WriteCommand_Insert{Key: []byte(key), Value: []byte(value)}
	return &client.WriteCommand{Operation: &client.WriteCommand_Insert_{Insert: insert}}
}

func remove(key string) *client.WriteCommand {
	operation := &client.WriteCommand_Delete{Key: []byte(key)}
	return &client.WriteCommand{Operation: &client.WriteCommand_Delete_{Delete: operation}}
}

// swap expects the key to be absent when expected is nil.
func swap(key string, expected []byte, value string) *client.WriteCommand {
	operation := &client.WriteCommand_CompareAndSwap{
		Key: []byte(key), ExpectedValue: expected, NewValue: []byte(value),
	}
	return &client.WriteCommand{
		Operation: &client.WriteCommand_CompareAndSwap_{CompareAndSwap: operation},
	}
}
