package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Etcd is a running cluster of etcd.
type Etcd struct {
	Processes []*Process
	Endpoints []string // of clients, a member each
}

// StartEtcd starts three members with etcd's own defaults, each in a directory of its own
// inside dir, and waits until they have a leader.
func StartEtcd(ctx context.Context, program, dir string) (_ *Etcd, err error) {
	free, err := Addrs(2 * len(names))
	if err != nil {
		return nil, err
	}
	var list []string
	for i, name := range names {
		list = append(list, name+"=http://"+free[2*i])
	}
	e := &Etcd{}
	defer func() {
		if err != nil {
			e.Stop()
		}
	}()
	for i, name := range names {
		peer, client := "http://"+free[2*i], "http://"+free[2*i+1]
		home := filepath.Join(dir, name)
		p, err := start("etcd "+name, home+".log", program, "--name", name, "--data-dir", home,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--listen-client-urls", client, "--advertise-client-urls", client,
			"--initial-cluster", strings.Join(list, ","), "--initial-cluster-state", "new")
		if err != nil {
			return nil, err
		}
		e.Processes, e.Endpoints = append(e.Processes, p), append(e.Endpoints, client)
	}
	_, err = e.Leader(ctx)
	return e, err
}

// Stop ends all members.
func (e *Etcd) Stop() {
	for _, p := range e.Processes {
		p.Stop()
	}
}

// Leader waits for a leader, half a minute at most, and returns its endpoint.
func (e *Etcd) Leader(ctx context.Context) (endpoint string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c, err := clientv3.New(clientv3.Config{Endpoints: e.Endpoints, Context: ctx, Logger: zap.NewNop()})
	if err != nil {
		return "", err
	}
	defer c.Close()
	for {
		for i, endpoint := range e.Endpoints {
			if err := e.Processes[i].Err(); err != nil {
				return "", err
			}
			asking, cancel := context.WithTimeout(ctx, time.Second)
			s, err := c.Status(asking, endpoint)
			cancel()
			if err == nil && s.Leader != 0 && s.Leader == s.Header.MemberId {
				return endpoint, nil
			}
		}
		if err := pause(ctx); err != nil {
			return "", fmt.Errorf("no leader came up: %w", err)
		}
	}
}
