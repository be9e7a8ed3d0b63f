package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestTheServiceStandsBesideThePrograms(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, stop := context.WithCancel(ctx)
	r, w := io.Pipe()
	serving := make(chan error, 1)
	go func() { serving <- serve(server, "127.0.0.1:0", w) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))

	response, err := http.Post("http://"+addr+"/vote/tea", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if string(body) != "1 for tea\n" || err != nil {
		t.Errorf("its own page says %q, %v", body, err)
	}
	var out bytes.Buffer
	if err := vote(ctx, addr, "tea", &out); err != nil || out.String() != "2 for tea, of all: {\"tea\":2}\n" {
		t.Errorf("a caller hears %q, %v", out.String(), err)
	}
	stop()
	if err := <-serving; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}
