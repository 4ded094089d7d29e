package main

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
)

// messageCodec encodes with the protobuf library that the stubs are generated for. gRPC as Debian
// packages it still comes with the one before, which cannot read their "oneof" fields.
type messageCodec struct{}

func init() { encoding.RegisterCodec(messageCodec{}) }

func (messageCodec) Name() string { return "proto" }

func (messageCodec) Marshal(message interface{}) ([]byte, error) {
	if known, ok := message.(proto.Message); ok {
		return proto.Marshal(known)
	}
	return nil, fmt.Errorf("%T is no message", message)
}

func (messageCodec) Unmarshal(data []byte, message interface{}) error {
	if known, ok := message.(proto.Message); ok {
		return proto.Unmarshal(data, known)
	}
	return fmt.Errorf("%T is no message", message)
}
