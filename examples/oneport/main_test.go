package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/balsaraft/balsa/client"
)

func TestMembersCallersAndPagesShareAPort(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	serving, stop := context.WithCancel(ctx)
	var listeners []net.Listener
	var addrs []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, addrs = append(listeners, l), append(addrs, l.Addr().String())
	}
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- serve(serving, l, addrs, "", io.Discard) }()
	}

	c, err := client.Dial[string, int](ctx, addrs...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Propose(ctx, "tea"); n != 1 || err != nil {
		t.Errorf("a caller votes and hears %d, %v", n, err)
	}
	c.Close()
	for i, want := range []string{"2 for tea\n", "3 for tea\n", "4 for tea\n"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addrs[i]+"/vote/tea", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != want || err != nil {
			t.Errorf("the page of member %d says %q, %v; want %q", i, body, err, want)
		}
	}
	stop()
	for range listeners {
		if err := <-ended; err != nil {
			t.Errorf("a server ended with %v", err)
		}
	}
}
