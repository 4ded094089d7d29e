// A client in Go, made from the wire contract alone, against a running cluster.
//
//	client HOST:PORT,HOST:PORT,HOST:PORT
//
// It starts at the first address, which must be a follower, and prints one JSON line for each
// check: {"name": ..., "problem": null or text}. Ends with code 1 when any failed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/deventlab/d-engine/proto/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
)

type check struct {
	name string
	run  func(follower string) error
}

var checks = []check{
	{"the quick start: a write to a follower, one redirect, a linearizable read", quickStart},
	{"every read policy, and none, is served", readPolicies},
	{"missing keys are left out, empty values are not", missingAndEmpty},
	{"a compare-and-swap tells absent, empty and other values apart", swaps},
	{"a delete removes the key", deletes},
	{"a scan gives the keys of its prefix in order", scans},
	{"requests compressed with gzip are accepted", compressed},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client HOST:PORT,...")
		os.Exit(2)
	}
	follower := strings.Split(os.Args[1], ",")[0]
	code := 0
	for _, check := range checks {
		line := map[string]interface{}{"name": check.name, "problem": nil}
		if err := check.run(follower); err != nil {
			line["problem"] = err.Error()
			code = 1
		}
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
	os.Exit(code)
}

func policy(level client.ReadConsistencyPolicy) *client.ReadConsistencyPolicy { return &level }

var (
	lease        = policy(client.ReadConsistencyPolicy_READ_CONSISTENCY_POLICY_LEASE_READ)
	linearizable = policy(client.ReadConsistencyPolicy_READ_CONSISTENCY_POLICY_LINEARIZABLE_READ)
	eventual     = policy(client.ReadConsistencyPolicy_READ_CONSISTENCY_POLICY_EVENTUAL_CONSISTENCY)
)

func expect(what string, actual, expected interface{}) error {
	if fmt.Sprint(actual) == fmt.Sprint(expected) {
		return nil
	}
	return fmt.Errorf("%s: expected %v, got %v", what, expected, actual)
}

// firstError gives the first that is not nil; steps run in order and stop there.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func quickStart(follower string) error {
	c := &engineClient{address: follower}
	if _, err := c.write(put("hello", "world")); err != nil {
		return err
	}
	if len(c.visited) != 2 || c.visited[0] != follower {
		return fmt.Errorf("expected one redirect from %s, went %v", follower, c.visited)
	}
	values, err := c.read(linearizable, "hello")
	if err != nil {
		return err
	}
	return expect("hello", values["hello"], "world")
}

func readPolicies(follower string) error {
	c := &engineClient{address: follower}
	if _, err := c.write(put("go/policy", "1")); err != nil {
		return err
	}
	// An eventual read is sure to see the write only where it was acknowledged: at the leader.
	for _, level := range []*client.ReadConsistencyPolicy{nil, lease, linearizable, eventual} {
		values, err := c.read(level, "go/policy")
		if err != nil {
			return err
		}
		if err := expect(fmt.Sprint("policy ", level), values["go/policy"], "1"); err != nil {
			return err
		}
	}
	fresh := &engineClient{address: follower}
	values, err := fresh.read(nil, "go/policy")
	if err != nil {
		return err
	}
	if err := expect("way of a default read", fresh.visited, []string{follower}); err != nil {
		return err
	}
	return expect("default read of a follower", values["go/policy"], "1")
}

func missingAndEmpty(follower string) error {
	c := &engineClient{address: follower}
	if _, err := c.write(put("go/empty", "")); err != nil {
		return err
	}
	values, err := c.read(linearizable, "go/empty", "go/never")
	if err != nil {
		return err
	}
	return expect("what exists", values, map[string]string{"go/empty": ""})
}

func swaps(follower string) error {
	c := &engineClient{address: follower}
	step := func(expected []byte, value string, succeeds bool) func() error {
		return func() error {
			result, err := c.write(swap("go/swap", expected, value))
			if err != nil {
				return err
			}
			return expect(fmt.Sprintf("swap of %v", expected), result.GetSucceeded(), succeeds)
		}
	}
	return firstError(
		step([]byte{}, "no", false),
		step(nil, "", true),
		step(nil, "no", false),
		step([]byte{}, "1", true),
		step([]byte("2"), "no", false),
		step([]byte("1"), "2", true),
	)
}

func deletes(follower string) error {
	c := &engineClient{address: follower}
	for _, command := range []*client.WriteCommand{put("go/gone", "1"), remove("go/gone")} {
		if _, err := c.write(command); err != nil {
			return err
		}
	}
	values, err := c.read(linearizable, "go/gone")
	if err != nil {
		return err
	}
	return expect("what is left", len(values), 0)
}

func scans(follower string) error {
	c := &engineClient{address: follower}
	for _, key := range []string{"2", "10", "1"} {
		if _, err := c.write(put("go/s/"+key, key)); err != nil {
			return err
		}
	}
	answer, err := c.scan("go/s/")
	if err != nil {
		return err
	}
	found := []string{}
	for _, entry := range answer.GetEntries() {
		found = append(found, string(entry.GetKey())+"="+string(entry.GetValue()))
	}
	if answer.GetRevision() == 0 {
		return fmt.Errorf("the scan has no revision")
	}
	return expect("entries", found, []string{"go/s/1=1", "go/s/10=10", "go/s/2=2"})
}

func compressed(follower string) error {
	c := &engineClient{address: follower}
	c.options = []grpc.CallOption{grpc.UseCompressor(gzip.Name)}
	long := strings.Repeat("z", 100_000)
	if _, err := c.write(put("go/gzip", long)); err != nil {
		return err
	}
	values, err := c.read(linearizable, "go/gzip")
	if err != nil {
		return err
	}
	return expect("go/gzip", values["go/gzip"] == long, true)
}
