package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// collector is where spans go, over OTLP/HTTP in protobuf (opentelemetry.io/docs/specs/otlp).
// It is the transport of otlptrace, which makes the messages. OpenTelemetry's own transport
// would bring along all of gRPC, of which nothing is used here: a hundred packages that
// whoever builds the command would wait for.
type collector struct {
	settings
	*http.Client
	stopped context.Context
	stop    context.CancelFunc
}

func newCollector(s settings) *collector {
	c := &collector{settings: s, Client: &http.Client{
		Timeout:   s.timeout,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: s.tls, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
	}}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c
}

// Start implements otlptrace.Client. Connections are made when there is something to send.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client. It breaks off what is being sent.
func (c *collector) Stop(context.Context) error {
	c.stop()
	c.CloseIdleConnections()
	return nil
}

// firstPause is how long it waits before it tries again for the first time, unless it is
// told; each time it is twice as long.
const firstPause = time.Second

// UploadTraces implements otlptrace.Client. It tries again, until ctx ends, what the
// specification calls retryable.
func (c *collector) UploadTraces(ctx context.Context, all []*spans.ResourceSpans) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stopped, cancel)()
	// On the wire these are the same as the request that holds nothing but them.
	body, err := proto.Marshal(&spans.TracesData{ResourceSpans: all})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if c.gzip {
		body = packed(body)
	}
	for pause := firstPause; ; pause *= 2 {
		err := c.send(ctx, body)
		again, ok := errors.AsType[retryable](err)
		if !ok {
			return err
		}
		select {
		case <-time.After(max(pause, again.after)):
		case <-ctx.Done():
			return err
		}
	}
}

func packed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // memory takes all
	_ = w.Close()
	return b.Bytes()
}

// retryable is a failure that may be over soon.
type retryable struct {
	error
	after time.Duration // how long the collector wants to be left alone
}

func (r retryable) Unwrap() error { return r.error }

// mostAnswered bounds what is read of an answer.
const mostAnswered = 64 << 10

func (c *collector) send(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("User-Agent", "balsa")
	if c.gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.Do(request)
	if err != nil {
		return retryable{error: fmt.Errorf("send traces: %w", err)}
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswered))
	if err != nil {
		return retryable{error: fmt.Errorf("read what %s answers to traces: %w", c.url, err)}
	}
	switch answer.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return rejected(c.url, said)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // a date is as good as nothing
		return retryable{refusal(c.url, answer.Status, said), time.Duration(seconds) * time.Second}
	}
	return refusal(c.url, answer.Status, said)
}

func refusal(url, status string, said []byte) error {
	return fmt.Errorf("%s refuses traces: %s: %s", url, status, strings.TrimSpace(string(said)))
}

// rejected is an error if the collector has not taken all spans. It says so in field 1 of its
// answer: how many in field 1 of that, and why in field 2.
func rejected(url string, answer []byte) error {
	partial, _ := field(answer, 1, protowire.BytesType)
	count, _ := field(partial, 1, protowire.VarintType)
	why, _ := field(partial, 2, protowire.BytesType)
	n, _ := protowire.ConsumeVarint(count)
	if len(count) == 0 && len(why) == 0 {
		return nil
	}
	return fmt.Errorf("%s has not taken %d spans: %s", url, max(n, 0), why)
}

// field is the last value of a field of a message, without its length; not ok if the message
// has none, or is none.
func field(message []byte, number protowire.Number, kind protowire.Type) (value []byte, ok bool) {
	for len(message) > 0 {
		n, k, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil, false
		}
		message = message[size:]
		if size = protowire.ConsumeFieldValue(n, k, message); size < 0 {
			return nil, false
		}
		if n == number && k == kind {
			value, ok = message[:size], true
			if kind == protowire.BytesType {
				value, _ = protowire.ConsumeBytes(value)
			}
		}
		message = message[size:]
	}
	return value, ok
}
