// Puts load on etcd through etcd's own client: one JSON request a line in, one answer a line out.
//
//	etcd-load ENDPOINT KEYS VALUE_BYTES
//	{"operation": "put" | "linearizable" | "eventual", "callers": 1000, "durationMs": 1000}
//	{"operations": 1, "perSecond": 1, "p50Ms": 1, "p99Ms": 1}
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
)

// connections is the number that served most puts on two cores: one is held back by its one
// reader, a hundred by a hundred of them.
const connections = 8

const stride = 7919 // as in run-load.ts

type request struct {
	Operation  string
	Callers    int
	DurationMs float64
}

type figures struct {
	Operations int     `json:"operations"`
	PerSecond  float64 `json:"perSecond"`
	P50Ms      float64 `json:"p50Ms"`
	P99Ms      float64 `json:"p99Ms"`
}

type loader struct {
	clients []*clientv3.Client
	keys    []string
	value   string
	at      uint64
}

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: etcd-load ENDPOINT KEYS VALUE_BYTES"))
	}
	keys, err := strconv.Atoi(os.Args[2])
	check(err)
	valueBytes, err := strconv.Atoi(os.Args[3])
	check(err)
	l := &loader{value: string(bytes.Repeat([]byte{0x76}, valueBytes))}
	for i := 0; i < keys; i++ {
		key := make([]byte, 8)
		binary.BigEndian.PutUint32(key[4:], uint32(i))
		l.keys = append(l.keys, string(key))
	}
	for i := 0; i < connections; i++ {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{os.Args[1]}, DialTimeout: 30 * time.Second,
		})
		check(err)
		l.clients = append(l.clients, client)
	}
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked request
		check(json.Unmarshal(in.Bytes(), &asked))
		check(out.Encode(l.run(asked)))
	}
}

func (l *loader) run(asked request) figures {
	started := time.Now()
	until := started.Add(time.Duration(asked.DurationMs * float64(time.Millisecond)))
	latencies := make([][]float64, asked.Callers)
	var callers sync.WaitGroup
	for caller := 0; caller < asked.Callers; caller++ {
		callers.Add(1)
		go func(caller int) {
			defer callers.Done()
			client := l.clients[caller%len(l.clients)]
			for before := time.Now(); before.Before(until); {
				l.operate(client, asked.Operation)
				after := time.Now()
				latencies[caller] = append(latencies[caller], after.Sub(before).Seconds()*1000)
				before = after
			}
		}(caller)
	}
	callers.Wait()
	elapsed := time.Since(started).Seconds()
	var all []float64
	for _, each := range latencies {
		all = append(all, each...)
	}
	sort.Float64s(all)
	return figures{
		Operations: len(all), PerSecond: float64(len(all)) / elapsed,
		P50Ms: all[len(all)/2], P99Ms: all[len(all)*99/100],
	}
}

func (l *loader) operate(client *clientv3.Client, operation string) {
	key := l.keys[atomic.AddUint64(&l.at, stride)%uint64(len(l.keys))]
	var err error
	switch operation {
	case "put":
		_, err = client.Put(context.Background(), key, l.value)
	case "linearizable":
		_, err = client.Get(context.Background(), key)
	case "eventual":
		_, err = client.Get(context.Background(), key, clientv3.WithSerializable())
	default:
		err = fmt.Errorf("no such operation: %s", operation)
	}
	check(err)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
