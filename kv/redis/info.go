package redis

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv/access"
)

// section is a part of INFO.
type section struct {
	name  string
	lines func(*conn, context.Context) []string
}

var sections = []section{
	{"Server", func(c *conn, _ context.Context) []string { return c.server.about() }},
	{"Clients", func(c *conn, _ context.Context) []string {
		return []string{fmt.Sprint("connected_clients:", c.server.clients()), fmt.Sprint("maxclients:", c.server.cfg.MaxConns)}
	}},
	{"Stats", func(c *conn, _ context.Context) []string {
		return []string{fmt.Sprint("total_connections_received:", c.server.lastID.Load()), fmt.Sprint("total_commands_processed:", c.server.done.Load())}
	}},
	{"Replication", func(*conn, context.Context) []string {
		// Any member takes writes, so each is a master to a client.
		return []string{"role:master", "connected_slaves:0"}
	}},
	{"Keyspace", (*conn).aboutKeys},
	{"Balsa", func(c *conn, _ context.Context) []string { return c.server.aboutMember() }},
}

// about is what INFO answers: the sections that are asked for, or all.
func (c *conn) about(ctx context.Context, asked [][]byte) string {
	var parts []string
	for _, part := range sections {
		wanted := len(asked) == 0 || slices.ContainsFunc(asked, func(a []byte) bool {
			name := inSmall(a)
			return name == strings.ToLower(part.name) || name == "all" || name == "default" || name == "everything"
		})
		if wanted {
			parts = append(parts, "# "+part.name+"\r\n"+strings.Join(part.lines(c, ctx), "\r\n")+"\r\n")
		}
	}
	return strings.Join(parts, "\r\n")
}

func (s *Server) about() []string {
	return []string{
		"redis_version:" + version,
		"redis_mode:standalone",
		"os:" + runtime.GOOS + " " + runtime.GOARCH,
		fmt.Sprint("process_id:", os.Getpid()),
		fmt.Sprint("uptime_in_seconds:", int(time.Since(s.started).Seconds())),
	}
}

// aboutKeys counts them as this member has them, which must not wait for others: INFO is
// asked when something is wrong. Only who may read all is told, since to count a part
// takes its time.
func (c *conn) aboutKeys(ctx context.Context) []string {
	if c.who.caller.NeedAll(access.Read) != nil {
		return nil
	}
	n, err := c.countKeys(ctx, balsa.AtLeast(0))
	if err != nil || n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("db0:keys=%d,expires=0,avg_ttl=0", n)}
}

func (s *Server) aboutMember() []string {
	if s.cfg.Member == nil {
		return nil
	}
	now := s.cfg.Member.Status()
	return []string{
		"name:" + now.Name,
		fmt.Sprint("id:", now.ID),
		fmt.Sprint("role:", now.Role),
		"leader:" + now.Leader,
		fmt.Sprint("term:", now.Term),
		fmt.Sprint("applied:", now.Applied),
	}
}
