package redis

import (
	"context"
	"strings"
	"time"
)

// Results of a command, for Config.Observe: it went well; it was refused for what the client
// sent or what the store holds; it failed for the cluster's reasons.
const (
	wentWell   = "ok"
	wasRefused = "refused"
	hasFailed  = "failed"
)

// Operations that are no commands of the table, for Config.Observe.
const (
	anyLine      = "line"  // one that is answered in words
	anyOperation = "other" // what there is no command for
)

// resultOf is what an error as clients get it says.
func resultOf(fault string) string {
	switch kind, _, _ := strings.Cut(fault, " "); kind {
	case "UNKNOWN", "CLUSTERDOWN", "TRYAGAIN":
		return hasFailed
	}
	return wasRefused
}

// observe tells of a command that was answered.
func (c *conn) observe(a action, result string) {
	if tell := c.server.cfg.Observe; tell != nil {
		tell(a.name, result, time.Since(c.began))
	}
}

// observed carries out an action that is alone. One that goes on by itself counts once.
func (c *conn) observed(ctx context.Context, a action, do func(context.Context)) {
	c.write(func(w *writer) { w.result = wentWell })
	do(ctx)
	var result string
	c.write(func(w *writer) { result = w.result })
	c.observe(a, result)
}
