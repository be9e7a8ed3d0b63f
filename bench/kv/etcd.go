package main

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/balsaraft/balsa/bench/internal/cluster"
)

// etcdLoad is callers of etcd, through etcd's own client, each of which asks again as
// soon as it is answered.
type etcdLoad struct {
	settings
	endpoint string
	get      bool
	callers  int
	servers  []*cluster.Process

	conns []*clientv3.Client
}

// connect makes the connections, once. As few as this are faster for etcd than one for
// each caller, since many calls then share what goes over the network.
func (e *etcdLoad) connect(ctx context.Context) error {
	const enough = 5
	for len(e.conns) < enough {
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.endpoint}, Context: ctx, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
		if err != nil {
			return err
		}
		e.conns = append(e.conns, c)
	}
	return nil
}

// run runs it once.
func (e *etcdLoad) run(ctx context.Context) (sample, error) {
	if err := e.connect(ctx); err != nil {
		return sample{}, err
	}
	value := make([]byte, e.size)
	rand.Read(value)
	before, err := cluster.CPU(e.servers)
	if err != nil {
		return sample{}, err
	}
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var callers sync.WaitGroup
	began := time.Now()
	until := began.Add(time.Duration(e.seconds * float64(time.Second)))
	for i := range e.callers {
		callers.Go(func() {
			own, err := e.call(ctx, e.conns[i%len(e.conns)], string(value), until)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			if err != nil {
				failed = err
			}
		})
	}
	callers.Wait()
	lasted := time.Since(began)
	after, err := cluster.CPU(e.servers)
	switch {
	case failed != nil:
		return sample{}, failed
	case err != nil:
		return sample{}, err
	}
	slices.Sort(took)
	return sample{
		perSecond: float64(len(took)) / lasted.Seconds(),
		p50:       took[len(took)/2], p99: took[len(took)*99/100],
		server: (after - before) / time.Duration(len(took)),
	}, nil
}

// call asks until the time is over, and says how long each took.
func (e *etcdLoad) call(ctx context.Context, c *clientv3.Client, value string, until time.Time) (took []time.Duration, err error) {
	for now := time.Now(); now.Before(until); {
		key := fmt.Sprintf("key:%012d", mathrand.IntN(e.keys)) // as redis-benchmark has them
		if e.get {
			_, err = c.Get(ctx, key)
		} else {
			_, err = c.Put(ctx, key, value)
		}
		if err != nil {
			return nil, err
		}
		then := time.Now()
		took, now = append(took, then.Sub(now)), then
	}
	return took, nil
}
