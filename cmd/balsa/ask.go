package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// askMember sends a request without a body to a member's HTTP port.
func askMember(ctx context.Context, members *http.Client, method, server, path, token string) (*http.Response, error) {
	request, err := memberRequest(ctx, method, server, path, token, nil)
	if err != nil {
		return nil, err
	}
	return members.Do(request)
}

// memberRequest is a request to a member's HTTP port; body may be nil.
func memberRequest(ctx context.Context, method, server, path, token string, body io.Reader) (*http.Request, error) {
	at, err := url.Parse(server)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("%w: --server %s: it must be a URL, such as http://127.0.0.1:8080", errUsage, server)
	}
	path, query, _ := strings.Cut(path, "?")
	at = at.JoinPath(path)
	at.RawQuery = query
	request, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}
